//! Which pull request brought a commit in.

use std::collections::{HashMap, HashSet};

use model::CommitId;
use model::release::changelog::Link;

/// The pull request of every commit that a merge brought in: of the merge nearest to the released line of history,
/// the one that follows first parents from `tip`. A merge that names no pull request passes the question on to the
/// line that it merged.
pub(crate) fn pull_requests(tip: CommitId, links: &[Link]) -> HashMap<CommitId, u64> {
    let index = links.iter().map(|link| (link.id, link)).collect();
    let mut search = Search { index, visited: HashSet::new(), numbers: HashMap::new() };
    search.follow(tip);
    search.numbers
}

struct Search<'a> {
    index: HashMap<CommitId, &'a Link>,
    visited: HashSet<CommitId>,
    numbers: HashMap<CommitId, u64>,
}

impl Search<'_> {
    fn follow(&mut self, tip: CommitId) {
        let mut first_parents = Vec::new();
        let mut next = Some(tip);
        while let Some(link) = next.and_then(|it| self.unvisited(it)) {
            first_parents.push(link.id);
            next = link.parents.first().copied();
        }
        for commit in first_parents.into_iter().rev() {
            let Some(link) = self.unvisited(commit) else { continue };
            let (sides, number) = (link.parents.iter().skip(1).copied().collect::<Vec<_>>(), number(link));
            self.visited.insert(commit);
            for side in sides {
                match number {
                    Some(number) => self.give(side, number),
                    None => self.follow(side),
                }
            }
        }
    }

    /// Gives the number to all that came in with `side`.
    fn give(&mut self, side: CommitId, number: u64) {
        let mut todo = vec![side];
        while let Some(id) = todo.pop() {
            let Some(link) = self.unvisited(id) else { continue };
            todo.extend(link.parents.iter().copied());
            self.visited.insert(id);
            self.numbers.insert(id, number);
        }
    }

    fn unvisited(&self, id: CommitId) -> Option<&Link> {
        if self.visited.contains(&id) { None } else { self.index.get(&id).copied() }
    }
}

/// The number in `Merge pull request #12 from owner/branch`, as GitHub writes it.
fn number(link: &Link) -> Option<u64> {
    let rest = link.merge_subject.as_ref()?.strip_prefix("Merge pull request #")?;
    let (number, _) = rest.split_once(" from ")?;
    number.parse().ok()
}

/// A subject without the ` (#12)` that GitHub puts at its end when it squashes, and that number.
pub(crate) fn split_number(subject: &str) -> (&str, Option<u64>) {
    let split = || {
        let (text, number) = subject.trim_end().strip_suffix(')')?.rsplit_once("(#")?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        Some((text.trim_end(), digits.then(|| number.parse().ok())??))
    };
    split().map_or((subject, None), |(text, number)| (text, Some(number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ObjectId;

    fn id(n: u8) -> CommitId {
        CommitId::new(ObjectId::from_bytes([n; 20]))
    }

    fn link(n: u8, parents: &[u8], subject: Option<&str>) -> Link {
        Link {
            id: id(n),
            parents: parents.iter().map(|it| id(*it)).collect(),
            merge_subject: subject.map(str::to_owned),
        }
    }

    #[test]
    fn the_merge_nearest_to_the_released_line_counts() {
        let links = [
            link(9, &[8, 7], Some("Merge pull request #20 from acme/feature")),
            link(7, &[6, 5], Some("Merge pull request #3 from fork/part")),
            link(6, &[1], None),
            link(5, &[1], None),
            link(8, &[1, 4], Some("Merge branch 'release'")),
            link(4, &[2, 3], Some("Merge pull request #10 from acme/fix")),
            link(3, &[2], None),
            link(2, &[1], None),
        ];
        let numbers = pull_requests(id(9), &links);
        let expected = [(7, 20), (6, 20), (5, 20), (3, 10)].map(|(n, number)| (id(n), number));
        assert_eq!(numbers, expected.into_iter().collect());
    }

    #[test]
    fn only_the_end_of_a_subject_names_a_pull_request() {
        assert_eq!(split_number("feat: a (#12)"), ("feat: a", Some(12)));
        for subject in [
            "fix: close #12",
            "fix (#12) more",
            "Revert \"a (#12)\"",
            "a (#)",
            "a (#1x)",
            "(#99999999999999999999)",
        ] {
            assert_eq!(split_number(subject), (subject, None));
        }
    }
}
