//! What may break on the way, and what the suite is to make of it.

use std::path::Path;

use rehearsal::{Fault as Broken, Run, ThrowawayKey, What, When};
use serde::Serialize;

use crate::acts::{self, Released, Reported};
use crate::process::Somebody;
use crate::stage::{Stage, introduce};
use crate::{PlayError, Plot};

/// One thing that breaks.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its name, as `--fault` takes it.
    pub name: &'static str,
    /// What breaks.
    pub what: &'static str,
    strikes: Strikes,
    wanted: Wanted,
}

/// Where it strikes.
#[derive(Debug, Clone, Copy)]
enum Strikes {
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
    /// The release is refused for this reason, and nothing is changed.
    Refused(&'static str),
    /// The audit does not prove it, for this reason.
    Caught(&'static str, &'static str),
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
        strikes: Strikes::Before(|stage| origin_tag(stage, "HEAD~1")),
        wanted: Wanted::Refused("origin"),
    },
    Fault {
        name: "tampered-archive",
        what: "other bytes under the published archive",
        strikes: Strikes::After(|stage, released| tamper(stage, &released.files[0])),
        wanted: Wanted::Caught("refuted", "asset transport"),
    },
    Fault {
        name: "tampered-sums",
        what: "other bytes under the published SHA256SUMS",
        strikes: Strikes::After(|stage, released| tamper(stage, &released.files[1])),
        wanted: Wanted::Caught("refuted", "asset transport"),
    },
    Fault {
        name: "moved-tag",
        what: "the tag on origin is moved to another commit",
        strikes: Strikes::After(|stage, _| origin_tag(stage, "HEAD~1")),
        wanted: Wanted::Caught("refuted", "tree commit"),
    },
    Fault {
        name: "foreign-tag",
        what: "the tag is made anew, at the same commit, with somebody else's key",
        strikes: Strikes::After(foreign_tag),
        wanted: Wanted::Caught("refuted", "signature unknown-key"),
    },
    Fault {
        name: "foreign-attestation",
        what: "the attestations are those of another repository",
        strikes: Strikes::Attested(|run| Some(Run { repository: "mallory/elsewhere".to_owned(), ..run })),
        wanted: Wanted::Caught("refuted", "attestation repo"),
    },
    Fault {
        name: "other-workflow",
        what: "the attestations are those of another workflow",
        strikes: Strikes::Attested(|run| Some(Run { workflow: "ci.yml".to_owned(), ..run })),
        wanted: Wanted::Caught("refuted", "attestation workflow"),
    },
    Fault {
        name: "no-attestation",
        what: "nobody attests",
        strikes: Strikes::Attested(|_| None),
        wanted: Wanted::Caught("unproven", "attestation missing"),
    },
];

const fn killed(name: &'static str, what: &'static str, line: &'static str) -> Fault {
    Fault { name, what, strikes: Strikes::Kill(line), wanted: Wanted::Recovers }
}

const fn lost(
    name: &'static str,
    what: &'static str,
    (method, path): (&'static str, &'static str),
    how: fn() -> What,
) -> Fault {
    Fault { name, what, strikes: Strikes::Request(method, path, how), wanted: Wanted::Recovers }
}

/// Plays a release in which something breaks.
///
/// # Errors
/// [`PlayError`] where the stage cannot be set. Another answer of the suite than the wanted one is none.
pub fn strike(plot: &Plot, fault: &Fault) -> Result<Struck, PlayError> {
    let mut stage = Stage::set(plot)?;
    let mut said = Vec::new();
    let first = first_run(&stage, fault, &mut said)?;
    if let Wanted::Refused(check) = fault.wanted {
        let refusals = first.refusals();
        let refused =
            first.ran.code == Some(1) && refusals.iter().any(|it| it.starts_with(&format!("{check} ")));
        let untouched = stage.github.releases().is_empty();
        let left = if untouched { "nothing changed" } else { "there is a release" };
        let answer = format!("refused: {}; {left}", refusals.join(", "));
        return Ok(struck(fault, answer, refused && untouched));
    }
    let last = if first.ran.code == Some(0) { first } else { again(&stage, &mut said)? };
    let (_, Some(released)) = acts::judge_release(&plot.tag, &last) else {
        said.push(format!("the next run could not finish it: {}", last.ran.last_words()));
        return Ok(struck(fault, said.join("; "), false));
    };
    attested(&mut stage, fault, &released)?;
    if let Strikes::After(what) = fault.strikes {
        what(&stage, &released)?;
    }
    let audit = acts::audit(&stage)?;
    let verdict = audit.document["verdict"].as_str().unwrap_or("none");
    let open = Reported::open(&audit.document["findings"]);
    let as_wanted = match fault.wanted {
        Wanted::Recovers => verdict == "proven" && stage.github.releases().len() == 1,
        Wanted::Caught(wanted, reason) => verdict == wanted && open.iter().any(|it| it == reason),
        Wanted::Refused(_) => false,
    };
    said.push(if open.is_empty() {
        format!("audit {verdict}")
    } else {
        format!("audit {verdict}: {}", open.join(", "))
    });
    Ok(struck(fault, said.join("; "), as_wanted))
}

fn struck(fault: &Fault, answer: String, as_wanted: bool) -> Struck {
    Struck { fault: fault.name, broke: fault.what, answer, as_wanted }
}

/// The run that the fault strikes. A fault that was not met is no fault: it is armed until then.
fn first_run(stage: &Stage<'_>, fault: &Fault, said: &mut Vec<String>) -> Result<Reported, PlayError> {
    let tag = &stage.plot.tag;
    let mut line = None;
    match fault.strikes {
        Strikes::Kill(at) => {
            line = Some(at.replace("TAG", &tag.name()).replace("ARCHIVE", &tag.archive_name()));
        }
        Strikes::Request(method, path, how) => stage.github.arm(Broken::once(method, path, how())),
        Strikes::Before(what) => what(stage)?,
        Strikes::Attested(_) | Strikes::After(_) => {}
    }
    let first = acts::release(stage, line.as_deref())?;
    if stage.github.armed() > 0 {
        return Err(PlayError::Refused { program: fault.name.to_owned(), said: "it was not met".to_owned() });
    }
    match (fault.strikes, first.ran.code) {
        (Strikes::Kill(_), None) => said.push("killed".to_owned()),
        (Strikes::Kill(at), _) => {
            return Err(PlayError::Refused {
                program: fault.name.to_owned(),
                said: format!("no line '{at}'"),
            });
        }
        (Strikes::Request(..), Some(0)) => said.push("healed by the same run".to_owned()),
        (Strikes::Request(..), code) => {
            said.push(format!("ended with {}", code.map_or("a signal".to_owned(), |it| it.to_string())));
        }
        (Strikes::Before(_) | Strikes::Attested(_) | Strikes::After(_), _) => {}
    }
    Ok(first)
}

fn again(stage: &Stage<'_>, said: &mut Vec<String>) -> Result<Reported, PlayError> {
    let next = acts::release(stage, None)?;
    if next.ran.code == Some(0) {
        said.push("the same command again finished it".to_owned());
    }
    Ok(next)
}

fn attested(stage: &mut Stage<'_>, fault: &Fault, released: &Released) -> Result<(), PlayError> {
    let run = acts::workflow_run(stage)?;
    let run = match fault.strikes {
        Strikes::Attested(other) => other(run),
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
