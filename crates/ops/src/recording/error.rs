//! Why a folder cannot be used as a recording.

use std::path::{Path, PathBuf};

use archive::FolderError;

/// Why a folder cannot be used as a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The folder, or a file in it, cannot be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The folder cannot be listed.
    #[error("cannot list {}", .0.display())]
    List(PathBuf, #[source] std::io::Error),
    /// There is no recording.
    #[error("{} has no recording of an audit", .0.display())]
    Missing(PathBuf),
    /// The recording is complete, so it is not changed.
    #[error("{} has a complete recording", .0.display())]
    Complete(PathBuf),
    /// The folder has other files, among which a recording would not be found.
    #[error("{} is not empty and has no recording", .0.display())]
    OtherFiles(PathBuf),
    /// The recording is of another audit.
    #[error("the recording in {} is of {found}", path.display())]
    OtherAudit {
        /// The folder.
        path: PathBuf,
        /// What the recording is of, escaped.
        found: String,
    },
    /// The recording has another format.
    #[error("the recording in {} has the format {found}, expected {expected}", path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// The format, escaped.
        found: String,
        /// The format that this version reads.
        expected: &'static str,
    },
    /// The description of the recording is not valid.
    #[error("recording.json in {} is not valid: {reason}", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// The error of the parser, escaped.
        reason: String,
    },
}

impl RecordingError {
    pub(super) fn damaged(path: &Path, error: &serde_json::Error) -> Self {
        let reason = model::UntrustedText::new(error.to_string()).escaped();
        Self::Damaged { path: path.to_owned(), reason }
    }

    /// Returns what to do next. `None` if the message already says it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Folder(FolderError::Locked(_)) => Some("wait for the other run to end, then run again"),
            Self::Folder(_) | Self::List(..) => None,
            Self::Missing(_) => Some("make one with audit --save DIR"),
            Self::Complete(_) => Some("read it with --from DIR, or save to another folder"),
            Self::OtherFiles(_) => Some("choose an empty folder, or one that does not exist"),
            Self::OtherAudit { .. } => Some("choose another folder, or audit what the recording is of"),
            Self::Format { .. } | Self::Damaged { .. } => Some("save the audit again to another folder"),
        }
    }
}
