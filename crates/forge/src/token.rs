//! Secrets.

use std::fmt;

use model::release::host::CredentialSource;

/// A token, and where it comes from. It is shown nowhere.
#[derive(Clone)]
pub struct Token {
    secret: String,
    source: CredentialSource,
}

impl Token {
    /// A token from this source; none where it cannot be one, because a header could not carry it.
    #[must_use]
    pub fn new(secret: &str, source: CredentialSource) -> Option<Self> {
        let secret = secret.trim();
        let plain = !secret.is_empty() && secret.bytes().all(|it| it.is_ascii_graphic());
        plain.then(|| Self { secret: secret.to_owned(), source })
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> CredentialSource {
        self.source
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_token() {
        let token = Token::new(" invented-token\n", CredentialSource::User("a test")).unwrap();
        assert_eq!((token.secret(), format!("{token:?}").as_str()), ("invented-token", "Token(***)"));
        for bad in ["", "  ", "two words", "line\r\nX-Evil: 1", "häm"] {
            assert!(Token::new(bad, CredentialSource::User("a test")).is_none(), "took {bad:?}");
        }
    }
}
