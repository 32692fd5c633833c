//! What is going to be done, and every reason not to.

use serde::{Serialize, Serializer};

use crate::evidence::reason::Explanation;
use crate::release::facts::PreflightCheck;
use crate::{CommitId, ReleaseTag};

/// A release as it would be performed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tag.
    pub tag: ReleaseTag,
    /// The commit.
    pub commit: CommitId,
    /// Every check that was made.
    pub checks: Vec<CheckResult>,
    /// The steps in their order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Every reason to refuse. A plan without any may be performed.
    pub fn failed_checks(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|it| it.outcome == CheckOutcome::Failed)
    }

    /// The plan, where nothing speaks against it.
    ///
    /// # Errors
    /// [`Refused`], with every reason at once.
    pub fn approve(self) -> Result<ApprovedPlan, PlanRefused> {
        let failed_checks: Vec<CheckResult> = self.failed_checks().cloned().collect();
        if failed_checks.is_empty() {
            Ok(ApprovedPlan(self))
        } else {
            Err(PlanRefused { tag: self.tag.name(), failed_checks })
        }
    }
}

/// A plan that no check refuses. There is no other way to get one than [`Plan::approve`].
#[derive(Debug, Clone)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// Every reason why a release is refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{tag} is refused for {} reason{}", failed_checks.len(), if failed_checks.len() == 1 { "" } else { "s" })]
pub struct PlanRefused {
    /// The tag's name.
    pub tag: String,
    /// The reasons, at least one.
    pub failed_checks: Vec<CheckResult>,
}

/// A check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The check.
    pub check: PreflightCheck,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// Why, and what to do about it.
    pub explanation: Explanation,
}

impl CheckResult {
    /// What to do about it, with `--allow` if the operator may override a failed check; empty if there is nothing to do.
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

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// It holds.
    Passed,
    /// It does not hold in a way that the operator should know of, and that stops nothing.
    Warned,
    /// It does not hold, and the operator allowed that.
    Allowed,
    /// It does not hold.
    #[serde(rename = "refused")]
    Failed,
}

/// A step of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What is done.
    #[serde(rename = "step")]
    pub action: StepAction,
    /// What it is done to.
    pub subject: String,
    /// Whether it is still to be done.
    pub state: StepState,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepAction {
    /// The source archive is written.
    WriteArchive,
    /// `SHA256SUMS` is written.
    WriteSums,
    /// The notes are written.
    WriteNotes,
    /// The tag is made, in this clone.
    CreateTag,
    /// An empty draft that an earlier run left behind is deleted.
    DeleteDraft,
    /// A draft of the release is made on GitHub.
    CreateDraft,
    /// The draft's text is made that of the notes.
    #[serde(rename = "rewrite-draft")]
    UpdateDraft,
    /// An asset is uploaded to the draft.
    #[serde(rename = "upload")]
    UploadAsset,
    /// What is left of an upload that broke off, or is other than it must be, is taken from the draft.
    #[serde(rename = "remove")]
    DeleteAsset,
    /// The tag is pushed.
    PushTag,
    /// The draft is published.
    Publish,
    /// What the world downloads is held against what was made.
    Audit,
}

/// Whether a step is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It is to be done.
    Missing,
    /// What it makes is there from before, and is made again and compared, for it must come out the same.
    #[serde(rename = "again")]
    Rewrite,
    /// What it makes is there and right.
    Present,
}
