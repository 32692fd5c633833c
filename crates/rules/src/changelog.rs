//! The changelog of a release: one entry per commit, with kind, pull request and authors.

use model::CommitId;
use model::RepoPath;
use model::release::changelog::{
    ChangeKind, Changelog, ChangelogEntry, CommitHistory, RangeCommit, RangeStart,
};

use crate::contributors::contributors;
use crate::pull_requests::{pull_requests, split_pr_number};
use crate::reverts::reverted;

/// Returns the changelog of the range from `since` to `tip`. `bots` are patterns of the names and addresses of bots.
#[must_use]
pub fn changelog(
    tip: CommitId,
    since: RangeStart,
    paths: Vec<RepoPath>,
    history: &CommitHistory,
    bots: &[String],
) -> Changelog {
    let numbers = pull_requests(tip, &history.graph);
    let reverted = reverted(&history.commits);
    let entry = |(index, commit): (usize, &RangeCommit)| {
        let (subject, subject_number) = split_pr_number(&commit.subject);
        let mut authors = vec![commit.author.name.clone()];
        for co_author in &commit.co_authors {
            if !authors.contains(&co_author.name) {
                authors.push(co_author.name.clone());
            }
        }
        ChangelogEntry {
            commit: commit.id,
            subject: subject.to_owned(),
            number: subject_number.or_else(|| numbers.get(&commit.id).copied()),
            authors,
            kind: if reverted.contains(&index) {
                ChangeKind::Misc
            } else {
                change_kind(&commit.subject, &commit.body)
            },
        }
    };
    Changelog {
        range_start: since,
        paths,
        entries: history.commits.iter().enumerate().map(entry).collect(),
        contributors: contributors(&history.commits, bots),
    }
}

/// Returns the kind of a change by [Conventional Commits 1.0.0](https://www.conventionalcommits.org/en/v1.0.0/):
/// breaking with a `!` or a `BREAKING CHANGE:` or `BREAKING-CHANGE:` footer; a feature for `feat` and `perf`; a fix for
/// `fix`; otherwise Misc. Types are matched in any case, with or without a space after the colon. A footer counts even
/// if the subject has another form, so that a breaking change is never hidden by its subject.
#[must_use]
pub fn change_kind(subject: &str, body: &str) -> ChangeKind {
    let message = format!("{subject}\n\n{body}");
    let Ok(commit) = git_conventional::Commit::parse(&message) else {
        let message = format!("chore: change\n\n{body}");
        let breaking = git_conventional::Commit::parse(&message).is_ok_and(|it| it.breaking());
        return if breaking { ChangeKind::Breaking } else { ChangeKind::Misc };
    };
    match commit.type_() {
        _ if commit.breaking() => ChangeKind::Breaking,
        commit_type => ChangeKind::of_commit_type(commit_type.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use model::release::changelog::SECTIONS;

    use super::*;
    use model::ObjectId;
    use model::release::changelog::PersonIdent;
    use proptest::prelude::*;

    #[test]
    fn conventional_commit_types_give_the_kind() {
        for (subject, body, expected) in [
            ("feat: a", "", ChangeKind::Feature),
            ("Feat(x): a", "", ChangeKind::Feature),
            ("feat(x):a", "", ChangeKind::Feature),
            ("perf: a", "", ChangeKind::Feature),
            ("feature: a", "", ChangeKind::Misc),
            ("feat a", "", ChangeKind::Misc),
            ("fix: a", "", ChangeKind::Fix),
            ("FIX(a b): a", "", ChangeKind::Fix),
            ("fix(): a", "", ChangeKind::Misc),
            ("refactor!: a", "", ChangeKind::Breaking),
            ("feat(x)!: a", "", ChangeKind::Breaking),
            ("feat!(x): a", "", ChangeKind::Misc),
            ("fix: a", "why\n\nBREAKING CHANGE: b\n", ChangeKind::Breaking),
            ("fix: a", "BREAKING-CHANGE: b", ChangeKind::Breaking),
            ("update a", "BREAKING CHANGE: b", ChangeKind::Breaking),
            ("fix: a", "this is no BREAKING CHANGE: at all", ChangeKind::Fix),
            ("fix: a", "breaking change: b", ChangeKind::Fix),
            ("fix: a", "why\nBREAKING CHANGES are none", ChangeKind::Fix),
            ("", "", ChangeKind::Misc),
        ] {
            assert_eq!(change_kind(subject, body), expected, "{subject:?} {body:?}");
        }
    }

    fn commit(n: u8, subject: &str, body: &str) -> RangeCommit {
        RangeCommit {
            id: CommitId::new(ObjectId::from_bytes([n; 20])),
            subject: subject.to_owned(),
            body: body.to_owned(),
            author: PersonIdent::new("A", "a@example.com"),
            co_authors: Vec::new(),
        }
    }

    fn kinds(commits: Vec<RangeCommit>) -> Vec<ChangeKind> {
        let tip = commits[0].id;
        let history = CommitHistory { commits, graph: Vec::new() };
        changelog(tip, RangeStart::Root, Vec::new(), &history, &[]).entries.iter().map(|it| it.kind).collect()
    }

    #[test]
    fn reverted_change_is_misc() {
        let by_name = format!("This reverts commit {}.", "01".repeat(20));
        assert_eq!(
            kinds(vec![commit(2, "Revert \"feat: a\"", &by_name), commit(1, "feat: a", "")]),
            [ChangeKind::Misc, ChangeKind::Misc]
        );
        assert_eq!(
            kinds(vec![commit(2, "fix: take a back", &by_name), commit(1, "feat!: a", "")]),
            [ChangeKind::Misc, ChangeKind::Misc],
            "whatever their type"
        );
        assert_eq!(
            kinds(vec![
                commit(2, "Revert \"feat: a (#1)\" (#2)", "Reverts acme/widgets#1"),
                commit(1, "feat: a (#1)", "")
            ]),
            [ChangeKind::Misc, ChangeKind::Misc]
        );
        assert_eq!(
            kinds(vec![commit(2, "Revert \"feat: b\"", ""), commit(1, "feat: a", "")]),
            [ChangeKind::Misc, ChangeKind::Feature],
            "the reverted commit is not in the range"
        );
    }

    #[test]
    fn reverted_revert_restores_the_change() {
        let reverts = |n: u8| format!("This reverts commit {}.", format!("{n:02x}").repeat(20));
        assert_eq!(
            kinds(vec![
                commit(3, "Reapply \"feat: a\"", &reverts(2)),
                commit(2, "Revert \"feat: a\"", &reverts(1)),
                commit(1, "feat: a", "")
            ]),
            [ChangeKind::Misc, ChangeKind::Misc, ChangeKind::Feature]
        );
    }

    proptest! {
        #[test]
        fn change_kind_never_panics(subject in "\\PC{0,60}", body in "(?s).{0,200}") {
            prop_assert!(SECTIONS.iter().any(|it| it.kind == change_kind(&subject, &body)));
        }
    }
}
