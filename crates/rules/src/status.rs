//! What is unreleased.

use model::Version;
use model::catalog::version::Bump;
use model::release::changelog::{ChangeKind, CommitHistory};

use crate::changelog::change_kind;
use crate::reverts::reverted;

/// What came since the newest release of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreleasedChanges {
    /// How many commits of each kind, in the order of [`Kind::ALL`].
    pub counts: [usize; 4],
    /// The version that they ask for; none where there is nothing to release or no release yet.
    pub next_version: Option<String>,
}

/// Counts the commits since the newest release and says which version they ask for.
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
    let counts = ChangeKind::ALL.map(count);
    let bump = match counts {
        [_, _, (1..), _] => Bump::Breaking,
        [(1..), ..] => Bump::Feature,
        _ => Bump::Fix,
    };
    let next = newest.filter(|_| !kinds.is_empty()).map(|it| it.next(bump));
    UnreleasedChanges { counts, next_version: next }
}
