//! The error of this crate.

/// An emulator, a key or a demo repository could not be created or changed. The source is the cause.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}")]
pub struct EmulatorError {
    pub(crate) action: String,
    #[source]
    pub(crate) source: std::io::Error,
}

/// Returns a function for `map_err` that wraps an I/O error as "cannot ACTION".
pub(crate) fn failed_to(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> EmulatorError {
    move |source| EmulatorError { action: action.into(), source }
}
