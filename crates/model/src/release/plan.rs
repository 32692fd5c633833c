//! The plan of a release: its steps, and the results of the pre-flight checks.

use serde::{Serialize, Serializer};

use crate::evidence::reason::Explanation;
use crate::release::preflight_check::PreflightCheck;
use crate::{CommitId, ReleaseTag};

/// The plan of a release. It has to be approved before anything is changed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tag to release.
    pub tag: ReleaseTag,
    /// The commit to release.
    pub commit: CommitId,
    /// The results of all pre-flight checks, passed ones included.
    pub checks: Vec<CheckResult>,
    /// The steps, in the order in which they are performed.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Returns the failed checks that were not allowed. A plan without any may be performed.
    pub fn failed_checks(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|it| it.outcome == CheckOutcome::Failed)
    }

    /// Approves the plan if no check failed.
    ///
    /// # Errors
    /// [`PlanRefused`], with all failed checks at once, so that the operator can fix them in one go.
    pub fn approve(self) -> Result<ApprovedPlan, PlanRefused> {
        let failed_checks: Vec<CheckResult> = self.failed_checks().cloned().collect();
        if failed_checks.is_empty() {
            Ok(ApprovedPlan(self))
        } else {
            Err(PlanRefused { tag: self.tag.name(), failed_checks })
        }
    }
}

/// A plan without failed checks. Only [`Plan::approve`] returns one, so nothing is changed without the checks.
#[derive(Debug, Clone)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// The approved plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// The error for a plan with failed checks.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot release {tag}: {} pre-flight check{} failed", failed_checks.len(), if failed_checks.len() == 1 { "" } else { "s" })]
pub struct PlanRefused {
    /// The name of the tag.
    pub tag: String,
    /// The failed checks, at least one.
    pub failed_checks: Vec<CheckResult>,
}

/// The result of one pre-flight check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The check.
    pub check: PreflightCheck,
    /// The outcome, after `--allow` was applied.
    pub outcome: CheckOutcome,
    /// The reason, the evidence and the hint.
    pub explanation: Explanation,
}

impl CheckResult {
    /// Returns what to do, with `--allow` if the operator may override the failed check. Empty if there is nothing to
    /// do.
    #[must_use]
    pub fn hint(&self) -> String {
        let hint = self.explanation.hint();
        if self.outcome == CheckOutcome::Failed && self.check.is_overridable() {
            return format!("{hint}; or --allow {}", self.check);
        }
        hint
    }
}

impl Serialize for CheckResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut fields = serializer.serialize_struct("CheckResult", 5)?;
        fields.serialize_field("check", &self.check)?;
        fields.serialize_field("outcome", &self.outcome)?;
        fields.serialize_field("reason", &self.explanation.reason)?;
        fields.serialize_field("evidence", &self.explanation.evidence)?;
        fields.serialize_field("hint", &self.hint())?;
        fields.end()
    }
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// The check passed.
    Passed,
    /// The check found something that the operator should know, and that does not stop the release.
    Warned,
    /// The check failed, and the operator allowed that with `--allow`.
    Allowed,
    /// The check failed, which stops the release.
    #[serde(rename = "refused")]
    Failed,
}

/// A step of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The action of the step.
    #[serde(rename = "step")]
    pub action: StepAction,
    /// The object of the action: a path, a tag, a title or the name of an asset.
    pub subject: String,
    /// Whether the step is still to be done.
    pub state: StepState,
}

/// The action of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepAction {
    /// Write the source archive.
    WriteArchive,
    /// Write `SHA256SUMS`.
    WriteSums,
    /// Write the release notes.
    WriteNotes,
    /// Create the tag in this clone.
    CreateTag,
    /// Delete an empty draft that an earlier run left behind.
    DeleteDraft,
    /// Create a draft of the release on GitHub.
    CreateDraft,
    /// Set the draft's title, text and pre-release mark.
    #[serde(rename = "rewrite-draft")]
    UpdateDraft,
    /// Upload an asset to the draft.
    #[serde(rename = "upload")]
    UploadAsset,
    /// Delete an asset of the draft that is incomplete or has other bytes than planned.
    #[serde(rename = "remove")]
    DeleteAsset,
    /// Push the tag.
    PushTag,
    /// Publish the draft.
    Publish,
    /// Download the published files without credentials and compare them with the local ones.
    Audit,
}

/// Whether a step is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// The step is to be done.
    Missing,
    /// The file exists from an earlier run. It is generated again and compared, because it must come out the same.
    #[serde(rename = "again")]
    Rewrite,
    /// The result of the step exists and is correct.
    Present,
}
