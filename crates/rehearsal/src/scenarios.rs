//! The fault scenarios: what breaks during a release, and the expected behavior of the suite.

use std::path::Path;

use emulators::{ActionsRun, EphemeralKey, FaultKind, FaultTiming, KeyOwner};

use crate::error::RehearsalError;
use crate::process::SandboxUser;
use crate::sandbox::{ReleaseSandbox, configure_git};
use crate::steps::ReleaseProducts;

/// A fault, where it is injected, and the expected outcome.
#[derive(Debug, Clone, Copy)]
pub struct FaultScenario {
    /// The name of the fault, as `--fault` takes it.
    pub name: &'static str,
    /// The fault in plain words, for reports.
    pub description: &'static str,
    pub(crate) injection: InjectionPoint,
    pub(crate) expected: ExpectedOutcome,
}

/// Where a fault is injected.
#[derive(Debug, Clone, Copy)]
pub(crate) enum InjectionPoint {
    /// The release is killed when it prints this line of progress (`RELEASE_KILL_AT`).
    ///
    /// `TAG` and `ARCHIVE` are replaced with the names of the rehearsed release.
    KillProcess(&'static str),
    /// The first request with this method and a path that contains this text fails.
    FailRequest(&'static str, &'static str, fn() -> FaultKind),
    /// This action runs before the release.
    BeforeRelease(fn(&ReleaseSandbox<'_>) -> Result<(), RehearsalError>),
    /// The files are attested by another workflow run than that of the release workflow.
    ///
    /// The function gets the real run. They are not attested at all if it returns `None`.
    ReplaceAttestation(fn(ActionsRun) -> Option<ActionsRun>),
    /// This action runs after the release and before the audit.
    AfterRelease(fn(&ReleaseSandbox<'_>, &ReleaseProducts) -> Result<(), RehearsalError>),
}

/// The expected behavior of the suite.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ExpectedOutcome {
    /// The same run or a second run of the command completes the release, and the audit proves it.
    Recovered,
    /// The release is refused for this `check reason` only, and nothing changes.
    Refused(&'static str),
    /// The audit has this verdict, and a finding with it.
    ///
    /// The finding has this reason, or `check reason`, and a subject that contains the last text.
    Detected(&'static str, &'static str, &'static str),
}

/// All faults that `--fault` accepts, in the order of `--fault all`.
pub const FAULT_SCENARIOS: [FaultScenario; 19] = [
    kill_scenario("kill-archive", "killed while writing the archive", "writing ARCHIVE"),
    kill_scenario("kill-tag", "killed before creating the tag", "tagging TAG"),
    kill_scenario("kill-draft", "killed after creating the draft", "created the draft for TAG"),
    kill_scenario("kill-upload", "killed between two uploads", "uploaded ARCHIVE"),
    kill_scenario("kill-push", "killed before pushing the tag", "pushing TAG"),
    kill_scenario("kill-publish", "killed before publishing", "publishing TAG"),
    kill_scenario("kill-audit", "killed after publishing", "published TAG"),
    request_scenario("lost-draft", "connection lost after draft creation", "POST", "/releases", || {
        FaultKind::DropConnection(FaultTiming::After)
    }),
    request_scenario("lost-upload", "connection lost during an upload", "POST", "/assets", || {
        FaultKind::TruncateRequest
    }),
    request_scenario("lost-publication", "connection lost after publishing", "PATCH", "/releases/", || {
        FaultKind::DropConnection(FaultTiming::After)
    }),
    request_scenario("bad-gateway", "HTTP 502 when creating the draft", "POST", "/releases", || {
        FaultKind::CannedResponse {
            status: 502,
            headers: Vec::new(),
            body: String::new(),
            timing: FaultTiming::Before,
        }
    }),
    FaultScenario {
        name: "tag-taken",
        description: "the tag exists on the remote at another commit",
        injection: InjectionPoint::BeforeRelease(|stage| move_origin_tag(stage, "HEAD~1")),
        expected: ExpectedOutcome::Refused("origin remote-tag-at-other-commit"),
    },
    FaultScenario {
        name: "tampered-archive",
        description: "a byte of the published archive is changed",
        injection: InjectionPoint::AfterRelease(|stage, released| tamper_asset(stage, &released.files[0])),
        expected: ExpectedOutcome::Detected("refuted", "asset transport", ".tar.gz"),
    },
    FaultScenario {
        name: "tampered-sums",
        description: "a byte of the published SHA256SUMS is changed",
        injection: InjectionPoint::AfterRelease(|stage, released| tamper_asset(stage, &released.files[1])),
        expected: ExpectedOutcome::Detected("refuted", "asset transport", "SHA256SUMS"),
    },
    FaultScenario {
        name: "moved-tag",
        description: "the tag on the remote is moved to another commit",
        injection: InjectionPoint::AfterRelease(|stage, _| move_origin_tag(stage, "HEAD~1")),
        expected: ExpectedOutcome::Detected("refuted", "tree commit", ""),
    },
    FaultScenario {
        name: "foreign-tag",
        description: "the tag is replaced at the same commit, signed by an untrusted key",
        injection: InjectionPoint::AfterRelease(replace_tag_with_untrusted_key),
        expected: ExpectedOutcome::Detected("refuted", "unknown-key", ""),
    },
    FaultScenario {
        name: "foreign-attestation",
        description: "the files are attested by another repository",
        injection: InjectionPoint::ReplaceAttestation(|run| {
            Some(ActionsRun { repository: "mallory/elsewhere".to_owned(), ..run })
        }),
        expected: ExpectedOutcome::Detected("refuted", "attestation repo", ".tar.gz"),
    },
    FaultScenario {
        name: "other-workflow",
        description: "the files are attested by another workflow",
        injection: InjectionPoint::ReplaceAttestation(|run| {
            Some(ActionsRun { workflow: "ci.yml".to_owned(), ..run })
        }),
        expected: ExpectedOutcome::Detected("refuted", "attestation workflow", "SHA256SUMS"),
    },
    FaultScenario {
        name: "no-attestation",
        description: "the files are not attested",
        injection: InjectionPoint::ReplaceAttestation(|_| None),
        expected: ExpectedOutcome::Detected("unproven", "attestation missing", ".tar.gz"),
    },
];

/// Builds the scenario of a release that is killed at a line of progress.
const fn kill_scenario(name: &'static str, description: &'static str, line: &'static str) -> FaultScenario {
    FaultScenario {
        name,
        description,
        injection: InjectionPoint::KillProcess(line),
        expected: ExpectedOutcome::Recovered,
    }
}

/// Builds the scenario of a request that fails once.
const fn request_scenario(
    name: &'static str,
    description: &'static str,
    method: &'static str,
    path: &'static str,
    kind: fn() -> FaultKind,
) -> FaultScenario {
    FaultScenario {
        name,
        description,
        injection: InjectionPoint::FailRequest(method, path, kind),
        expected: ExpectedOutcome::Recovered,
    }
}

/// Sets the tag on the remote to a commit of the operator's clone, whether or not the tag exists.
fn move_origin_tag(sandbox: &ReleaseSandbox<'_>, revision: &str) -> Result<(), RehearsalError> {
    let commit = sandbox.operator.git(&sandbox.clone, ["rev-parse", "--verify", revision])?;
    let reference = sandbox.config.tag.reference();
    sandbox.operator.git(sandbox.github.git_dir(), ["update-ref", &reference, &commit]).map(drop)
}

/// Replaces the tag on the remote with one at the same commit, signed by a key that the policy does not trust.
fn replace_tag_with_untrusted_key(
    sandbox: &ReleaseSandbox<'_>,
    _: &ReleaseProducts,
) -> Result<(), RehearsalError> {
    let mallory = SandboxUser::with_home(sandbox.file("mallory"), sandbox.config, &sandbox.github)?;
    let owner = KeyOwner { name: "Mallory", email: "mallory@rehearsal.example" };
    let key = EphemeralKey::new(sandbox.config.key_kind, &mallory.home, &mallory.home, owner)?;
    configure_git(&mallory, &key, owner)?;
    let (tag, bare) = (&sandbox.config.tag, sandbox.github.git_dir());
    let commit = format!("{}^{{commit}}", tag.reference());
    mallory.git(bare, ["tag", "-f", "-s", "-m", &tag.message(), &tag.name(), &commit]).map(drop)
}

/// Flips a bit in the last byte of a published asset. The size stays the same.
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
