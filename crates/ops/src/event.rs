//! The progress events of a release, for the caller to report.

use model::base::http::HttpEvent;
use model::release::plan::StepAction;
use model::release::receipt::OutputFile;

/// A progress event of a release.
#[derive(Debug, Clone)]
pub enum ReleaseEvent {
    /// The file of this name is about to be written.
    WritingFile(String),
    /// The file is complete.
    FileWritten(OutputFile),
    /// The tag is about to be created in the clone.
    CreatingTag(String),
    /// The tag was created in the clone.
    TagCreated(String),
    /// The tag already exists at the commit to release.
    TagExists(String),
    /// A step on the remote or on GitHub is about to start.
    Started(StepRef),
    /// The step succeeded.
    Finished(StepRef),
    /// The step was skipped, because an earlier run completed it.
    AlreadyDone(StepRef),
    /// A retry, or the progress of an upload.
    Http(HttpEvent),
}

/// A step on the remote or on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRef {
    /// The action.
    pub action: StepAction,
    /// The object of the action: a tag or an asset name.
    pub subject: String,
}
