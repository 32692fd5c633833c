//! The commits of a release, and the changelog made from them.

use std::fmt;

use serde::Serialize;

use crate::catalog::version::Bump;
use crate::{CommitId, RepoPath};

/// A person as named by a commit, after `.mailmap` was applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonIdent {
    /// The name; may be empty.
    pub name: String,
    /// The e-mail address; may be empty.
    pub email: String,
    /// The GitHub login. `None` if GitHub was not queried, or knows no account for the commit.
    pub login: Option<String>,
}

impl PersonIdent {
    /// Returns a person without a GitHub login.
    #[must_use]
    pub fn new(name: &str, email: &str) -> Self {
        Self { name: name.to_owned(), email: email.to_owned(), login: None }
    }
}

/// A commit that the changelog lists, with its message and authors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeCommit {
    /// The commit's id.
    pub id: CommitId,
    /// The first paragraph of the message, on one line, as `git log --format=%s` prints it.
    pub subject: String,
    /// The rest of the message; empty if there is none.
    pub body: String,
    /// The author of the commit, who may differ from its committer.
    pub author: PersonIdent,
    /// The people in `Co-authored-by` trailers, in their order.
    pub co_authors: Vec<PersonIdent>,
}

/// A node of the commit graph, which is used to find the merge that brought a commit in. Path filters do not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitNode {
    /// The commit's id.
    pub id: CommitId,
    /// The parents in their order, including those outside the range.
    pub parents: Vec<CommitId>,
    /// The subject of a merge commit. `None` for other commits.
    pub merge_subject: Option<String>,
}

/// The commits of the range between two releases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitHistory {
    /// The commits that match the path filters, without merges, newest first: what `git log --no-merges` lists.
    pub commits: Vec<RangeCommit>,
    /// All commits of the range, merges included.
    pub graph: Vec<CommitNode>,
}

/// The kind of a change, as it matters to a user who updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A new feature, or better performance.
    Feature,
    /// A bug fix.
    Fix,
    /// A change that users must act on.
    Breaking,
    /// Any other change, and every change that was reverted in the same range.
    Misc,
}

/// A section of the notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionDefinition {
    /// The changes that it lists.
    pub kind: ChangeKind,
    /// Its title.
    pub title: &'static str,
    /// The name of the number of its changes in JSON.
    pub key: &'static str,
    /// The same for a column of text.
    pub column: &'static str,
    /// The commit types that it lists, in lower case (Conventional Commits 1.0.0).
    pub commit_types: &'static [&'static str],
    /// The part of the version that its changes raise (SemVer 2.0.0, 7 and 8).
    pub bump: Bump,
    /// When it loses entries if the notes are too long: the lowest number first. Contributors have 3.
    pub truncation_rank: u8,
}

/// The sections of the notes in their order. A kind of change is defined here and nowhere else.
pub const SECTIONS: [SectionDefinition; 4] = [
    SectionDefinition {
        kind: ChangeKind::Feature,
        title: "✨ Features",
        key: "features",
        column: "FEAT",
        commit_types: &["feat", "perf"],
        bump: Bump::Feature,
        truncation_rank: 2,
    },
    SectionDefinition {
        kind: ChangeKind::Fix,
        title: "🐛 Bug Fixes",
        key: "fixes",
        column: "FIX",
        commit_types: &["fix"],
        bump: Bump::Fix,
        truncation_rank: 1,
    },
    SectionDefinition {
        kind: ChangeKind::Breaking,
        title: "⚠️ Breaking Changes",
        key: "breaking",
        column: "BREAK",
        commit_types: &[],
        bump: Bump::Breaking,
        truncation_rank: 4,
    },
    SectionDefinition {
        kind: ChangeKind::Misc,
        title: "📦 Misc",
        key: "misc",
        column: "MISC",
        commit_types: &[],
        bump: Bump::Fix,
        truncation_rank: 0,
    },
];

/// When the contributors lose lines, among the ranks of the sections.
pub const CONTRIBUTORS_TRUNCATION_RANK: u8 = 3;

impl ChangeKind {
    /// The kind that lists a commit type. Returns `Misc` for types that no section names.
    #[must_use]
    pub fn of_commit_type(commit_type: &str) -> Self {
        let lists =
            |it: &&SectionDefinition| it.commit_types.iter().any(|it| it.eq_ignore_ascii_case(commit_type));
        SECTIONS.iter().find(lists).map_or(Self::Misc, |it| it.kind)
    }
}

/// One line of the changelog: one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangelogEntry {
    /// The commit's id.
    pub commit: CommitId,
    /// The subject, without the number of the pull request.
    pub subject: String,
    /// The pull request that brought the commit in. `None` if the history does not name one.
    pub number: Option<u64>,
    /// The names of the author and the co-authors, each once.
    pub authors: Vec<String>,
    /// The kind of the change, which selects the section of the notes.
    #[serde(skip)]
    pub kind: ChangeKind,
}

/// A contributor to the release, whom the notes thank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contributor {
    /// The name of the first commit that names the contributor.
    pub name: String,
    /// The GitHub login. `None` unless it is certain, because an `@login` notifies that account.
    #[serde(rename = "handle")]
    pub login: Option<String>,
    /// Whether the contributor is a bot.
    pub bot: bool,
}

/// The changelog: the content of the release notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changelog {
    /// The exclusive start of the range.
    pub range_start: RangeStart,
    /// The path filters; empty for the whole repository.
    pub paths: Vec<RepoPath>,
    /// One entry per commit, newest first.
    pub entries: Vec<ChangelogEntry>,
    /// Each contributor once, ordered by their newest commit, newest first.
    pub contributors: Vec<Contributor>,
}

impl Changelog {
    /// Returns the entries of one kind, newest first.
    pub fn entries_of(&self, kind: ChangeKind) -> impl Iterator<Item = &ChangelogEntry> {
        self.entries.iter().filter(move |it| it.kind == kind)
    }
}

/// The exclusive start of a release's range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeStart {
    /// A tag: the previous release, or the tag given with `--from-tag`.
    Tag {
        /// The tag's name.
        name: String,
        /// The commit that the tag points to.
        commit: CommitId,
    },
    /// No start: the range is the whole history.
    Root,
}

impl fmt::Display for RangeStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag { name, .. } => f.write_str(name),
            Self::Root => f.write_str("the beginning"),
        }
    }
}
