//! The steps of a release: the operator's run, the attestation of the release workflow, and an audit by a third party.

use std::path::{Path, PathBuf};

use emulators::ActionsRun;
use model::evidence::reason::{Explanation, Reason};
use model::evidence::verdict::{Finding, Verdict};
use model::{Digest, ReleaseTag};
use serde_json::Value;

use crate::config::RehearsalConfig;
use crate::error::RehearsalError;
use crate::files::write_file;
use crate::process::{ProcessOutput, run_command};
use crate::sandbox::ReleaseSandbox;

/// The products of a release.
#[derive(Debug, Clone)]
pub(crate) struct ReleaseProducts {
    /// The paths of the archive and of `SHA256SUMS`, in this order.
    pub(crate) files: [PathBuf; 2],
    /// The release notes in Markdown.
    pub(crate) notes: String,
}

/// A finished run of the suite with `--format json`.
#[derive(Debug)]
pub(crate) struct JsonRun {
    pub(crate) output: ProcessOutput,
    /// The report. Null if stdout is not JSON, for example after a usage error.
    pub(crate) document: Value,
}

impl JsonRun {
    /// Runs the command and parses its stdout.
    fn run(command: &mut std::process::Command) -> Result<Self, RehearsalError> {
        let output = run_command(command)?;
        let document = serde_json::from_str(&output.stdout).unwrap_or_default();
        Ok(Self { output, document })
    }

    /// Returns the findings that are not proven, as `check reason`. Adjacent duplicates are merged.
    pub(crate) fn unproven(findings: &Value) -> Vec<String> {
        let mut unproven: Vec<String> = elements(findings)
            .filter(|it| it["verdict"] != "proven")
            .map(|it| format!("{} {}", str_or_empty(&it["check"]), str_or_empty(&it["reason"])))
            .collect();
        unproven.dedup();
        unproven
    }

    /// Returns the refusals and their hints, each joined with `; `.
    ///
    /// Without refusals in the report, returns the lines of stderr and a general hint.
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
            return (lines.join("; "), "fix this error first".to_owned());
        }
        (refused, each_as(&|it| str_or_empty(&it["hint"]).to_owned()))
    }

    /// Returns whether the report has a finding with this verdict and reason, whose subject contains `subject`.
    ///
    /// `reason` is a reason code, or `check reason`.
    pub(crate) fn has_finding(&self, verdict: &str, reason: &str, subject: &str) -> bool {
        elements(&self.document["findings"]).any(|it| {
            it["verdict"] == verdict
                && (str_or_empty(&it["reason"]) == reason
                    || format!("{} {}", str_or_empty(&it["check"]), str_or_empty(&it["reason"])) == reason)
                && str_or_empty(&it["subject"]).contains(subject)
        })
    }

    /// Returns why the run failed, in one line: its refusals, or the last line of its output.
    pub(crate) fn failure_summary(&self) -> String {
        let refusals = self.refusals();
        if refusals.is_empty() { self.output.last_line() } else { refusals.join(", ") }
    }

    /// Returns the refusals as `check reason`. Empty if nothing was refused.
    pub(crate) fn refusals(&self) -> Vec<String> {
        elements(&self.document["refusals"])
            .map(|it| format!("{} {}", str_or_empty(&it["check"]), str_or_empty(&it["reason"])))
            .collect()
    }
}

/// Returns the elements of a JSON array. Empty if the value is not an array.
fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Returns a JSON string. Empty if the value is not a string.
fn str_or_empty(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Runs `release --dry-run` in the operator's clone: what the real release would refuse, the rehearsal refuses too.
///
/// It changes nothing and makes no network requests.
pub(crate) fn plan_in_place(config: &RehearsalConfig, root: &Path) -> Result<Finding, RehearsalError> {
    let mut command = std::process::Command::new(&config.program);
    command
        .args(&config.real_global_flags)
        .args(["release", "--dry-run", "--format", "json"])
        .args(&config.release_flags);
    if config.catalog.signer_policy.is_some() {
        // Like the rehearsed release: with a signer policy, an unsigned tag would be refused.
        command.arg("--sign-tag");
    }
    command.args(["--", &config.tag.name()]).stdin(std::process::Stdio::null());
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "RELEASE_KILL_AT"] {
        command.env_remove(name);
    }
    let run = JsonRun::run(command.env("GIT_NO_LAZY_FETCH", "1"))?;
    if run.output.code == Some(0) {
        let evidence = format!("the dry run in {} found no blocking problem", root.display());
        return Ok(Finding::proven("dry-run", &config.tag.name(), evidence));
    }
    let (evidence, advice) = run.refusal_message();
    Ok(Finding::unproven("dry-run", &config.tag.name(), Reason::ReleaseRefused { advice }, evidence))
}

/// Runs `release TAG --sign-tag --push` as the operator. With `kill_at`, the run kills itself at that line of progress.
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

/// Returns the finding of a release run and its products. `None` instead of products if the release was refused.
///
/// The verdict follows the exit code: 0 is proven, 10 is refuted, any other code is unproven.
pub(crate) fn evaluate_release(tag: &ReleaseTag, run: &JsonRun) -> (Finding, Option<ReleaseProducts>) {
    let document = &run.document;
    if run.output.code == Some(1) || document["receipt"].is_null() {
        let (evidence, advice) = run.refusal_message();
        return (
            Finding::unproven("release", &tag.name(), Reason::ReleaseRefused { advice }, evidence),
            None,
        );
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
        "tag object {} ({}), {} assets published; audit by the release: {} of {total} findings proven",
        str_or_empty(&receipt["tag_object"]["object"]).get(..12).unwrap_or_default(),
        str_or_empty(&receipt["tag_object"]["kind"]),
        count_uploads(document),
        elements(findings).filter(|it| it["verdict"] == "proven").count(),
    );
    let explanation = Explanation::new(audit_reason(verdict, findings), evidence);
    (Finding::new("release", &tag.name(), verdict, explanation), Some(products))
}

/// Returns the reason of a step that ends with an audit.
fn audit_reason(verdict: Verdict, findings: &Value) -> Reason {
    match verdict {
        Verdict::Proven => Reason::Ok,
        Verdict::Unproven | Verdict::Refuted => {
            Reason::AuditNotProven { advice: JsonRun::unproven(findings).join(", ") }
        }
    }
}

/// Returns the number of uploads in the plan of a release.
fn count_uploads(document: &Value) -> usize {
    elements(&document["plan"]).filter(|it| it["step"] == "upload").count()
}

/// Returns the workflow run that attests the files: the release workflow, started manually on the default branch.
///
/// Repository and owner IDs are those of the release configuration, or fixed numbers if it has none.
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

/// Creates one attestation of both files and stores it on the emulated GitHub, as `actions/attest` does.
///
/// Also writes it to `attestations.jsonl` in the sandbox, for `verify --bundle` on a kept sandbox.
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
    // The log entry is dated 1 s after the certificate, and must not lie in the future.
    sandbox.sigstore.set_time((sandbox.config.clock)() - 1);
    let bundle = sandbox.sigstore.attest(&run.claims(), &run.provenance(&subjects))?.to_string();
    sandbox.github.add_attestation(&bundle, false)?;
    write_file(&sandbox.file("attestations.jsonl"), &format!("{bundle}\n"))?;
    let evidence =
        format!("{} and {} attested by {}@{}", digests[0].0, digests[1].0, run.workflow, run.reference);
    Ok(Finding::proven("attest", &sandbox.config.tag.name(), evidence))
}

/// Runs `audit TAG` as the reader, without credentials, in the reader's clone. Creates that clone on the first call.
pub(crate) fn audit(sandbox: &ReleaseSandbox<'_>) -> Result<JsonRun, RehearsalError> {
    let clone = sandbox.reader.home.join("clone");
    if !clone.exists() {
        sandbox.clone_for_reader()?;
    }
    sandbox.github.reset_rate_limit();
    let mut command = sandbox.suite_command(&sandbox.reader, &clone, "audit");
    JsonRun::run(command.args(["--channel", "source", "--", &sandbox.config.tag.name()]))
}

/// Returns the finding of an audit.
///
/// It is proven or refuted only if exit code and JSON verdict agree. Otherwise it is unproven.
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
    let explanation = Explanation::new(audit_reason(verdict, findings), evidence);
    Finding::new("audit", &tag.name(), verdict, explanation)
}
