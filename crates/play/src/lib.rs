//! A release from end to end, on one machine: the suite's own program on the world of `rehearsal`, then an outsider who proves it,
//! then a reader who follows the notes. And what becomes of it where something breaks on the way.
//!
//! This crate will not do anything that the suite does: it runs the suite's program and other people's, and judges what they say. It
//! reads no environment and no clock, and writes to temporary folders alone.

mod acts;
mod belongings;
mod fault;
mod interrupt;
mod origin;
mod plot;
mod process;
mod reader;
mod stage;

use std::path::{Path, PathBuf};

use model::verdict::{Finding, Verdict};

pub use belongings::Belongings;
pub use fault::{FAULTS, Fault, Struck, strike};
pub use plot::{Plot, Source};
pub use reader::{Became, Tried};
pub use rehearsal::KeyKind;

use stage::Stage;

/// Why a rehearsal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// Somebody wants it to end.
    #[error("interrupted; what was made for the rehearsal is removed")]
    Interrupted,
    /// A program that cannot be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program that refused what sets the stage.
    #[error("{program} refused: {said}")]
    Refused {
        /// The program.
        program: String,
        /// The last thing that it said.
        said: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The world on loopback.
    #[error(transparent)]
    World(#[from] rehearsal::RehearsalError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] model::CatalogError),
}

/// What is told while it plays.
#[derive(Debug)]
pub enum Told<'a> {
    /// A step begins.
    Begins(&'static str),
    /// It ended so.
    Ended(&'a Finding),
}

/// A rehearsal that was played.
#[derive(Debug)]
pub struct Rehearsed {
    /// The steps, in their order. Where one could not be done, it is the last.
    pub steps: Vec<Finding>,
    /// The commands of the notes.
    pub tried: Vec<Tried>,
    /// The notes; none where the release was refused.
    pub notes: Option<String>,
    /// The folder, where it was to be kept.
    pub kept: Option<PathBuf>,
}

impl Rehearsed {
    /// Whether the release was refused, so that there was nothing to prove.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.steps.iter().any(|it| it.reason == acts::REFUSED)
    }
}

/// Plays a release from end to end.
///
/// # Errors
/// [`PlayError`] where the stage cannot be set. What the suite refuses or cannot prove is no error but a finding.
pub fn rehearse(
    plot: &Plot,
    belongings: &Belongings,
    keep: bool,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Rehearsed, PlayError> {
    let before = belongings.look()?;
    let mut steps = Vec::new();
    tell(Told::Begins("world"));
    let mut stage = Stage::set(plot)?;
    let evidence = format!(
        "{}; origin, GitHub and Sigstore on 127.0.0.1, a throwaway {} key",
        stage.told,
        plot.key.name()
    );
    let mut ended = |tell: &mut dyn FnMut(Told<'_>), it: Finding| {
        tell(Told::Ended(&it));
        steps.push(it);
    };
    ended(tell, acts::finding("world", &plot.slug, (Verdict::Proven, "set"), evidence, ""));
    tell(Told::Begins("release"));
    let (it, released) = acts::judge_release(&plot.tag, &acts::release(&stage, None)?);
    ended(tell, it);
    let mut tried = Vec::new();
    if let Some(released) = &released {
        tell(Told::Begins("attest"));
        let run = acts::workflow_run(&stage)?;
        let it = acts::attest(&mut stage, released, &run)?;
        ended(tell, it);
        tell(Told::Begins("audit"));
        ended(tell, acts::judge_audit(&plot.tag, &acts::audit(&stage)?));
        tell(Told::Begins("notes"));
        written(&stage.file("notes.md"), &released.notes)?;
        let (it, all) = reader::follow(&stage, &released.notes)?;
        tried = all;
        ended(tell, it);
    }
    tell(Told::Begins("untouched"));
    let folder = stage.folder().to_owned();
    let kept = if keep { Some(stage.keep()) } else { None };
    ended(tell, before.compare(&belongings.look()?, &folder));
    Ok(Rehearsed { steps, tried, notes: released.map(|it| it.notes), kept })
}

/// Writes a file.
pub(crate) fn written(path: &Path, text: &str) -> Result<(), PlayError> {
    std::fs::write(path, text).map_err(|source| PlayError::Write { path: path.to_owned(), source })
}

/// A folder, made where it is missing.
pub(crate) fn folder_of(path: PathBuf) -> Result<PathBuf, PlayError> {
    match std::fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(PlayError::Write { path, source }),
    }
}
