//! The receipt of a release: the files and the tag that exist after it.

use std::path::PathBuf;

use serde::Serialize;

use crate::release::facts::TagKind;
use crate::{CommitId, Digest, ObjectId, ReleaseTag};

/// The products of a release on this machine.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// The released tag.
    pub tag: ReleaseTag,
    /// The released commit.
    pub commit: CommitId,
    /// The output files, complete and under their final names.
    pub files: Vec<OutputFile>,
    /// The tag as it is in this clone.
    pub tag_object: LocalTag,
}

/// An output file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The SHA-256 digest of the content.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
}

/// The tag in the clone after the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LocalTag {
    /// The object that the reference points to.
    pub object: ObjectId,
    /// The kind of tag: lightweight, annotated or signed.
    pub kind: TagKind,
    /// Whether the tag existed before this run.
    #[serde(rename = "existed")]
    pub already_existed: bool,
}
