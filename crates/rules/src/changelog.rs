//! What a release's notes tell.

use git_conventional::Type;
use model::CommitId;
use model::RepoPath;
use model::release::changelog::{Changelog, Commit, Entry, History, Kind, Since};

use crate::contributors::contributors;
use crate::pulls::{pull_requests, split_number};
use crate::reverts::taken_back;

/// The changelog of a range that ends at `tip`. `bots` are patterns of names and addresses that are no people.
#[must_use]
pub fn changelog(
    tip: CommitId,
    since: Since,
    paths: Vec<RepoPath>,
    history: &History,
    bots: &[String],
) -> Changelog {
    let numbers = pull_requests(tip, &history.links);
    let taken_back = taken_back(&history.commits);
    let entry = |(at, commit): (usize, &Commit)| {
        let (subject, own) = split_number(&commit.subject);
        let mut authors = vec![commit.author.name.clone()];
        for it in &commit.co_authors {
            if !authors.contains(&it.name) {
                authors.push(it.name.clone());
            }
        }
        Entry {
            commit: commit.id,
            subject: subject.to_owned(),
            number: own.or_else(|| numbers.get(&commit.id).copied()),
            authors,
            kind: if taken_back.contains(&at) { Kind::Misc } else { kind(&commit.subject, &commit.body) },
        }
    };
    Changelog {
        since,
        paths,
        entries: history.commits.iter().enumerate().map(entry).collect(),
        contributors: contributors(&history.commits, bots),
    }
}

/// What a change is, by [Conventional Commits 1.0.0](https://www.conventionalcommits.org/en/v1.0.0/): breaking with
/// a `!` or a `BREAKING CHANGE:` or `BREAKING-CHANGE:` footer; a feature for `feat` and `perf`, a fix for `fix`, in
/// any case and with or without a space after the colon; else Misc. A footer counts whatever the subject is.
#[must_use]
pub fn kind(subject: &str, body: &str) -> Kind {
    let message = format!("{subject}\n\n{body}");
    let Ok(commit) = git_conventional::Commit::parse(&message) else {
        let message = format!("chore: change\n\n{body}");
        let breaking = git_conventional::Commit::parse(&message).is_ok_and(|it| it.breaking());
        return if breaking { Kind::Breaking } else { Kind::Misc };
    };
    match commit.type_() {
        _ if commit.breaking() => Kind::Breaking,
        it if it == Type::FEAT || it == Type::PERF => Kind::Feature,
        it if it == Type::FIX => Kind::Fix,
        _ => Kind::Misc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ObjectId;
    use model::release::changelog::Person;
    use proptest::prelude::*;

    #[test]
    fn kinds_and_their_twins() {
        for (subject, body, expected) in [
            ("feat: a", "", Kind::Feature),
            ("Feat(x): a", "", Kind::Feature),
            ("feat(x):a", "", Kind::Feature),
            ("perf: a", "", Kind::Feature),
            ("feature: a", "", Kind::Misc),
            ("feat a", "", Kind::Misc),
            ("fix: a", "", Kind::Fix),
            ("FIX(a b): a", "", Kind::Fix),
            ("fix(): a", "", Kind::Misc),
            ("refactor!: a", "", Kind::Breaking),
            ("feat(x)!: a", "", Kind::Breaking),
            ("feat!(x): a", "", Kind::Misc),
            ("fix: a", "why\n\nBREAKING CHANGE: b\n", Kind::Breaking),
            ("fix: a", "BREAKING-CHANGE: b", Kind::Breaking),
            ("update a", "BREAKING CHANGE: b", Kind::Breaking),
            ("fix: a", "this is no BREAKING CHANGE: at all", Kind::Fix),
            ("fix: a", "breaking change: b", Kind::Fix),
            ("fix: a", "why\nBREAKING CHANGES are none", Kind::Fix),
            ("", "", Kind::Misc),
        ] {
            assert_eq!(kind(subject, body), expected, "{subject:?} {body:?}");
        }
    }

    fn commit(n: u8, subject: &str, body: &str) -> Commit {
        Commit {
            id: CommitId::new(ObjectId::from_bytes([n; 20])),
            subject: subject.to_owned(),
            body: body.to_owned(),
            author: Person::new("A", "a@example.com"),
            co_authors: Vec::new(),
        }
    }

    fn kinds(commits: Vec<Commit>) -> Vec<Kind> {
        let tip = commits[0].id;
        let history = History { commits, links: Vec::new() };
        changelog(tip, Since::Beginning, Vec::new(), &history, &[]).entries.iter().map(|it| it.kind).collect()
    }

    #[test]
    fn a_change_and_its_revert_are_both_misc() {
        let by_name = format!("This reverts commit {}.", "01".repeat(20));
        assert_eq!(
            kinds(vec![commit(2, "Revert \"feat: a\"", &by_name), commit(1, "feat: a", "")]),
            [Kind::Misc, Kind::Misc]
        );
        assert_eq!(
            kinds(vec![commit(2, "fix: take a back", &by_name), commit(1, "feat!: a", "")]),
            [Kind::Misc, Kind::Misc],
            "whatever their type"
        );
        assert_eq!(
            kinds(vec![
                commit(2, "Revert \"feat: a (#1)\" (#2)", "Reverts acme/widgets#1"),
                commit(1, "feat: a (#1)", "")
            ]),
            [Kind::Misc, Kind::Misc]
        );
        assert_eq!(
            kinds(vec![commit(2, "Revert \"feat: b\"", ""), commit(1, "feat: a", "")]),
            [Kind::Misc, Kind::Feature],
            "the reverted commit is not in the range"
        );
    }

    #[test]
    fn a_revert_of_a_revert_brings_the_change_back() {
        let reverts = |n: u8| format!("This reverts commit {}.", format!("{n:02x}").repeat(20));
        assert_eq!(
            kinds(vec![
                commit(3, "Reapply \"feat: a\"", &reverts(2)),
                commit(2, "Revert \"feat: a\"", &reverts(1)),
                commit(1, "feat: a", "")
            ]),
            [Kind::Misc, Kind::Misc, Kind::Feature]
        );
    }

    proptest! {
        #[test]
        fn any_message_has_a_kind(subject in "\\PC{0,60}", body in "(?s).{0,200}") {
            prop_assert!(Kind::ALL.contains(&kind(&subject, &body)));
        }
    }
}
