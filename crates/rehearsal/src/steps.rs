//! The acts of a release: the operator's run, what the release workflow does, an outsider's audit.

use std::path::{Path, PathBuf};

use emulators::ActionsRun;
use model::evidence::verdict::{Finding, Verdict};
use model::{Digest, ReleaseTag};
use serde_json::Value;

use crate::config::RehearsalConfig;
use crate::error::RehearsalError;
use crate::files::write_file;
use crate::process::{ProcessOutput, run_command};
use crate::sandbox::ReleaseSandbox;

/// A release that was made.
#[derive(Debug, Clone)]
pub(crate) struct ReleaseProducts {
    /// The archive and `SHA256SUMS`, where the operator's run wrote them.
    pub(crate) files: [PathBuf; 2],
    /// The notes.
    pub(crate) notes: String,
}

/// What came of a run that made a report in JSON.
#[derive(Debug)]
pub(crate) struct JsonRun {
    pub(crate) output: ProcessOutput,
    /// The report; null where there is none.
    pub(crate) document: Value,
}

impl JsonRun {
    fn run(command: &mut std::process::Command) -> Result<Self, RehearsalError> {
        let output = run_command(command)?;
        let document = serde_json::from_str(&output.stdout).unwrap_or_default();
        Ok(Self { output, document })
    }

    /// The findings of a verdict other than proven, as `check reason`, each once.
    pub(crate) fn unproven(findings: &Value) -> Vec<String> {
        let mut unproven: Vec<String> = elements(findings)
            .filter(|it| it["verdict"] != "proven")
            .map(|it| format!("{} {}", str_or_empty(&it["check"]), str_or_empty(&it["reason"])))
            .collect();
        unproven.dedup();
        unproven
    }

    /// What was refused and what to do; what it said, where it has no report.
    fn refusal_message(&self) -> (String, String) {
        let refusals = &self.document["refusals"];
        let each_as =
            |form: &dyn Fn(&Value) -> String| elements(refusals).map(form).collect::<Vec<_>>().join("; ");
        let refused = each_as(&|it| {
            format!(
                "{} {}: {}",
                str_or_empty(&it["check"]),
                str_or_empty(&it["reason"]),
                str_or_empty(&it["evidence"])
            )
        });
        if refused.is_empty() {
            let lines: Vec<&str> = self.output.stderr.trim().lines().collect();
            return (lines.join("; "), "mend that first".to_owned());
        }
        (refused, each_as(&|it| str_or_empty(&it["hint"]).to_owned()))
    }

    /// Whether a finding has this verdict, check, reason and a subject with these letters.
    pub(crate) fn has_finding(&self, verdict: &str, reason: &str, subject: &str) -> bool {
        elements(&self.document["findings"]).any(|it| {
            it["verdict"] == verdict
                && (str_or_empty(&it["reason"]) == reason
                    || format!("{} {}", str_or_empty(&it["check"]), str_or_empty(&it["reason"])) == reason)
                && str_or_empty(&it["subject"]).contains(subject)
        })
    }

    /// Why it did not end well, in a few words.
    pub(crate) fn failure_summary(&self) -> String {
        let refusals = self.refusals();
        if refusals.is_empty() { self.output.last_line() } else { refusals.join(", ") }
    }

    /// The refusals, as `check reason`.
    pub(crate) fn refusals(&self) -> Vec<String> {
        elements(&self.document["refusals"])
            .map(|it| format!("{} {}", str_or_empty(&it["check"]), str_or_empty(&it["reason"])))
            .collect()
    }
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn str_or_empty(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A finding about a step.
pub(crate) fn step_finding(
    check: &'static str,
    subject: &dyn std::fmt::Display,
    (verdict, reason): (Verdict, &'static str),
    evidence: impl Into<String>,
    hint: impl Into<String>,
) -> Finding {
    let (subject, evidence, hint) = (subject.to_string(), evidence.into(), hint.into());
    Finding { check, subject, verdict, reason, evidence, hint }
}

/// A dry run in the operator's own clone: what would be refused there is refused here. It changes nothing, and asks nobody.
pub(crate) fn plan_in_place(config: &RehearsalConfig, root: &Path) -> Result<Finding, RehearsalError> {
    let mut command = std::process::Command::new(&config.program);
    command
        .args(&config.real_global_flags)
        .args(["release", "--dry-run", "--format", "json"])
        .args(&config.release_flags);
    if config.catalog.signer_policy.is_some() {
        // As the release itself: the policy wants a signed tag.
        command.arg("--sign-tag");
    }
    command.args(["--", &config.tag.name()]).stdin(std::process::Stdio::null());
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "RELEASE_KILL_AT"] {
        command.env_remove(name);
    }
    let run = JsonRun::run(command.env("GIT_NO_LAZY_FETCH", "1"))?;
    if run.output.code == Some(0) {
        let evidence = format!("a dry run in {} refuses nothing", root.display());
        return Ok(step_finding("here", &config.tag, (Verdict::Proven, "dry-run"), evidence, ""));
    }
    let (evidence, hint) = run.refusal_message();
    Ok(step_finding("here", &config.tag, (Verdict::Unproven, REFUSED_REASON), evidence, hint))
}

/// `release TAG --sign-tag --push`, as the operator types it. `RELEASE_KILL_AT` ends it at a line of its story.
pub(crate) fn run_release(
    sandbox: &ReleaseSandbox<'_>,
    kill_at: Option<&str>,
) -> Result<JsonRun, RehearsalError> {
    let mut command = sandbox.suite_command(&sandbox.operator, &sandbox.clone, "release");
    command
        .args(["--sign-tag", "--push"])
        .args(&sandbox.config.release_flags)
        .args(["--", &sandbox.config.tag.name()]);
    if let Some(line) = kill_at {
        command.env("RELEASE_KILL_AT", line);
    }
    JsonRun::run(&mut command)
}

/// What a release's run proves, and what it made.
pub(crate) fn evaluate_release(tag: &ReleaseTag, run: &JsonRun) -> (Finding, Option<ReleaseProducts>) {
    let document = &run.document;
    if run.output.code == Some(1) || document["receipt"].is_null() {
        let (evidence, hint) = run.refusal_message();
        return (step_finding("release", tag, (Verdict::Unproven, REFUSED_REASON), evidence, hint), None);
    }
    let verdict = match run.output.code {
        Some(0) => Verdict::Proven,
        Some(10) => Verdict::Refuted,
        _ => Verdict::Unproven,
    };
    let file = |at: usize| PathBuf::from(str_or_empty(&document["receipt"]["files"][at]["path"]));
    let products =
        ReleaseProducts { files: [file(0), file(1)], notes: str_or_empty(&document["notes"]).to_owned() };
    let receipt = &document["receipt"];
    let findings = &document["audit"]["findings"];
    let total = elements(findings).count();
    let evidence = format!(
        "tag object {} {}, {} assets published; its own audit: {} of {total} proven",
        str_or_empty(&receipt["tag_object"]["object"]).get(..12).unwrap_or_default(),
        str_or_empty(&receipt["tag_object"]["kind"]),
        count_uploads(document),
        elements(findings).filter(|it| it["verdict"] == "proven").count(),
    );
    let hint = JsonRun::unproven(findings).join(", ");
    let reason = if verdict == Verdict::Proven { "released" } else { "audit" };
    (step_finding("release", tag, (verdict, reason), evidence, hint), Some(products))
}

/// The reason of a release that was refused.
pub(crate) const REFUSED_REASON: &str = "refused";

fn count_uploads(document: &Value) -> usize {
    elements(&document["plan"]).filter(|it| it["step"] == "upload").count()
}

/// The run of the release workflow that attests.
pub(crate) fn workflow_run(sandbox: &ReleaseSandbox<'_>) -> Result<ActionsRun, RehearsalError> {
    let (catalog, slug) = (&sandbox.config.catalog, &sandbox.config.slug);
    let identity = catalog.identities.iter().find(|it| it.slug == *slug);
    let reference = format!("refs/heads/{}", catalog.default_branch);
    Ok(ActionsRun {
        repository: slug.full_name(),
        workflow: catalog.source_workflow.clone(),
        commit: sandbox.tagged_commit()?,
        reference,
        event: "workflow_dispatch".to_owned(),
        repository_id: identity.and_then(|it| it.repository_id).unwrap_or(424_242),
        owner_id: identity.and_then(|it| it.owner_id).unwrap_or(4_242),
    })
}

/// What `actions/attest` does in the release workflow: one attestation of both files, handed to GitHub.
pub(crate) fn attest(
    sandbox: &mut ReleaseSandbox<'_>,
    products: &ReleaseProducts,
    run: &ActionsRun,
) -> Result<Finding, RehearsalError> {
    let mut digests = Vec::new();
    for file in &products.files {
        let bytes =
            std::fs::read(file).map_err(|source| RehearsalError::Read { path: file.clone(), source })?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        digests.push((name, Digest::of(&bytes).hex()));
    }
    let subjects: Vec<(&str, &str)> =
        digests.iter().map(|(name, hex)| (name.as_str(), hex.as_str())).collect();
    // It is written down a second after its certificate begins.
    sandbox.sigstore.set_time((sandbox.config.clock)() - 1);
    let bundle = sandbox.sigstore.attest(&run.claims(), &run.provenance(&subjects))?.to_string();
    sandbox.github.add_attestation(&bundle, false)?;
    write_file(&sandbox.file("attestations.jsonl"), &format!("{bundle}\n"))?;
    let evidence =
        format!("{} and {} attested by {}@{}", digests[0].0, digests[1].0, run.workflow, run.reference);
    Ok(step_finding("attest", &sandbox.config.tag, (Verdict::Proven, "attested"), evidence, ""))
}

/// `audit TAG` of somebody without credentials, in a clone of their own.
pub(crate) fn audit(sandbox: &ReleaseSandbox<'_>) -> Result<JsonRun, RehearsalError> {
    let clone = sandbox.reader.home.join("clone");
    if !clone.exists() {
        sandbox.clone_for_reader()?;
    }
    sandbox.github.reset_rate_limit();
    let mut command = sandbox.suite_command(&sandbox.reader, &clone, "audit");
    JsonRun::run(command.args(["--", &sandbox.config.tag.name()]))
}

/// What an audit proves.
pub(crate) fn evaluate_audit(tag: &ReleaseTag, run: &JsonRun) -> Finding {
    let findings = &run.document["findings"];
    let verdict = match (run.output.code, str_or_empty(&run.document["verdict"])) {
        (Some(0), "proven") => Verdict::Proven,
        (Some(10), "refuted") => Verdict::Refuted,
        _ => Verdict::Unproven,
    };
    let total = elements(findings).count();
    let proven = elements(findings).filter(|it| it["verdict"] == "proven").count();
    let evidence = if run.document.is_null() {
        run.output.last_line()
    } else {
        let mut checks: Vec<&str> = elements(findings).map(|it| str_or_empty(&it["check"])).collect();
        checks.dedup();
        let checks = checks.join(", ");
        format!("{proven} of {total} findings proven from a second clone, without credentials: {checks}")
    };
    let reason = if verdict == Verdict::Proven { "audited" } else { "audit" };
    step_finding("audit", tag, (verdict, reason), evidence, JsonRun::unproven(findings).join(", "))
}
