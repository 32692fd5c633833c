//! The files of a commit, as they are archived.

use crate::{CommitId, ObjectId};

/// What an archive says of the commit that it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveSource {
    /// The commit.
    pub commit: CommitId,
    /// Its root tree.
    pub tree: ObjectId,
    /// The committer's time, in seconds since 1970 in UTC: the time of every member.
    pub time: i64,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The path below the top folder, `/` between its parts and no `/` at its end. Bytes: git knows no encoding.
    pub path: &'a [u8],
    /// The git object that it comes from.
    pub object: ObjectId,
    /// What it is.
    pub content: MemberContent<'a>,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberContent<'a> {
    /// A folder. A submodule stands here as an empty one, as git has it.
    Directory,
    /// A file, converted as git's attributes ask.
    File {
        /// Its bytes.
        bytes: &'a [u8],
        /// Whether it may be executed.
        executable: bool,
    },
    /// A symbolic link.
    Symlink {
        /// Where it leads.
        target: &'a [u8],
    },
}
