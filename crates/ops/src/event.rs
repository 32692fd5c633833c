//! What happens during a release, for whoever reports it.

use forge::Told;
use model::release::plan::StepAction;
use model::release::receipt::OutputFile;

/// What happens while a release is performed.
#[derive(Debug, Clone)]
pub enum Event {
    /// A file is being written.
    Writing(String),
    /// A file is complete.
    Written(OutputFile),
    /// A tag is being made in this clone.
    Tagging(String),
    /// A tag was made in this clone.
    Tagged(String),
    /// The tag was there, at the same commit.
    TagKept(String),
    /// Something is about to leave this machine.
    Doing(Deed),
    /// It has.
    Did(Deed),
    /// Something was there, and right.
    Kept(Deed),
    /// What the connection has to tell.
    Connection(Told),
}

/// What leaves this machine, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What is done.
    pub action: StepAction,
    /// To what.
    pub subject: String,
}
