//! The files of a commit, as members of a source archive.

use crate::{CommitId, ObjectId};

/// The commit that an archive is made from, and the values that the archive takes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveSource {
    /// The commit's id, which the archive's pax header states.
    pub commit: CommitId,
    /// The commit's root tree.
    pub tree: ObjectId,
    /// The committer date in seconds since 1970 (UTC), which every member has as its modification time.
    pub time: i64,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The path below the top folder, with `/` between its parts and without a trailing `/`. It is in bytes, because
    /// git paths have no encoding.
    pub path: &'a [u8],
    /// The git object of the member: a blob, a tree, or the commit of a submodule.
    pub object: ObjectId,
    /// The type and content of the member.
    pub content: MemberContent<'a>,
}

/// The type and content of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberContent<'a> {
    /// A folder. A submodule is an empty folder, as in `git archive`.
    Directory,
    /// A file, converted as the git attributes require (line endings, `export-subst`).
    File {
        /// The content.
        bytes: &'a [u8],
        /// Whether the file is executable.
        executable: bool,
    },
    /// A symbolic link.
    Symlink {
        /// The path that the link points to.
        target: &'a [u8],
    },
}
