//! What may break on the way, and what the suite is to make of it.

use std::path::Path;

use model::verdict::{Finding, Verdict};
use rehearsal::{Fault as Broken, Run, ThrowawayKey, What, When};
use serde::Serialize;

use crate::acts::{self, Released, Reported};
use crate::process::Somebody;
use crate::stage::{Stage, introduce};
use crate::{Belongings, PlayError, Plot, Source, interrupt};

/// One thing that breaks.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its name, as `--fault` takes it.
    pub name: &'static str,
    /// What breaks.
    pub what: &'static str,
    strikes: At,
    wanted: Wanted,
}

/// Where it strikes.
#[derive(Debug, Clone, Copy)]
enum At {
    /// The release's run is killed at a line of its story, in which `TAG` and `ARCHIVE` stand for the release's own.
    Kill(&'static str),
    /// The first request of this method and path breaks.
    Request(&'static str, &'static str, fn() -> What),
    /// Somebody does this before the release.
    Before(fn(&Stage<'_>) -> Result<(), PlayError>),
    /// Somebody else's run attests, instead of the release workflow's; nobody's, where there is none.
    Attested(fn(Run) -> Option<Run>),
    /// Somebody does this after the release.
    After(fn(&Stage<'_>, &Released) -> Result<(), PlayError>),
}

/// What the suite is to make of it.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// The same command again finishes it, and the audit proves it.
    Recovers,
    /// The release is refused for this reason alone, and nothing is changed.
    Refused(&'static str),
    /// The audit has this verdict, and a finding of it for this reason about a subject with these letters.
    Caught(&'static str, &'static str, &'static str),
}

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

/// Every fault that can be rehearsed.
pub const FAULTS: [Fault; 19] = [
    killed("kill-archive", "killed while it writes the archive", "writing ARCHIVE"),
    killed("kill-tag", "killed before it tags", "tagging TAG"),
    killed("kill-draft", "killed once the draft is there", "created the draft for TAG"),
    killed("kill-upload", "killed between two uploads", "uploaded ARCHIVE"),
    killed("kill-push", "killed before it pushes the tag", "pushing TAG"),
    killed("kill-publish", "killed before it publishes", "publishing TAG"),
    killed("kill-audit", "killed once it is published", "published TAG"),
    lost("lost-draft", "no answer to the draft's creation", ("POST", "/releases"), || What::Cut(When::After)),
    lost("lost-upload", "an upload that breaks off", ("POST", "/assets"), || What::CutRequest),
    lost("lost-publication", "no answer to the publication", ("PATCH", "/releases/"), || {
        What::Cut(When::After)
    }),
    lost("bad-gateway", "a gateway that fails", ("POST", "/releases"), || What::Answer {
        status: 502,
        headers: Vec::new(),
        body: String::new(),
        when: When::Before,
    }),
    Fault {
        name: "tag-taken",
        what: "somebody pushed the tag for another commit before",
        strikes: At::Before(|stage| origin_tag(stage, "HEAD~1")),
        wanted: Wanted::Refused("origin exists-elsewhere"),
    },
    Fault {
        name: "tampered-archive",
        what: "other bytes under the published archive",
        strikes: At::After(|stage, released| tamper(stage, &released.files[0])),
        wanted: Wanted::Caught("refuted", "asset transport", ".tar.gz"),
    },
    Fault {
        name: "tampered-sums",
        what: "other bytes under the published SHA256SUMS",
        strikes: At::After(|stage, released| tamper(stage, &released.files[1])),
        wanted: Wanted::Caught("refuted", "asset transport", "SHA256SUMS"),
    },
    Fault {
        name: "moved-tag",
        what: "the tag on origin is moved to another commit",
        strikes: At::After(|stage, _| origin_tag(stage, "HEAD~1")),
        wanted: Wanted::Caught("refuted", "tree commit", ""),
    },
    Fault {
        name: "foreign-tag",
        what: "the tag is made anew, at the same commit, with somebody else's key",
        strikes: At::After(foreign_tag),
        wanted: Wanted::Caught("refuted", "signature unknown-key", ""),
    },
    Fault {
        name: "foreign-attestation",
        what: "the attestations are those of another repository",
        strikes: At::Attested(|run| Some(Run { repository: "mallory/elsewhere".to_owned(), ..run })),
        wanted: Wanted::Caught("refuted", "attestation repo", ".tar.gz"),
    },
    Fault {
        name: "other-workflow",
        what: "the attestations are those of another workflow",
        strikes: At::Attested(|run| Some(Run { workflow: "ci.yml".to_owned(), ..run })),
        wanted: Wanted::Caught("refuted", "attestation workflow", "SHA256SUMS"),
    },
    Fault {
        name: "no-attestation",
        what: "nobody attests",
        strikes: At::Attested(|_| None),
        wanted: Wanted::Caught("unproven", "attestation missing", ".tar.gz"),
    },
];

const fn killed(name: &'static str, what: &'static str, line: &'static str) -> Fault {
    Fault { name, what, strikes: At::Kill(line), wanted: Wanted::Recovers }
}

const fn lost(
    name: &'static str,
    what: &'static str,
    (method, path): (&'static str, &'static str),
    how: fn() -> What,
) -> Fault {
    Fault { name, what, strikes: At::Request(method, path, how), wanted: Wanted::Recovers }
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
    match (fault.strikes, first.ran.code) {
        (At::Kill(_), None) => said.push("killed".to_owned()),
        (At::Kill(_), _) => {
            return Ok(struck(fault, format!("it was not killed there: {}", first.said()), false));
        }
        (At::Request(..), Some(0)) => said.push("healed by the same run".to_owned()),
        (At::Request(..), code) => {
            said.push(format!("ended with {}", code.map_or("a signal".to_owned(), |it| it.to_string())));
        }
        (At::Before(_) | At::Attested(_) | At::After(_), _) => {}
    }
    let last = if first.ran.code == Some(0) { first } else { acts::release(&stage, None)? };
    let (Some(0), (_, Some(released))) = (last.ran.code, acts::judge_release(&plot.tag, &last)) else {
        said.push(format!("the next run could not finish it: {}", last.said()));
        return Ok(struck(fault, said.join("; "), false));
    };
    if said.last().is_some_and(|it| it != "healed by the same run") {
        said.push("the same command again finished it".to_owned());
    }
    attested(&mut stage, fault, &released)?;
    if let At::After(what) = fault.strikes {
        what(&stage, &released)?;
    }
    let audit = acts::audit(&stage)?;
    let verdict = audit.document["verdict"].as_str().unwrap_or("none");
    let open = Reported::open(&audit.document["findings"]);
    let as_wanted = match fault.wanted {
        Wanted::Recovers => verdict == "proven" && stage.github.releases().len() == 1,
        Wanted::Caught(wanted, reason, subject) => verdict == wanted && audit.has(wanted, reason, subject),
        Wanted::Refused(_) => false,
    };
    said.push(if open.is_empty() {
        format!("audit {verdict}")
    } else {
        format!("audit {verdict}: {}", open.join(", "))
    });
    Ok(struck(fault, said.join("; "), as_wanted))
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

/// Puts the tag on origin at a commit of the operator's, wherever it was before.
fn origin_tag(stage: &Stage<'_>, revision: &str) -> Result<(), PlayError> {
    let commit = stage.operator.git(&stage.clone, ["rev-parse", "--verify", revision])?;
    let reference = stage.plot.tag.reference();
    stage.operator.git(stage.github.bare(), ["update-ref", &reference, &commit]).map(drop)
}

/// Makes the tag anew on origin, signed with a key that nobody trusts.
fn foreign_tag(stage: &Stage<'_>, _: &Released) -> Result<(), PlayError> {
    let mallory = Somebody::at_home(stage.file("mallory"), stage.plot, &stage.github)?;
    let person = ("Mallory", "mallory@rehearsal.example");
    let key = ThrowawayKey::new(stage.plot.key, &mallory.home, &mallory.home, person)?;
    introduce(&mallory, &key, person)?;
    let (tag, bare) = (&stage.plot.tag, stage.github.bare());
    let commit = format!("{}^{{commit}}", tag.reference());
    mallory.git(bare, ["tag", "-f", "-s", "-m", &tag.message(), &tag.name(), &commit]).map(drop)
}

/// Changes a byte of a published asset.
fn tamper(stage: &Stage<'_>, file: &Path) -> Result<(), PlayError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    for release in stage.github.releases() {
        for asset in release["assets"].as_array().into_iter().flatten().filter(|it| it["name"] == *name) {
            let id = asset["id"].as_u64().unwrap_or_default();
            let mut bytes = stage.github.asset(id)?;
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            stage.github.tamper(id, &bytes)?;
        }
    }
    Ok(())
}
