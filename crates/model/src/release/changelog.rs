//! Commits, and what a changelog makes of them.

use std::fmt;

use serde::Serialize;

use crate::{CommitId, RepoPath};

/// A person as a commit names them, after `.mailmap`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonIdent {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The account on GitHub; none where GitHub was not asked, or knows none.
    pub login: Option<String>,
}

impl PersonIdent {
    /// A person of whom nothing but this is known.
    #[must_use]
    pub fn new(name: &str, email: &str) -> Self {
        Self { name: name.to_owned(), email: email.to_owned(), login: None }
    }
}

/// A commit of a release's range, in the words of its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeCommit {
    /// The commit.
    pub id: CommitId,
    /// The first paragraph of the message, on one line.
    pub subject: String,
    /// The rest of the message.
    pub body: String,
    /// The author.
    pub author: PersonIdent,
    /// Who is named in `Co-authored-by` trailers, in their order.
    pub co_authors: Vec<PersonIdent>,
}

/// A commit of the whole range, whatever its paths: what tells which merge brought a commit in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitNode {
    /// The commit.
    pub id: CommitId,
    /// Its parents, in order, those outside the range included.
    pub parents: Vec<CommitId>,
    /// The subject of a merge; none for other commits.
    pub merge_subject: Option<String>,
}

/// The commits between two releases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitHistory {
    /// Those that the path filters let through, merges left out, newest first: what `git log --no-merges` lists.
    pub commits: Vec<RangeCommit>,
    /// All of the range.
    pub graph: Vec<CommitNode>,
}

/// What a change is to the one who updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Something new, or faster.
    Feature,
    /// Something mended.
    Fix,
    /// Something that users must act on.
    Breaking,
    /// Everything else, and what was taken back.
    Misc,
}

impl ChangeKind {
    /// All kinds, in the order of the notes.
    pub const ALL: [Self; 4] = [Self::Feature, Self::Fix, Self::Breaking, Self::Misc];

    /// The section's title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Feature => "✨ Features",
            Self::Fix => "🐛 Bug Fixes",
            Self::Breaking => "⚠️ Breaking Changes",
            Self::Misc => "📦 Misc",
        }
    }
}

/// One line of a changelog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangelogEntry {
    /// The commit.
    pub commit: CommitId,
    /// The subject without the pull request's number.
    pub subject: String,
    /// The pull request that brought the commit in, where the history tells.
    pub number: Option<u64>,
    /// The people behind it, by name.
    pub authors: Vec<String>,
    /// Where it stands.
    #[serde(skip)]
    pub kind: ChangeKind,
}

/// Someone to thank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contributor {
    /// The name.
    pub name: String,
    /// The GitHub login, only where it is certain.
    #[serde(rename = "handle")]
    pub login: Option<String>,
    /// Whether it is a program.
    pub bot: bool,
}

/// What a release's notes tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changelog {
    /// What the range starts after.
    pub range_start: RangeStart,
    /// The path filters; empty for the whole repository.
    pub paths: Vec<RepoPath>,
    /// Every commit once, newest first.
    pub entries: Vec<ChangelogEntry>,
    /// Everyone once, in the order of their first commit from the newest on.
    pub contributors: Vec<Contributor>,
}

impl Changelog {
    /// The entries of one kind, newest first.
    pub fn entries_of(&self, kind: ChangeKind) -> impl Iterator<Item = &ChangelogEntry> {
        self.entries.iter().filter(move |it| it.kind == kind)
    }
}

/// What the range of a release starts after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeStart {
    /// Another release, or another tag that was asked for.
    Tag {
        /// The tag's name.
        name: String,
        /// The commit that it leads to.
        commit: CommitId,
    },
    /// Nothing: the whole history.
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
