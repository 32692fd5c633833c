//! Why an emulator cannot be set up.

/// Why a world cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}")]
pub struct EmulatorError {
    pub(crate) action: String,
    #[source]
    pub(crate) source: std::io::Error,
}

pub(crate) fn failed_to(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> EmulatorError {
    move |source| EmulatorError { action: action.into(), source }
}
