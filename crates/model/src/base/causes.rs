//! Error messages that include their causes, for reports that have one line per error.

use std::error::Error;

/// Returns the message of an error, followed by the messages of its causes, joined with `: `.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| Error::source(*error));
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read x")]
    struct WrappedError(#[source] std::fmt::Error);

    #[test]
    fn causes_are_appended_to_the_message() {
        let cause = std::fmt::Error;
        assert_eq!(with_causes(&WrappedError(cause)), format!("cannot read x: {cause}"));
        assert_eq!(with_causes(&cause), cause.to_string());
    }
}
