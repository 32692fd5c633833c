//! What happens during a release, for whoever reports it.

use model::base::http::HttpEvent;
use model::release::plan::StepAction;
use model::release::receipt::OutputFile;

/// What happens while a release is performed.
#[derive(Debug, Clone)]
pub enum ReleaseEvent {
    /// A file is being written.
    WritingFile(String),
    /// A file is complete.
    FileWritten(OutputFile),
    /// A tag is being made in this clone.
    CreatingTag(String),
    /// A tag was made in this clone.
    TagCreated(String),
    /// The tag was there, at the same commit.
    TagExists(String),
    /// Something is about to leave this machine.
    Started(StepRef),
    /// It has.
    Finished(StepRef),
    /// Something was there, and right.
    AlreadyDone(StepRef),
    /// What the connection has to tell.
    Http(HttpEvent),
}

/// What leaves this machine, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRef {
    /// What is done.
    pub action: StepAction,
    /// To what.
    pub subject: String,
}
