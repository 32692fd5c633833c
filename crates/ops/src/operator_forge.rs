//! The client with the operator's token, which is looked up when a request first needs it.

use std::cell::OnceCell;
use std::fmt;

use forge::{Forge, ForgeError, ForgeSettings};
use model::base::http::Token;
use model::release::host::CredentialSource;
use transport::Recording;

/// Finds the operator's token. Returns `None` if there is none.
type FindToken<'a> = Box<dyn Fn() -> Option<Token> + 'a>;

/// A client of GitHub with the operator's token. The token is looked up on first use, because the look-up may start
/// `gh` and git's credential helpers, which commands that need no token must not do.
pub struct OperatorForge<'a> {
    /// The settings of the connection, without the token.
    settings: ForgeSettings,
    find_token: FindToken<'a>,
    recording: Option<Recording>,
    connection: OnceCell<(Forge, CredentialSource)>,
}

impl fmt::Debug for OperatorForge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorForge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<'a> OperatorForge<'a> {
    /// Creates a client with these settings. `find_token` is called at most once.
    pub fn new(settings: ForgeSettings, find_token: impl Fn() -> Option<Token> + 'a) -> Self {
        Self { settings, find_token: Box::new(find_token), recording: None, connection: OnceCell::new() }
    }

    /// Returns the client with a recording, which keeps its responses or replaces its requests. If it replaces them, no
    /// token is looked up.
    #[must_use]
    pub(crate) fn with_recording(self, recording: Option<Recording>) -> Self {
        Self { recording: recording.map(Recording::authenticated), ..self }
    }

    /// Returns the client. The first call looks up the token.
    ///
    /// # Errors
    /// [`ForgeError::InvalidUrl`] if the URL is not valid or the token would be sent without TLS, and
    /// [`ForgeError::ClientSetup`] if the client cannot be set up.
    pub(crate) fn forge(&self) -> Result<&Forge, ForgeError> {
        self.connect().map(|(forge, _)| forge)
    }

    /// Returns where the token comes from.
    ///
    /// # Errors
    /// The errors of [`OperatorForge::forge`].
    pub(crate) fn credentials(&self) -> Result<CredentialSource, ForgeError> {
        self.connect().map(|(_, credentials)| *credentials)
    }

    /// Returns whether all answers are read from a recording.
    pub(crate) fn is_replay(&self) -> bool {
        self.recording.as_ref().is_some_and(Recording::is_replay)
    }

    fn connect(&self) -> Result<&(Forge, CredentialSource), ForgeError> {
        if let Some(connected) = self.connection.get() {
            return Ok(connected);
        }
        let token = if self.is_replay() { None } else { (self.find_token)() };
        let credentials = token.as_ref().map_or(CredentialSource::None, Token::source);
        let forge = Forge::connect(ForgeSettings { token, ..self.settings.clone() })?;
        let forge = forge.with_recording(self.recording.clone());
        Ok(self.connection.get_or_init(|| (forge, credentials)))
    }
}
