//! Fault injection: runs a release with one fault and checks that the suite recovers, refuses or detects it.

use std::path::Path;

use emulators::Fault as Broken;
use model::evidence::verdict::{Finding, Verdict};
use serde::Serialize;

use crate::config::{RehearsalConfig, RehearsalSource};
use crate::error::RehearsalError;
use crate::interrupt;
use crate::protected_paths::ProtectedPaths;
use crate::sandbox::ReleaseSandbox;
use crate::scenarios::{ExpectedOutcome, FaultScenario, InjectionPoint};
use crate::steps::{self, JsonRun, ReleaseProducts};

/// The result of one injected fault.
#[derive(Debug, Clone, Serialize)]
pub struct FaultResult {
    /// The name of the fault, as `--fault` takes it.
    pub fault: &'static str,
    /// The fault in plain words.
    #[serde(rename = "broke")]
    pub description: &'static str,
    /// The observed behavior of the suite.
    #[serde(rename = "answer")]
    pub observed: String,
    /// Whether the observed behavior is the expected one.
    #[serde(rename = "as_wanted")]
    pub passed: bool,
}

/// The results of a run with one or more faults.
#[derive(Debug)]
pub struct FaultReport {
    /// Findings that do not belong to a fault: the dry run in the operator's clone, and the protected paths.
    pub steps: Vec<Finding>,
    /// One result per fault. Empty if the release is refused: then there is nothing to inject faults into.
    pub results: Vec<FaultResult>,
}

/// Rehearses one release per fault, each in a new sandbox, and calls `on_fault` before each.
///
/// # Errors
/// [`RehearsalError`] if a sandbox cannot be set up. Unexpected behavior of the suite is not an error but a result with
/// `passed` set to false.
pub fn inject_faults(
    config: &RehearsalConfig,
    faults: &[FaultScenario],
    protected_paths: &ProtectedPaths,
    on_fault: &mut dyn FnMut(&FaultScenario),
) -> Result<FaultReport, RehearsalError> {
    interrupt::watch();
    let before = protected_paths.snapshot()?;
    let mut report = FaultReport { steps: Vec::new(), results: Vec::new() };
    if let RehearsalSource::Repository { root, .. } = &config.source {
        report.steps.push(steps::plan_in_place(config, root)?);
    }
    if report.steps.iter().all(|it| it.verdict == Verdict::Proven) {
        for fault in faults {
            on_fault(fault);
            report.results.push(inject_fault(config, fault).map_err(interrupt::map_interrupted)?);
        }
    }
    report.steps.push(before.compare(&protected_paths.snapshot()?));
    Ok(report)
}

/// Rehearses a release with one fault.
fn inject_fault(config: &RehearsalConfig, fault: &FaultScenario) -> Result<FaultResult, RehearsalError> {
    let mut sandbox = ReleaseSandbox::create(config)?;
    if let InjectionPoint::BeforeRelease(action) = fault.injection {
        action(&sandbox)?;
    }
    let before = release_state(&sandbox)?;
    let first = first_run(&sandbox, fault)?;
    if sandbox.github.pending_faults() > 0 {
        return Ok(fault_result(fault, "the release ended before the fault was injected".to_owned(), false));
    }
    if let ExpectedOutcome::Refused(reason) = fault.expected {
        let refusals = first.refusals();
        let unchanged = release_state(&sandbox)? == before;
        let left = if unchanged { "nothing changed" } else { "STATE CHANGED" };
        let observed = format!("refused: {}; {left}", refusals.join(", "));
        return Ok(fault_result(
            fault,
            observed,
            first.output.code == Some(1) && refusals == [reason] && unchanged,
        ));
    }
    // Every other fault must leave a release that can be completed; the audit then decides.
    let mut observations = Vec::new();
    let Some(products) = complete_release(&sandbox, fault, first, &mut observations)? else {
        return Ok(fault_result(fault, observations.join("; "), false));
    };
    attest_run(&mut sandbox, fault, &products)?;
    if let InjectionPoint::AfterRelease(action) = fault.injection {
        action(&sandbox, &products)?;
    }
    let audit = steps::audit(&sandbox)?;
    let verdict = audit.document["verdict"].as_str().unwrap_or("none");
    let unproven = JsonRun::unproven(&audit.document["findings"]).join(", ");
    observations.push(format!("audit {verdict}{}{unproven}", if unproven.is_empty() { "" } else { ": " }));
    let passed = match fault.expected {
        ExpectedOutcome::Recovered => verdict == "proven" && sandbox.github.releases().len() == 1,
        ExpectedOutcome::Detected(expected_verdict, reason, subject) => {
            verdict == expected_verdict && audit.has_finding(expected_verdict, reason, subject)
        }
        ExpectedOutcome::Refused(_) => false,
    };
    if let (false, ExpectedOutcome::Detected(expected_verdict, reason, _)) = (passed, fault.expected) {
        observations.push(format!("expected {expected_verdict}: {reason}"));
    }
    Ok(fault_result(fault, observations.join("; "), passed))
}

/// Completes the release: with the run that got the fault, or with a second run of the same command.
///
/// Returns `None` if both runs failed, or if the process was not killed as intended. Adds what happened to
/// `observations`.
fn complete_release(
    sandbox: &ReleaseSandbox<'_>,
    fault: &FaultScenario,
    first: JsonRun,
    observations: &mut Vec<String>,
) -> Result<Option<ReleaseProducts>, RehearsalError> {
    match (fault.injection, first.output.code) {
        (InjectionPoint::KillProcess(_), None) => observations.push("killed".to_owned()),
        (InjectionPoint::KillProcess(_), _) => {
            observations.push(format!("not killed at this step: {}", first.failure_summary()));
            return Ok(None);
        }
        (InjectionPoint::FailRequest(..), Some(0)) => observations.push("recovered by retrying".to_owned()),
        (InjectionPoint::FailRequest(..), Some(code)) => observations.push(format!("exit code {code}")),
        _ => {}
    }
    let failed = first.output.code != Some(0);
    let last = if failed { steps::run_release(sandbox, None)? } else { first };
    let (Some(0), (_, Some(products))) =
        (last.output.code, steps::evaluate_release(&sandbox.config.tag, &last))
    else {
        observations.push(format!("the release was not completed: {}", last.failure_summary()));
        return Ok(None);
    };
    if failed {
        observations.push("a second run of the same command completed the release".to_owned());
    }
    Ok(Some(products))
}

/// Returns everything that a release would change: the refs of the remote and of the clone, the working tree, and the
/// number of releases.
///
/// The result is opaque text. Two equal texts mean that nothing changed.
fn release_state(sandbox: &ReleaseSandbox<'_>) -> Result<String, RehearsalError> {
    let references = |folder: &Path| sandbox.operator.git(folder, ["for-each-ref"]);
    let files = sandbox.operator.git(&sandbox.clone, ["status", "--porcelain", "--ignored"])?;
    let (origin, clone) = (references(sandbox.github.git_dir())?, references(&sandbox.clone)?);
    Ok(format!("{origin}\n{clone}\n{files}\n{} releases", sandbox.github.releases().len()))
}

/// Builds the result of a fault.
fn fault_result(fault: &FaultScenario, observed: String, passed: bool) -> FaultResult {
    FaultResult { fault: fault.name, description: fault.description, observed, passed }
}

/// Runs the release with a fault of kind `KillProcess` or `FailRequest` armed. Other faults do not affect this run.
fn first_run(sandbox: &ReleaseSandbox<'_>, fault: &FaultScenario) -> Result<JsonRun, RehearsalError> {
    let tag = &sandbox.config.tag;
    let line = match fault.injection {
        InjectionPoint::KillProcess(template) => {
            Some(template.replace("TAG", &tag.name()).replace("ARCHIVE", &tag.archive_name()))
        }
        InjectionPoint::FailRequest(method, path, kind) => {
            sandbox.github.inject(Broken::once(method, path, kind()));
            None
        }
        InjectionPoint::BeforeRelease(_)
        | InjectionPoint::ReplaceAttestation(_)
        | InjectionPoint::AfterRelease(_) => None,
    };
    steps::run_release(sandbox, line.as_deref())
}

/// Attests the files of the release, as the fault wants it: by the release workflow, by another run, or not at all.
fn attest_run(
    sandbox: &mut ReleaseSandbox<'_>,
    fault: &FaultScenario,
    products: &ReleaseProducts,
) -> Result<(), RehearsalError> {
    let run = steps::workflow_run(sandbox)?;
    let run = match fault.injection {
        InjectionPoint::ReplaceAttestation(replace) => replace(run),
        _ => Some(run),
    };
    match run {
        Some(run) => steps::attest(sandbox, products, &run).map(drop),
        None => Ok(()),
    }
}
