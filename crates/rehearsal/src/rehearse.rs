//! The steps of a rehearsal, in their order.

use std::path::PathBuf;

use model::evidence::verdict::{Finding, Verdict};

use crate::config::{RehearsalConfig, RehearsalSource};
use crate::error::RehearsalError;
use crate::files::write_file;
use crate::notes_walkthrough::{self, CommandResult};
use crate::protected_paths::{self, ProtectedPaths};
use crate::sandbox::ReleaseSandbox;
use crate::{interrupt, steps};

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
            let finding = steps::plan_in_place(config, root)?;
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
