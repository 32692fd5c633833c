//! Runs the steps of a rehearsal in order.

use std::path::PathBuf;

use model::evidence::reason::Reason;
use model::evidence::verdict::{Finding, Verdict};

use crate::config::{RehearsalConfig, RehearsalSource};
use crate::error::RehearsalError;
use crate::files::write_file;
use crate::notes_walkthrough::{self, CommandResult};
use crate::protected_paths::{self, ProtectedPaths};
use crate::sandbox::ReleaseSandbox;
use crate::{interrupt, steps};

/// A progress event of a rehearsal.
#[derive(Debug)]
pub enum RehearsalEvent<'a> {
    /// A step started. The value is the name of the step.
    Started(&'static str),
    /// The step finished with this finding.
    Finished(&'a Finding),
}

/// The result of a rehearsal.
#[derive(Debug)]
pub struct RehearsalReport {
    /// One finding per step, in order.
    ///
    /// After a refused release only the check of the protected paths follows.
    pub steps: Vec<Finding>,
    /// The commands of the release notes, with their results.
    pub commands: Vec<CommandResult>,
    /// The release notes in Markdown. `None` if the release was refused.
    pub notes: Option<String>,
    /// The directory of the sandbox, if the caller asked to keep it.
    pub kept_dir: Option<PathBuf>,
}

impl RehearsalReport {
    /// Returns whether the release was refused, so that there is nothing to prove.
    #[must_use]
    pub fn release_refused(&self) -> bool {
        self.steps.iter().any(|it| matches!(it.reason(), Reason::ReleaseRefused { .. }))
    }
}

/// Rehearses a full release and returns a finding for each step.
///
/// Removes the sandbox at the end, unless `keep` is set.
///
/// # Errors
/// [`RehearsalError`] if the sandbox cannot be set up. A release that the suite refuses or cannot prove is not an error
/// but a finding.
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
    (runner.on_event)(RehearsalEvent::Started("no-side-effects"));
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

/// A running rehearsal: the findings so far, and the receiver of events.
struct RehearsalRunner<'a> {
    steps: Vec<Finding>,
    on_event: &'a mut dyn FnMut(RehearsalEvent<'_>),
}

/// The results of a rehearsal besides the findings. A refused release has no commands and no notes.
#[derive(Default)]
struct RehearsalOutcome {
    commands: Vec<CommandResult>,
    notes: Option<String>,
    /// The path of the sandbox, also after its removal.
    sandbox_dir: Option<PathBuf>,
    kept_dir: Option<PathBuf>,
}

impl RehearsalRunner<'_> {
    /// Reports a finding and adds it to the steps.
    fn record(&mut self, finding: Finding) {
        (self.on_event)(RehearsalEvent::Finished(&finding));
        self.steps.push(finding);
    }

    /// Runs all steps except the check of the protected paths, which follows the removal of the sandbox.
    ///
    /// The sandbox no longer exists when this returns, unless `keep` is set.
    fn run(&mut self, config: &RehearsalConfig, keep: bool) -> Result<RehearsalOutcome, RehearsalError> {
        if let RehearsalSource::Repository { root, .. } = &config.source {
            (self.on_event)(RehearsalEvent::Started("dry-run"));
            let finding = steps::plan_in_place(config, root)?;
            let refused = finding.verdict != Verdict::Proven;
            self.record(finding);
            if refused {
                return Ok(RehearsalOutcome::default());
            }
        }
        (self.on_event)(RehearsalEvent::Started("setup"));
        let mut sandbox = ReleaseSandbox::create(config)?;
        let (source_summary, key) = (&sandbox.source_summary, config.key_kind.name());
        let evidence = format!(
            "{source_summary}; remote, GitHub and Sigstore emulated on 127.0.0.1; an ephemeral {key} key"
        );
        self.record(Finding::proven("setup", &config.slug.to_string(), evidence));
        let mut outcome = self.run_steps(&mut sandbox)?;
        outcome.sandbox_dir = Some(sandbox.path().to_owned());
        outcome.kept_dir = if keep { Some(sandbox.keep()) } else { None };
        Ok(outcome)
    }

    /// Runs the steps inside the sandbox: release, attest, audit and notes. Stops after a refused release.
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
