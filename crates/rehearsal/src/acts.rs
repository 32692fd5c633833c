//! The acts of a release: the operator's run, what the release workflow does, an outsider's audit.

use std::path::{Path, PathBuf};

use emulators::Run;
use model::evidence::verdict::{Finding, Verdict};
use model::{Digest, ReleaseTag};
use serde_json::Value;

use crate::process::{Ran, ran};
use crate::stage::Stage;
use crate::{PlayError, Plot, written};

/// A release that was made.
#[derive(Debug, Clone)]
pub(crate) struct Released {
    /// The archive and `SHA256SUMS`, where the operator's run wrote them.
    pub(crate) files: [PathBuf; 2],
    /// The notes.
    pub(crate) notes: String,
}

/// What came of a run that made a report in JSON.
#[derive(Debug)]
pub(crate) struct Reported {
    pub(crate) ran: Ran,
    /// The report; null where there is none.
    pub(crate) document: Value,
}

impl Reported {
    fn of(command: &mut std::process::Command) -> Result<Self, PlayError> {
        let ran = ran(command)?;
        let document = serde_json::from_str(&ran.stdout).unwrap_or_default();
        Ok(Self { ran, document })
    }

    /// The findings of a verdict other than proven, as `check reason`, each once.
    pub(crate) fn open(findings: &Value) -> Vec<String> {
        let mut open: Vec<String> = each(findings)
            .filter(|it| it["verdict"] != "proven")
            .map(|it| format!("{} {}", text(&it["check"]), text(&it["reason"])))
            .collect();
        open.dedup();
        open
    }

    /// What was refused and what to do; what it said, where it has no report.
    fn refusal(&self) -> (String, String) {
        let refusals = &self.document["refusals"];
        let each_as =
            |form: &dyn Fn(&Value) -> String| each(refusals).map(form).collect::<Vec<_>>().join("; ");
        let what = each_as(&|it| {
            format!("{} {}: {}", text(&it["check"]), text(&it["reason"]), text(&it["evidence"]))
        });
        if what.is_empty() {
            let said: Vec<&str> = self.ran.stderr.trim().lines().collect();
            return (said.join("; "), "mend that first".to_owned());
        }
        (what, each_as(&|it| text(&it["hint"]).to_owned()))
    }

    /// Whether a finding has this verdict, check, reason and a subject with these letters.
    pub(crate) fn has(&self, verdict: &str, reason: &str, subject: &str) -> bool {
        each(&self.document["findings"]).any(|it| {
            it["verdict"] == verdict
                && (text(&it["reason"]) == reason
                    || format!("{} {}", text(&it["check"]), text(&it["reason"])) == reason)
                && text(&it["subject"]).contains(subject)
        })
    }

    /// Why it did not end well, in a few words.
    pub(crate) fn said(&self) -> String {
        let refusals = self.refusals();
        if refusals.is_empty() { self.ran.last_words() } else { refusals.join(", ") }
    }

    /// The refusals, as `check reason`.
    pub(crate) fn refusals(&self) -> Vec<String> {
        each(&self.document["refusals"])
            .map(|it| format!("{} {}", text(&it["check"]), text(&it["reason"])))
            .collect()
    }
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A finding about a step.
pub(crate) fn finding(
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
pub(crate) fn here(plot: &Plot, root: &Path) -> Result<Finding, PlayError> {
    let mut command = std::process::Command::new(&plot.suite);
    command.args(&plot.real).args(["release", "--dry-run", "--format", "json"]).args(&plot.flags);
    if plot.catalog.signer_policy.is_some() {
        // As the release itself: the policy wants a signed tag.
        command.arg("--sign-tag");
    }
    command.args(["--", &plot.tag.name()]).stdin(std::process::Stdio::null());
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "RELEASE_KILL_AT"] {
        command.env_remove(name);
    }
    let reported = Reported::of(command.env("GIT_NO_LAZY_FETCH", "1"))?;
    if reported.ran.code == Some(0) {
        let evidence = format!("a dry run in {} refuses nothing", root.display());
        return Ok(finding("here", &plot.tag, (Verdict::Proven, "dry-run"), evidence, ""));
    }
    let (evidence, hint) = reported.refusal();
    Ok(finding("here", &plot.tag, (Verdict::Unproven, REFUSED), evidence, hint))
}

/// `release TAG --sign-tag --push`, as the operator types it. `RELEASE_KILL_AT` ends it at a line of its story.
pub(crate) fn release(stage: &Stage<'_>, kill_at: Option<&str>) -> Result<Reported, PlayError> {
    let mut command = stage.suite(&stage.operator, &stage.clone, "release");
    command.args(["--sign-tag", "--push"]).args(&stage.plot.flags).args(["--", &stage.plot.tag.name()]);
    if let Some(line) = kill_at {
        command.env("RELEASE_KILL_AT", line);
    }
    Reported::of(&mut command)
}

/// What a release's run proves, and what it made.
pub(crate) fn judge_release(tag: &ReleaseTag, it: &Reported) -> (Finding, Option<Released>) {
    let document = &it.document;
    if it.ran.code == Some(1) || document["receipt"].is_null() {
        let (evidence, hint) = it.refusal();
        return (finding("release", tag, (Verdict::Unproven, REFUSED), evidence, hint), None);
    }
    let verdict = match it.ran.code {
        Some(0) => Verdict::Proven,
        Some(10) => Verdict::Refuted,
        _ => Verdict::Unproven,
    };
    let file = |at: usize| PathBuf::from(text(&document["receipt"]["files"][at]["path"]));
    let released = Released { files: [file(0), file(1)], notes: text(&document["notes"]).to_owned() };
    let receipt = &document["receipt"];
    let findings = &document["audit"]["findings"];
    let all = each(findings).count();
    let evidence = format!(
        "tag object {} {}, {} assets published; its own audit: {} of {all} proven",
        text(&receipt["tag_object"]["object"]).get(..12).unwrap_or_default(),
        text(&receipt["tag_object"]["kind"]),
        assets(document),
        each(findings).filter(|it| it["verdict"] == "proven").count(),
    );
    let hint = Reported::open(findings).join(", ");
    let reason = if verdict == Verdict::Proven { "released" } else { "audit" };
    (finding("release", tag, (verdict, reason), evidence, hint), Some(released))
}

/// The reason of a release that was refused.
pub(crate) const REFUSED: &str = "refused";

fn assets(document: &Value) -> usize {
    each(&document["plan"]).filter(|it| it["step"] == "upload").count()
}

/// The run of the release workflow that attests.
pub(crate) fn workflow_run(stage: &Stage<'_>) -> Result<Run, PlayError> {
    let (catalog, slug) = (&stage.plot.catalog, &stage.plot.slug);
    let era = catalog.identities.iter().find(|it| it.slug == *slug);
    let reference = format!("refs/heads/{}", catalog.default_branch);
    Ok(Run {
        repository: slug.full_name(),
        workflow: catalog.source_workflow.clone(),
        commit: stage.commit()?,
        reference,
        event: "workflow_dispatch".to_owned(),
        repository_id: era.and_then(|it| it.repository_id).unwrap_or(424_242),
        owner_id: era.and_then(|it| it.owner_id).unwrap_or(4_242),
    })
}

/// What `actions/attest` does in the release workflow: one attestation of both files, handed to GitHub.
pub(crate) fn attest(stage: &mut Stage<'_>, released: &Released, run: &Run) -> Result<Finding, PlayError> {
    let mut named = Vec::new();
    for file in &released.files {
        let bytes = std::fs::read(file).map_err(|source| PlayError::Read { path: file.clone(), source })?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        named.push((name, Digest::of(&bytes).hex()));
    }
    let subjects: Vec<(&str, &str)> = named.iter().map(|(name, hex)| (name.as_str(), hex.as_str())).collect();
    // It is written down a second after its certificate begins.
    stage.sigstore.set_time((stage.plot.clock)() - 1);
    let bundle = stage.sigstore.attest(&run.claims(), &run.provenance(&subjects))?.to_string();
    stage.github.attest(&bundle, false)?;
    written(&stage.file("attestations.jsonl"), &format!("{bundle}\n"))?;
    let evidence =
        format!("{} and {} attested by {}@{}", named[0].0, named[1].0, run.workflow, run.reference);
    Ok(finding("attest", &stage.plot.tag, (Verdict::Proven, "attested"), evidence, ""))
}

/// `audit TAG` of somebody without credentials, in a clone of their own.
pub(crate) fn audit(stage: &Stage<'_>) -> Result<Reported, PlayError> {
    let clone = stage.reader.home.join("clone");
    if !clone.exists() {
        stage.second_clone()?;
    }
    stage.github.new_hour();
    let mut command = stage.suite(&stage.reader, &clone, "audit");
    Reported::of(command.args(["--", &stage.plot.tag.name()]))
}

/// What an audit proves.
pub(crate) fn judge_audit(tag: &ReleaseTag, it: &Reported) -> Finding {
    let findings = &it.document["findings"];
    let verdict = match (it.ran.code, text(&it.document["verdict"])) {
        (Some(0), "proven") => Verdict::Proven,
        (Some(10), "refuted") => Verdict::Refuted,
        _ => Verdict::Unproven,
    };
    let all = each(findings).count();
    let proven = each(findings).filter(|it| it["verdict"] == "proven").count();
    let evidence = if it.document.is_null() {
        it.ran.last_words()
    } else {
        let mut checks: Vec<&str> = each(findings).map(|it| text(&it["check"])).collect();
        checks.dedup();
        let checks = checks.join(", ");
        format!("{proven} of {all} findings proven from a second clone, without credentials: {checks}")
    };
    let reason = if verdict == Verdict::Proven { "audited" } else { "audit" };
    finding("audit", tag, (verdict, reason), evidence, Reported::open(findings).join(", "))
}
