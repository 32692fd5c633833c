//! A release from end to end, on one machine: the suite's own program on the world of `emulators`, then an outsider who proves it,
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
mod strike;

use std::path::{Path, PathBuf};

use model::evidence::verdict::{Finding, Verdict};

pub use belongings::{Belongings, Seen};
pub use emulators::KeyKind;
pub use fault::{FAULTS, Fault};
pub use plot::{Plot, Source};
pub use reader::{Became, Tried};
pub use strike::{Strikes, Struck, strike};

use stage::Stage;

/// Why a rehearsal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// Somebody wants it to end.
    #[error("interrupted; what was made for the rehearsal is removed")]
    Interrupted,
    /// A remote that the repository knows nothing of.
    #[error("{remote} has no branch {branch} in this clone, as it was last fetched")]
    Remote {
        /// The remote.
        remote: String,
        /// The default branch.
        branch: String,
    },
    /// A folder that gpg or `PATH` cannot work in.
    #[error("temporary files go to {}, which is {why}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        why: &'static str,
    },
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
    World(#[from] emulators::RehearsalError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] model::CatalogError),
}

impl PlayError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Interrupted => "run it again when you like",
            Self::Remote { .. } => {
                "git fetch that remote, or name another with --remote; --demo leaves this repository out"
            }
            Self::Folder { .. } => "set TMPDIR to a short plain folder, as in TMPDIR=/tmp",
            Self::Catalog(_) => "mend the catalog",
            _ => "scripts/setup.sh installs what a rehearsal needs; --demo leaves this repository out",
        }
    }
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
    interrupt::watch();
    let before = belongings.look()?;
    let mut play = Play { steps: Vec::new(), tell };
    let played = play.all(plot, keep).map_err(interrupt::or)?;
    (play.tell)(Told::Begins("untouched"));
    let left =
        played.kept.is_none().then(|| played.folder.as_deref().and_then(belongings::removed)).flatten();
    play.ended(left.unwrap_or(before.compare(&belongings.look()?)));
    Ok(Rehearsed { steps: play.steps, tried: played.tried, notes: played.notes, kept: played.kept })
}

/// A rehearsal that is being played.
struct Play<'a> {
    steps: Vec<Finding>,
    tell: &'a mut dyn FnMut(Told<'_>),
}

/// What a rehearsal came to, beside its steps.
#[derive(Default)]
struct Played {
    tried: Vec<Tried>,
    notes: Option<String>,
    /// Where it was played.
    folder: Option<PathBuf>,
    kept: Option<PathBuf>,
}

impl Play<'_> {
    fn ended(&mut self, it: Finding) {
        (self.tell)(Told::Ended(&it));
        self.steps.push(it);
    }

    /// Everything. The stage is gone when it returns, unless it is to be kept.
    fn all(&mut self, plot: &Plot, keep: bool) -> Result<Played, PlayError> {
        if let Source::Repository { root, .. } = &plot.source {
            (self.tell)(Told::Begins("here"));
            let it = acts::here(plot, root)?;
            let refused = it.verdict != Verdict::Proven;
            self.ended(it);
            if refused {
                return Ok(Played::default());
            }
        }
        (self.tell)(Told::Begins("world"));
        let mut stage = Stage::set(plot)?;
        let (told, key) = (&stage.told, plot.key.name());
        let evidence = format!("{told}; origin, GitHub and Sigstore on 127.0.0.1, a throwaway {key} key");
        self.ended(acts::finding("world", &plot.slug, (Verdict::Proven, "set"), evidence, ""));
        let mut played = self.acts(&mut stage)?;
        played.folder = Some(stage.folder().to_owned());
        played.kept = if keep { Some(stage.keep()) } else { None };
        Ok(played)
    }

    fn acts(&mut self, stage: &mut Stage<'_>) -> Result<Played, PlayError> {
        let tag = &stage.plot.tag;
        (self.tell)(Told::Begins("release"));
        let (it, released) = acts::judge_release(tag, &acts::release(stage, None)?);
        self.ended(it);
        let Some(released) = released else { return Ok(Played::default()) };
        (self.tell)(Told::Begins("attest"));
        let run = acts::workflow_run(stage)?;
        let it = acts::attest(stage, &released, &run)?;
        self.ended(it);
        (self.tell)(Told::Begins("audit"));
        self.ended(acts::judge_audit(tag, &acts::audit(stage)?));
        (self.tell)(Told::Begins("notes"));
        written(&stage.file("notes.md"), &released.notes)?;
        let (it, tried) = reader::follow(stage, &released.notes)?;
        self.ended(it);
        Ok(Played { tried, notes: Some(released.notes), ..Played::default() })
    }
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
