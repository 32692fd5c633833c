//! GitHub as the operator sees it: with a token, which is looked up when a request first needs it.

use std::cell::OnceCell;
use std::fmt;

use forge::{Forge, ForgeError, ForgeSettings};
use model::base::http::Token;
use model::release::host::CredentialSource;

/// Finds the operator's token. Returns `None` if there is none.
type FindToken<'a> = Box<dyn Fn() -> Option<Token> + 'a>;

/// A client with the operator's token. Reading commands that need no token never look for one: programs that keep tokens
/// would run.
pub struct OperatorForge<'a> {
    /// How to connect; without the token.
    settings: ForgeSettings,
    find_token: FindToken<'a>,
    connection: OnceCell<(Forge, CredentialSource)>,
}

impl fmt::Debug for OperatorForge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorForge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<'a> OperatorForge<'a> {
    /// A client that connects with these settings and the token that `find_token` finds.
    pub fn new(settings: ForgeSettings, find_token: impl Fn() -> Option<Token> + 'a) -> Self {
        Self { settings, find_token: Box::new(find_token), connection: OnceCell::new() }
    }

    /// The client. Looks for the token the first time.
    ///
    /// # Errors
    /// [`ForgeError::Address`] if the token would travel in the clear, [`ForgeError::Client`].
    pub(crate) fn forge(&self) -> Result<&Forge, ForgeError> {
        self.connect().map(|(forge, _)| forge)
    }

    /// Where the token comes from.
    ///
    /// # Errors
    /// As [`OperatorForge::forge`].
    pub(crate) fn credentials(&self) -> Result<CredentialSource, ForgeError> {
        self.connect().map(|(_, credentials)| *credentials)
    }

    fn connect(&self) -> Result<&(Forge, CredentialSource), ForgeError> {
        if let Some(connected) = self.connection.get() {
            return Ok(connected);
        }
        let token = (self.find_token)();
        let credentials = token.as_ref().map_or(CredentialSource::None, Token::source);
        let forge = Forge::connect(ForgeSettings { token, ..self.settings.clone() })?;
        Ok(self.connection.get_or_init(|| (forge, credentials)))
    }
}
