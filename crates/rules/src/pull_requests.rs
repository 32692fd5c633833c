//! The pull request that brought a commit in.

use std::collections::{HashMap, HashSet};

use model::CommitId;
use model::release::changelog::CommitNode;

/// Returns the pull request of every commit that was brought in by a merge. If several merges contain a commit, the one
/// nearest to the first-parent line of `tip` counts. If that merge names no pull request, the first-parent line of the
/// merged branch is searched in the same way.
pub(crate) fn pull_requests(tip: CommitId, graph: &[CommitNode]) -> HashMap<CommitId, u64> {
    let index = graph.iter().map(|node| (node.id, node)).collect();
    let mut search = PullRequestSearch { index, visited: HashSet::new(), numbers: HashMap::new() };
    search.follow_first_parents(tip);
    search.numbers
}

struct PullRequestSearch<'a> {
    index: HashMap<CommitId, &'a CommitNode>,
    visited: HashSet<CommitId>,
    numbers: HashMap<CommitId, u64>,
}

impl PullRequestSearch<'_> {
    fn follow_first_parents(&mut self, tip: CommitId) {
        let mut first_parents = Vec::new();
        let mut next = Some(tip);
        while let Some(node) = next.and_then(|it| self.unvisited_node(it)) {
            first_parents.push(node.id);
            next = node.parents.first().copied();
        }
        for commit in first_parents.into_iter().rev() {
            let Some(node) = self.unvisited_node(commit) else { continue };
            let (sides, number) =
                (node.parents.iter().skip(1).copied().collect::<Vec<_>>(), merged_pr_number(node));
            self.visited.insert(commit);
            for side in sides {
                match number {
                    Some(number) => self.assign(side, number),
                    None => self.follow_first_parents(side),
                }
            }
        }
    }

    /// Assigns the number to all unvisited commits that are reachable from `side`.
    fn assign(&mut self, side: CommitId, number: u64) {
        let mut todo = vec![side];
        while let Some(id) = todo.pop() {
            let Some(node) = self.unvisited_node(id) else { continue };
            todo.extend(node.parents.iter().copied());
            self.visited.insert(id);
            self.numbers.insert(id, number);
        }
    }

    fn unvisited_node(&self, id: CommitId) -> Option<&CommitNode> {
        if self.visited.contains(&id) { None } else { self.index.get(&id).copied() }
    }
}

/// Returns the number in a merge subject of GitHub: `Merge pull request #12 from owner/branch`.
fn merged_pr_number(node: &CommitNode) -> Option<u64> {
    let rest = node.merge_subject.as_ref()?.strip_prefix("Merge pull request #")?;
    let (number, _) = rest.split_once(" from ")?;
    number.parse().ok()
}

/// Splits a subject into its text and the number in the ` (#12)` that GitHub appends to squash merges. Returns the
/// whole subject and `None` if it has no such end.
pub(crate) fn split_pr_number(subject: &str) -> (&str, Option<u64>) {
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

    fn commit_node(n: u8, parents: &[u8], subject: Option<&str>) -> CommitNode {
        CommitNode {
            id: id(n),
            parents: parents.iter().map(|it| id(*it)).collect(),
            merge_subject: subject.map(str::to_owned),
        }
    }

    #[test]
    fn the_merge_nearest_to_the_first_parent_line_wins() {
        let graph = [
            commit_node(9, &[8, 7], Some("Merge pull request #20 from acme/feature")),
            commit_node(7, &[6, 5], Some("Merge pull request #3 from fork/part")),
            commit_node(6, &[1], None),
            commit_node(5, &[1], None),
            commit_node(8, &[1, 4], Some("Merge branch 'release'")),
            commit_node(4, &[2, 3], Some("Merge pull request #10 from acme/fix")),
            commit_node(3, &[2], None),
            commit_node(2, &[1], None),
        ];
        let numbers = pull_requests(id(9), &graph);
        let expected = [(7, 20), (6, 20), (5, 20), (3, 10)].map(|(n, number)| (id(n), number));
        assert_eq!(numbers, expected.into_iter().collect());
    }

    #[test]
    fn pull_request_number_is_read_at_the_subject_end() {
        assert_eq!(split_pr_number("feat: a (#12)"), ("feat: a", Some(12)));
        for subject in [
            "fix: close #12",
            "fix (#12) more",
            "Revert \"a (#12)\"",
            "a (#)",
            "a (#1x)",
            "(#99999999999999999999)",
        ] {
            assert_eq!(split_pr_number(subject), (subject, None));
        }
    }
}
