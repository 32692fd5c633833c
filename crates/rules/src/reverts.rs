//! Commits that revert other commits of the same range.

use std::collections::HashSet;

use model::release::changelog::RangeCommit;

use crate::pull_requests::split_pr_number;

/// Returns the indices of all commits that another commit of the list reverts, and of the reverts themselves. The list
/// is ordered from newest to oldest. A revert that is itself reverted has no effect, so its target is a normal change
/// again.
pub(crate) fn reverted(commits: &[RangeCommit]) -> HashSet<usize> {
    let mut cancelled = HashSet::new();
    let mut both = HashSet::new();
    for (index, commit) in commits.iter().enumerate() {
        let Some(target) = reverted_index(commit, index, commits, &cancelled) else { continue };
        both.insert(index);
        if !cancelled.contains(&index) {
            cancelled.insert(target);
            both.insert(target);
        }
    }
    both
}

/// Returns the index of the older commit that `commit` reverts: by object id (`This reverts commit …`, as `git revert`
/// writes), otherwise by its quoted subject, as in GitHub's revert of a squashed pull request.
fn reverted_index(
    commit: &RangeCommit,
    index: usize,
    commits: &[RangeCommit],
    cancelled: &HashSet<usize>,
) -> Option<usize> {
    let older = || commits.iter().enumerate().skip(index + 1);
    let named: Vec<&str> =
        commit.body.split("This reverts commit ").skip(1).filter_map(object_name).collect();
    let by_name = || older().find(|(_, it)| named.iter().any(|name| it.id.to_string().starts_with(name)));
    let quoted = quoted_subject(&commit.subject);
    let by_subject = || {
        let quoted = quoted.as_deref()?;
        older().find(|(place, it)| {
            !cancelled.contains(place)
                && (it.subject == quoted || split_pr_number(&it.subject).0 == split_pr_number(quoted).0)
        })
    };
    by_name().or_else(by_subject).map(|(place, _)| place)
}

fn object_name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    (7..=40).contains(&end).then(|| &text[..end])
}

/// Returns the subject that `Revert "…"` quotes. `Reapply "…"` is git's subject for the revert of a revert.
fn quoted_subject(subject: &str) -> Option<String> {
    let (subject, _) = split_pr_number(subject);
    if let Some(rest) = subject.strip_prefix("Reapply \"") {
        return Some(format!("Revert \"{}\"", rest.strip_suffix('"')?));
    }
    subject.strip_prefix("Revert \"")?.strip_suffix('"').map(str::to_owned)
}
