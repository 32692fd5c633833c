//! What was made.

use std::path::PathBuf;

use serde::Serialize;

use crate::release::facts::TagKind;
use crate::{CommitId, Digest, ObjectId, ReleaseTag};

/// What a release made on this machine.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// The tag.
    pub tag: ReleaseTag,
    /// The commit.
    pub commit: CommitId,
    /// The files, complete and under their final names.
    pub files: Vec<OutputFile>,
    /// The tag in this clone.
    pub tag_object: LocalTag,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// A tag that is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LocalTag {
    /// The object that the reference names.
    pub object: ObjectId,
    /// What kind of tag it is.
    pub kind: TagKind,
    /// Whether it was there before.
    #[serde(rename = "existed")]
    pub already_existed: bool,
}
