//! A release in which something breaks, and whether the suite makes of it what it is to.

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

/// What came of a fault.
#[derive(Debug, Clone, Serialize)]
pub struct FaultResult {
    /// Its name.
    pub fault: &'static str,
    /// What broke.
    #[serde(rename = "broke")]
    pub description: &'static str,
    /// What the suite made of it.
    #[serde(rename = "answer")]
    pub observed: String,
    /// Whether that is what it is to make of it.
    #[serde(rename = "as_wanted")]
    pub passed: bool,
}

/// What came of several faults.
#[derive(Debug)]
pub struct FaultReport {
    /// What was looked at beside them: whether the release is refused in the operator's clone, and what is theirs.
    pub steps: Vec<Finding>,
    /// Each fault by itself; none where the release is refused.
    pub results: Vec<FaultResult>,
}

/// Plays a release for each fault.
///
/// # Errors
/// [`PlayError`] where the stage cannot be set. Another answer of the suite than the wanted one is none.
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

/// A release in which something breaks.
fn inject_fault(config: &RehearsalConfig, fault: &FaultScenario) -> Result<FaultResult, RehearsalError> {
    let mut sandbox = ReleaseSandbox::create(config)?;
    if let InjectionPoint::BeforeRelease(action) = fault.injection {
        action(&sandbox)?;
    }
    let before = release_state(&sandbox)?;
    let first = first_run(&sandbox, fault)?;
    if sandbox.github.pending_faults() > 0 {
        return Ok(fault_result(fault, "the run never came to where it breaks".to_owned(), false));
    }
    if let ExpectedOutcome::Refused(reason) = fault.expected {
        let refusals = first.refusals();
        let unchanged = release_state(&sandbox)? == before;
        let left = if unchanged { "nothing changed" } else { "SOMETHING CHANGED" };
        let observed = format!("refused: {}; {left}", refusals.join(", "));
        return Ok(fault_result(
            fault,
            observed,
            first.output.code == Some(1) && refusals == [reason] && unchanged,
        ));
    }
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

/// The release, finished: by the run that was struck, or by the same command again. None where neither did; `said` tells why.
fn complete_release(
    sandbox: &ReleaseSandbox<'_>,
    fault: &FaultScenario,
    first: JsonRun,
    observations: &mut Vec<String>,
) -> Result<Option<ReleaseProducts>, RehearsalError> {
    match (fault.injection, first.output.code) {
        (InjectionPoint::KillProcess(_), None) => observations.push("killed".to_owned()),
        (InjectionPoint::KillProcess(_), _) => {
            observations.push(format!("it was not killed there: {}", first.failure_summary()));
            return Ok(None);
        }
        (InjectionPoint::FailRequest(..), Some(0)) => observations.push("healed by the same run".to_owned()),
        (InjectionPoint::FailRequest(..), Some(code)) => observations.push(format!("ended with {code}")),
        _ => {}
    }
    let failed = first.output.code != Some(0);
    let last = if failed { steps::run_release(sandbox, None)? } else { first };
    let (Some(0), (_, Some(products))) =
        (last.output.code, steps::evaluate_release(&sandbox.config.tag, &last))
    else {
        observations.push(format!("the next run could not finish it: {}", last.failure_summary()));
        return Ok(None);
    };
    if failed {
        observations.push("the same command again finished it".to_owned());
    }
    Ok(Some(products))
}

/// Everything that a release would change: the references of origin and of the clone, the releases, the files.
fn release_state(sandbox: &ReleaseSandbox<'_>) -> Result<String, RehearsalError> {
    let references = |folder: &Path| sandbox.operator.git(folder, ["for-each-ref"]);
    let files = sandbox.operator.git(&sandbox.clone, ["status", "--porcelain", "--ignored"])?;
    let (origin, clone) = (references(sandbox.github.git_dir())?, references(&sandbox.clone)?);
    Ok(format!("{origin}\n{clone}\n{files}\n{} releases", sandbox.github.releases().len()))
}

fn fault_result(fault: &FaultScenario, observed: String, passed: bool) -> FaultResult {
    FaultResult { fault: fault.name, description: fault.description, observed, passed }
}

/// The run that the fault strikes.
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
