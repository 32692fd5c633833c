//! What may break on the way of a release, and what the suite is to make of it.

use std::path::Path;

use emulators::{Run, ThrowawayKey, What, When};

use crate::PlayError;
use crate::acts::Released;
use crate::process::Somebody;
use crate::stage::{Stage, introduce};

/// One thing that breaks.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its name, as `--fault` takes it.
    pub name: &'static str,
    /// What breaks.
    pub what: &'static str,
    pub(crate) strikes: At,
    pub(crate) wanted: Wanted,
}

/// Where it strikes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
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
pub(crate) enum Wanted {
    /// The same command again finishes it, and the audit proves it.
    Recovers,
    /// The release is refused for this reason alone, and nothing is changed.
    Refused(&'static str),
    /// The audit has this verdict, and a finding of it for this check and reason, or this reason alone, about a subject with
    /// these letters.
    Caught(&'static str, &'static str, &'static str),
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
        wanted: Wanted::Caught("refuted", "unknown-key", ""),
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
