//! Conversion of object ids between libgit2 and the `model` crate. All are SHA-1, 20 bytes.

use model::{CommitId, ObjectId};

pub(crate) fn object_id(id: git2::Oid) -> ObjectId {
    let bytes = id.as_bytes().try_into().expect("built for SHA-1 repositories: an object name has 20 bytes");
    ObjectId::from_bytes(bytes)
}

pub(crate) fn commit_id(id: git2::Oid) -> CommitId {
    CommitId::new(object_id(id))
}

pub(crate) fn oid(id: ObjectId) -> git2::Oid {
    git2::Oid::from_bytes(id.as_bytes()).expect("an object name has 20 bytes")
}
