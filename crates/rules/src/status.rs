//! The unreleased changes of a target, and the version that they suggest.

use model::Version;
use model::catalog::version::Bump;
use model::release::changelog::{ChangeKind, CommitHistory, SECTIONS};

use crate::changelog::change_kind;
use crate::reverts::reverted;

/// The changes since the newest release of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreleasedChanges {
    /// The number of commits of each kind, in the order of [`SECTIONS`].
    pub counts: [usize; SECTIONS.len()],
    /// The suggested next version. `None` if there is nothing to release, or no release yet.
    pub next_version: Option<String>,
}

/// Counts the commits since the newest release and suggests the next version. Reverted changes count as Misc.
#[must_use]
pub fn unreleased_changes(newest: Option<&Version>, history: &CommitHistory) -> UnreleasedChanges {
    let reverted = reverted(&history.commits);
    let kinds: Vec<ChangeKind> =
        history
            .commits
            .iter()
            .enumerate()
            .map(|(index, it)| {
                if reverted.contains(&index) { ChangeKind::Misc } else { change_kind(&it.subject, &it.body) }
            })
            .collect();
    let count = |wanted: ChangeKind| kinds.iter().filter(|it| **it == wanted).count();
    let counts = SECTIONS.map(|it| count(it.kind));
    let found = SECTIONS.iter().filter(|it| count(it.kind) > 0);
    let bump = found.map(|it| it.bump).max().unwrap_or(Bump::Fix);
    let next = newest.filter(|_| !kinds.is_empty()).map(|it| it.next(bump));
    UnreleasedChanges { counts, next_version: next }
}
