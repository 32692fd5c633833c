//! What may break on the way of a release, and what the suite is to make of it.

use std::path::Path;

use emulators::{ActionsRun, EphemeralKey, FaultKind, FaultTiming};

use crate::error::RehearsalError;
use crate::process::SandboxUser;
use crate::sandbox::{ReleaseSandbox, configure_git};
use crate::steps::ReleaseProducts;

/// One thing that breaks.
#[derive(Debug, Clone, Copy)]
pub struct FaultScenario {
    /// Its name, as `--fault` takes it.
    pub name: &'static str,
    /// What breaks.
    pub description: &'static str,
    pub(crate) injection: InjectionPoint,
    pub(crate) expected: ExpectedOutcome,
}

/// Where it strikes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum InjectionPoint {
    /// The release's run is killed at a line of its story, in which `TAG` and `ARCHIVE` stand for the release's own.
    KillProcess(&'static str),
    /// The first request of this method and path breaks.
    FailRequest(&'static str, &'static str, fn() -> FaultKind),
    /// Somebody does this before the release.
    BeforeRelease(fn(&ReleaseSandbox<'_>) -> Result<(), RehearsalError>),
    /// Somebody else's run attests, instead of the release workflow's; nobody's, where there is none.
    ReplaceAttestation(fn(ActionsRun) -> Option<ActionsRun>),
    /// Somebody does this after the release.
    AfterRelease(fn(&ReleaseSandbox<'_>, &ReleaseProducts) -> Result<(), RehearsalError>),
}

/// What the suite is to make of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ExpectedOutcome {
    /// The same command again finishes it, and the audit proves it.
    Recovered,
    /// The release is refused for this reason alone, and nothing is changed.
    Refused(&'static str),
    /// The audit has this verdict, and a finding of it for this check and reason, or this reason alone, about a subject with
    /// these letters.
    Detected(&'static str, &'static str, &'static str),
}

/// Every fault that can be rehearsed.
pub const FAULT_SCENARIOS: [FaultScenario; 19] = [
    kill_scenario("kill-archive", "killed while it writes the archive", "writing ARCHIVE"),
    kill_scenario("kill-tag", "killed before it tags", "tagging TAG"),
    kill_scenario("kill-draft", "killed once the draft is there", "created the draft for TAG"),
    kill_scenario("kill-upload", "killed between two uploads", "uploaded ARCHIVE"),
    kill_scenario("kill-push", "killed before it pushes the tag", "pushing TAG"),
    kill_scenario("kill-publish", "killed before it publishes", "publishing TAG"),
    kill_scenario("kill-audit", "killed once it is published", "published TAG"),
    request_scenario("lost-draft", "no answer to the draft's creation", ("POST", "/releases"), || {
        FaultKind::DropConnection(FaultTiming::After)
    }),
    request_scenario("lost-upload", "an upload that breaks off", ("POST", "/assets"), || {
        FaultKind::TruncateRequest
    }),
    request_scenario("lost-publication", "no answer to the publication", ("PATCH", "/releases/"), || {
        FaultKind::DropConnection(FaultTiming::After)
    }),
    request_scenario("bad-gateway", "a gateway that fails", ("POST", "/releases"), || {
        FaultKind::CannedResponse {
            status: 502,
            headers: Vec::new(),
            body: String::new(),
            timing: FaultTiming::Before,
        }
    }),
    FaultScenario {
        name: "tag-taken",
        description: "somebody pushed the tag for another commit before",
        injection: InjectionPoint::BeforeRelease(|stage| move_origin_tag(stage, "HEAD~1")),
        expected: ExpectedOutcome::Refused("origin exists-elsewhere"),
    },
    FaultScenario {
        name: "tampered-archive",
        description: "other bytes under the published archive",
        injection: InjectionPoint::AfterRelease(|stage, released| tamper_asset(stage, &released.files[0])),
        expected: ExpectedOutcome::Detected("refuted", "asset transport", ".tar.gz"),
    },
    FaultScenario {
        name: "tampered-sums",
        description: "other bytes under the published SHA256SUMS",
        injection: InjectionPoint::AfterRelease(|stage, released| tamper_asset(stage, &released.files[1])),
        expected: ExpectedOutcome::Detected("refuted", "asset transport", "SHA256SUMS"),
    },
    FaultScenario {
        name: "moved-tag",
        description: "the tag on origin is moved to another commit",
        injection: InjectionPoint::AfterRelease(|stage, _| move_origin_tag(stage, "HEAD~1")),
        expected: ExpectedOutcome::Detected("refuted", "tree commit", ""),
    },
    FaultScenario {
        name: "foreign-tag",
        description: "the tag is made anew, at the same commit, with somebody else's key",
        injection: InjectionPoint::AfterRelease(replace_tag_with_untrusted_key),
        expected: ExpectedOutcome::Detected("refuted", "unknown-key", ""),
    },
    FaultScenario {
        name: "foreign-attestation",
        description: "the attestations are those of another repository",
        injection: InjectionPoint::ReplaceAttestation(|run| {
            Some(ActionsRun { repository: "mallory/elsewhere".to_owned(), ..run })
        }),
        expected: ExpectedOutcome::Detected("refuted", "attestation repo", ".tar.gz"),
    },
    FaultScenario {
        name: "other-workflow",
        description: "the attestations are those of another workflow",
        injection: InjectionPoint::ReplaceAttestation(|run| {
            Some(ActionsRun { workflow: "ci.yml".to_owned(), ..run })
        }),
        expected: ExpectedOutcome::Detected("refuted", "attestation workflow", "SHA256SUMS"),
    },
    FaultScenario {
        name: "no-attestation",
        description: "nobody attests",
        injection: InjectionPoint::ReplaceAttestation(|_| None),
        expected: ExpectedOutcome::Detected("unproven", "attestation missing", ".tar.gz"),
    },
];

const fn kill_scenario(name: &'static str, description: &'static str, line: &'static str) -> FaultScenario {
    FaultScenario {
        name,
        description,
        injection: InjectionPoint::KillProcess(line),
        expected: ExpectedOutcome::Recovered,
    }
}

const fn request_scenario(
    name: &'static str,
    description: &'static str,
    (method, path): (&'static str, &'static str),
    kind: fn() -> FaultKind,
) -> FaultScenario {
    FaultScenario {
        name,
        description,
        injection: InjectionPoint::FailRequest(method, path, kind),
        expected: ExpectedOutcome::Recovered,
    }
}

/// Puts the tag on origin at a commit of the operator's, wherever it was before.
fn move_origin_tag(sandbox: &ReleaseSandbox<'_>, revision: &str) -> Result<(), RehearsalError> {
    let commit = sandbox.operator.git(&sandbox.clone, ["rev-parse", "--verify", revision])?;
    let reference = sandbox.config.tag.reference();
    sandbox.operator.git(sandbox.github.git_dir(), ["update-ref", &reference, &commit]).map(drop)
}

/// Makes the tag anew on origin, signed with a key that nobody trusts.
fn replace_tag_with_untrusted_key(
    sandbox: &ReleaseSandbox<'_>,
    _: &ReleaseProducts,
) -> Result<(), RehearsalError> {
    let mallory = SandboxUser::with_home(sandbox.file("mallory"), sandbox.config, &sandbox.github)?;
    let person = ("Mallory", "mallory@rehearsal.example");
    let key = EphemeralKey::new(sandbox.config.key_kind, &mallory.home, &mallory.home, person)?;
    configure_git(&mallory, &key, person)?;
    let (tag, bare) = (&sandbox.config.tag, sandbox.github.git_dir());
    let commit = format!("{}^{{commit}}", tag.reference());
    mallory.git(bare, ["tag", "-f", "-s", "-m", &tag.message(), &tag.name(), &commit]).map(drop)
}

/// Changes a byte of a published asset.
fn tamper_asset(sandbox: &ReleaseSandbox<'_>, file: &Path) -> Result<(), RehearsalError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    for release in sandbox.github.releases() {
        for asset in release["assets"].as_array().into_iter().flatten().filter(|it| it["name"] == *name) {
            let id = asset["id"].as_u64().unwrap_or_default();
            let mut bytes = sandbox.github.asset_bytes(id)?;
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            sandbox.github.tamper_asset(id, &bytes)?;
        }
    }
    Ok(())
}
