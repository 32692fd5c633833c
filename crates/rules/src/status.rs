//! What is unreleased.

use model::Version;
use model::catalog::version::Bump;
use model::release::changelog::{History, Kind};

use crate::changelog::kind;
use crate::reverts::taken_back;

/// What came since the newest release of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreleased {
    /// How many commits of each kind, in the order of [`Kind::ALL`].
    pub counts: [usize; 4],
    /// The version that they ask for; none where there is nothing to release or no release yet.
    pub next: Option<String>,
}

/// Counts the commits since the newest release and says which version they ask for.
#[must_use]
pub fn unreleased(newest: Option<&Version>, history: &History) -> Unreleased {
    let taken_back = taken_back(&history.commits);
    let kinds: Vec<Kind> = history
        .commits
        .iter()
        .enumerate()
        .map(|(at, it)| if taken_back.contains(&at) { Kind::Misc } else { kind(&it.subject, &it.body) })
        .collect();
    let count = |wanted: Kind| kinds.iter().filter(|it| **it == wanted).count();
    let counts = Kind::ALL.map(count);
    let bump = match counts {
        [_, _, (1..), _] => Bump::Breaking,
        [(1..), ..] => Bump::Feature,
        _ => Bump::Fix,
    };
    let next = newest.filter(|_| !kinds.is_empty()).map(|it| it.next(bump));
    Unreleased { counts, next }
}
