//! A release from end to end, on one machine: the suite's own program on the world of `emulators`, then an outsider who proves it,
//! then a reader who follows the notes. And what becomes of it where something breaks on the way.
//!
//! This crate will not do anything that the suite does: it runs the suite's program and other people's, and judges what they say. It
//! reads no environment and no clock, and writes to temporary folders alone.

mod config;
mod fault_injection;
mod interrupt;
mod notes_walkthrough;
mod origin;
mod process;
mod protected_paths;
mod sandbox;
mod scenarios;
mod steps;

use std::path::{Path, PathBuf};

use model::evidence::verdict::{Finding, Verdict};

pub use config::{RehearsalConfig, RehearsalSource};
pub use emulators::KeyKind;
pub use fault_injection::{FaultReport, FaultResult, inject_faults};
pub use notes_walkthrough::{CommandOutcome, CommandResult};
pub use protected_paths::{PathsSnapshot, ProtectedPaths};
pub use scenarios::{FAULT_SCENARIOS, FaultScenario};

use sandbox::ReleaseSandbox;

/// Why a rehearsal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// Somebody wants it to end.
    #[error("interrupted; what was made for the rehearsal is removed")]
    Interrupted,
    /// A remote that the repository knows nothing of.
    #[error("{remote} has no branch {branch} in this clone, as it was last fetched")]
    RemoteBranchMissing {
        /// The remote.
        remote: String,
        /// The default branch.
        branch: String,
    },
    /// A folder that gpg or `PATH` cannot work in.
    #[error("temporary files go to {}, which is {reason}", folder.display())]
    UnusableTempDir {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// A program that cannot be started.
    #[error("cannot start {program}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program that refused what sets the stage.
    #[error("{program} refused: {message}")]
    CommandFailed {
        /// The program.
        program: String,
        /// The last thing that it said.
        message: String,
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
    Emulator(#[from] emulators::EmulatorError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] model::CatalogError),
}

impl RehearsalError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Interrupted => "run it again when you like",
            Self::RemoteBranchMissing { .. } => {
                "git fetch that remote, or name another with --remote; --demo leaves this repository out"
            }
            Self::UnusableTempDir { .. } => "set TMPDIR to a short plain folder, as in TMPDIR=/tmp",
            Self::Catalog(_) => "mend the catalog",
            _ => "scripts/setup.sh installs what a rehearsal needs; --demo leaves this repository out",
        }
    }
}

/// What is told while it plays.
#[derive(Debug)]
pub enum RehearsalEvent<'a> {
    /// A step begins.
    Started(&'static str),
    /// It ended so.
    Finished(&'a Finding),
}

/// A rehearsal that was played.
#[derive(Debug)]
pub struct RehearsalReport {
    /// The steps, in their order. Where one could not be done, it is the last.
    pub steps: Vec<Finding>,
    /// The commands of the notes.
    pub commands: Vec<CommandResult>,
    /// The notes; none where the release was refused.
    pub notes: Option<String>,
    /// The folder, where it was to be kept.
    pub kept_dir: Option<PathBuf>,
}

impl RehearsalReport {
    /// Whether the release was refused, so that there was nothing to prove.
    #[must_use]
    pub fn release_refused(&self) -> bool {
        self.steps.iter().any(|it| it.reason == steps::REFUSED_REASON)
    }
}

/// Plays a release from end to end.
///
/// # Errors
/// [`PlayError`] where the stage cannot be set. What the suite refuses or cannot prove is no error but a finding.
pub fn rehearse(
    config: &RehearsalConfig,
    protected_paths: &ProtectedPaths,
    keep: bool,
    on_event: &mut dyn FnMut(RehearsalEvent<'_>),
) -> Result<RehearsalReport, RehearsalError> {
    interrupt::watch();
    let before = protected_paths.snapshot()?;
    let mut runner = RehearsalRunner { steps: Vec::new(), on_event };
    let outcome = runner.run(config, keep).map_err(interrupt::map_interrupted)?;
    (runner.on_event)(RehearsalEvent::Started("untouched"));
    let leftover = outcome
        .kept_dir
        .is_none()
        .then(|| outcome.sandbox_dir.as_deref().and_then(protected_paths::leftover_dir))
        .flatten();
    runner.record(leftover.unwrap_or(before.compare(&protected_paths.snapshot()?)));
    Ok(RehearsalReport {
        steps: runner.steps,
        commands: outcome.commands,
        notes: outcome.notes,
        kept_dir: outcome.kept_dir,
    })
}

/// A rehearsal that is being played.
struct RehearsalRunner<'a> {
    steps: Vec<Finding>,
    on_event: &'a mut dyn FnMut(RehearsalEvent<'_>),
}

/// What a rehearsal came to, beside its steps.
#[derive(Default)]
struct RehearsalOutcome {
    commands: Vec<CommandResult>,
    notes: Option<String>,
    /// Where it was played.
    sandbox_dir: Option<PathBuf>,
    kept_dir: Option<PathBuf>,
}

impl RehearsalRunner<'_> {
    fn record(&mut self, finding: Finding) {
        (self.on_event)(RehearsalEvent::Finished(&finding));
        self.steps.push(finding);
    }

    /// Everything. The stage is gone when it returns, unless it is to be kept.
    fn run(&mut self, config: &RehearsalConfig, keep: bool) -> Result<RehearsalOutcome, RehearsalError> {
        if let RehearsalSource::Repository { root, .. } = &config.source {
            (self.on_event)(RehearsalEvent::Started("here"));
            let finding = steps::dry_run_in_place(config, root)?;
            let refused = finding.verdict != Verdict::Proven;
            self.record(finding);
            if refused {
                return Ok(RehearsalOutcome::default());
            }
        }
        (self.on_event)(RehearsalEvent::Started("world"));
        let mut sandbox = ReleaseSandbox::create(config)?;
        let (source_summary, key) = (&sandbox.source_summary, config.key_kind.name());
        let evidence =
            format!("{source_summary}; origin, GitHub and Sigstore on 127.0.0.1, a throwaway {key} key");
        self.record(steps::step_finding("world", &config.slug, (Verdict::Proven, "set"), evidence, ""));
        let mut outcome = self.run_steps(&mut sandbox)?;
        outcome.sandbox_dir = Some(sandbox.path().to_owned());
        outcome.kept_dir = if keep { Some(sandbox.keep()) } else { None };
        Ok(outcome)
    }

    fn run_steps(&mut self, sandbox: &mut ReleaseSandbox<'_>) -> Result<RehearsalOutcome, RehearsalError> {
        let tag = &sandbox.config.tag;
        (self.on_event)(RehearsalEvent::Started("release"));
        let (finding, products) = steps::evaluate_release(tag, &steps::run_release(sandbox, None)?);
        self.record(finding);
        let Some(products) = products else { return Ok(RehearsalOutcome::default()) };
        (self.on_event)(RehearsalEvent::Started("attest"));
        let run = steps::workflow_run(sandbox)?;
        let finding = steps::attest(sandbox, &products, &run)?;
        self.record(finding);
        (self.on_event)(RehearsalEvent::Started("audit"));
        self.record(steps::evaluate_audit(tag, &steps::audit(sandbox)?));
        (self.on_event)(RehearsalEvent::Started("notes"));
        write_file(&sandbox.file("notes.md"), &products.notes)?;
        let (finding, commands) = notes_walkthrough::follow_notes(sandbox, &products.notes)?;
        self.record(finding);
        Ok(RehearsalOutcome { commands, notes: Some(products.notes), ..RehearsalOutcome::default() })
    }
}

/// Writes a file.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), RehearsalError> {
    std::fs::write(path, text).map_err(|source| RehearsalError::Write { path: path.to_owned(), source })
}

/// A folder, made where it is missing.
pub(crate) fn create_dir(path: PathBuf) -> Result<PathBuf, RehearsalError> {
    match std::fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(RehearsalError::Write { path, source }),
    }
}
