//! A release in which something breaks, and whether the suite makes of it what it is to.

use std::path::Path;

use emulators::Fault as Broken;
use model::evidence::verdict::{Finding, Verdict};
use serde::Serialize;

use crate::acts::{self, Released, Reported};
use crate::fault::{At, Fault, Wanted};
use crate::stage::Stage;
use crate::{Belongings, PlayError, Plot, Source, interrupt};

/// What came of a fault.
#[derive(Debug, Clone, Serialize)]
pub struct Struck {
    /// Its name.
    pub fault: &'static str,
    /// What broke.
    pub broke: &'static str,
    /// What the suite made of it.
    pub answer: String,
    /// Whether that is what it is to make of it.
    pub as_wanted: bool,
}

/// What came of several faults.
#[derive(Debug)]
pub struct Strikes {
    /// What was looked at beside them: whether the release is refused in the operator's clone, and what is theirs.
    pub steps: Vec<Finding>,
    /// Each fault by itself; none where the release is refused.
    pub struck: Vec<Struck>,
}

/// Plays a release for each fault.
///
/// # Errors
/// [`PlayError`] where the stage cannot be set. Another answer of the suite than the wanted one is none.
pub fn strike(
    plot: &Plot,
    faults: &[Fault],
    belongings: &Belongings,
    tell: &mut dyn FnMut(&Fault),
) -> Result<Strikes, PlayError> {
    interrupt::watch();
    let before = belongings.look()?;
    let mut all = Strikes { steps: Vec::new(), struck: Vec::new() };
    if let Source::Repository { root, .. } = &plot.source {
        all.steps.push(acts::here(plot, root)?);
    }
    if all.steps.iter().all(|it| it.verdict == Verdict::Proven) {
        for fault in faults {
            tell(fault);
            all.struck.push(one(plot, fault).map_err(interrupt::or)?);
        }
    }
    all.steps.push(before.compare(&belongings.look()?));
    Ok(all)
}

/// A release in which something breaks.
fn one(plot: &Plot, fault: &Fault) -> Result<Struck, PlayError> {
    let mut stage = Stage::set(plot)?;
    if let At::Before(what) = fault.strikes {
        what(&stage)?;
    }
    let before = state(&stage)?;
    let first = first_run(&stage, fault)?;
    if stage.github.armed() > 0 {
        return Ok(struck(fault, "the run never came to where it breaks".to_owned(), false));
    }
    if let Wanted::Refused(reason) = fault.wanted {
        let refusals = first.refusals();
        let unchanged = state(&stage)? == before;
        let left = if unchanged { "nothing changed" } else { "SOMETHING CHANGED" };
        let answer = format!("refused: {}; {left}", refusals.join(", "));
        return Ok(struck(fault, answer, first.ran.code == Some(1) && refusals == [reason] && unchanged));
    }
    let mut said = Vec::new();
    let Some(released) = finished(&stage, fault, first, &mut said)? else {
        return Ok(struck(fault, said.join("; "), false));
    };
    attested(&mut stage, fault, &released)?;
    if let At::After(what) = fault.strikes {
        what(&stage, &released)?;
    }
    let audit = acts::audit(&stage)?;
    let verdict = audit.document["verdict"].as_str().unwrap_or("none");
    let open = Reported::open(&audit.document["findings"]).join(", ");
    said.push(format!("audit {verdict}{}{open}", if open.is_empty() { "" } else { ": " }));
    let as_wanted = match fault.wanted {
        Wanted::Recovers => verdict == "proven" && stage.github.releases().len() == 1,
        Wanted::Caught(wanted, reason, subject) => verdict == wanted && audit.has(wanted, reason, subject),
        Wanted::Refused(_) => false,
    };
    if let (false, Wanted::Caught(wanted, reason, _)) = (as_wanted, fault.wanted) {
        said.push(format!("expected {wanted}: {reason}"));
    }
    Ok(struck(fault, said.join("; "), as_wanted))
}

/// The release, finished: by the run that was struck, or by the same command again. None where neither did; `said` tells why.
fn finished(
    stage: &Stage<'_>,
    fault: &Fault,
    first: Reported,
    said: &mut Vec<String>,
) -> Result<Option<Released>, PlayError> {
    match (fault.strikes, first.ran.code) {
        (At::Kill(_), None) => said.push("killed".to_owned()),
        (At::Kill(_), _) => {
            said.push(format!("it was not killed there: {}", first.said()));
            return Ok(None);
        }
        (At::Request(..), Some(0)) => said.push("healed by the same run".to_owned()),
        (At::Request(..), Some(code)) => said.push(format!("ended with {code}")),
        _ => {}
    }
    let struck = first.ran.code != Some(0);
    let last = if struck { acts::release(stage, None)? } else { first };
    let (Some(0), (_, Some(released))) = (last.ran.code, acts::judge_release(&stage.plot.tag, &last)) else {
        said.push(format!("the next run could not finish it: {}", last.said()));
        return Ok(None);
    };
    if struck {
        said.push("the same command again finished it".to_owned());
    }
    Ok(Some(released))
}

/// Everything that a release would change: the references of origin and of the clone, the releases, the files.
fn state(stage: &Stage<'_>) -> Result<String, PlayError> {
    let references = |folder: &Path| stage.operator.git(folder, ["for-each-ref"]);
    let files = stage.operator.git(&stage.clone, ["status", "--porcelain", "--ignored"])?;
    let (origin, clone) = (references(stage.github.bare())?, references(&stage.clone)?);
    Ok(format!("{origin}\n{clone}\n{files}\n{} releases", stage.github.releases().len()))
}

fn struck(fault: &Fault, answer: String, as_wanted: bool) -> Struck {
    Struck { fault: fault.name, broke: fault.what, answer, as_wanted }
}

/// The run that the fault strikes.
fn first_run(stage: &Stage<'_>, fault: &Fault) -> Result<Reported, PlayError> {
    let tag = &stage.plot.tag;
    let line = match fault.strikes {
        At::Kill(at) => Some(at.replace("TAG", &tag.name()).replace("ARCHIVE", &tag.archive_name())),
        At::Request(method, path, how) => {
            stage.github.arm(Broken::once(method, path, how()));
            None
        }
        At::Before(_) | At::Attested(_) | At::After(_) => None,
    };
    acts::release(stage, line.as_deref())
}

fn attested(stage: &mut Stage<'_>, fault: &Fault, released: &Released) -> Result<(), PlayError> {
    let run = acts::workflow_run(stage)?;
    let run = match fault.strikes {
        At::Attested(other) => other(run),
        _ => Some(run),
    };
    match run {
        Some(run) => acts::attest(stage, released, &run).map(drop),
        None => Ok(()),
    }
}
