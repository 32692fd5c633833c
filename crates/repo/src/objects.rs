//! Reads objects up to a size limit. The header of an object gives its type and size, so that the limit is checked
//! before the object is read into memory.

use git2::{Commit, ObjectType, Odb, OdbObject, Oid};

use crate::error::RepoError;
use crate::error::{git_error, object_error};
use crate::repository::Repo;

/// The largest commit object, in bytes. Most of it is the message.
const MAX_COMMIT_BYTES: usize = 16 << 20;
/// The largest file that is parsed, in bytes: a version file, `.mailmap` or `.gitattributes`.
pub(crate) const MAX_FILE_BYTES: usize = 16 << 20;
/// The largest tree object in an archive, in bytes. A folder of a million files with names of 30 bytes is smaller.
pub(crate) const MAX_TREE_BYTES: usize = 64 << 20;
/// The largest tag object, in bytes.
pub(crate) const MAX_TAG_BYTES: usize = 1 << 20;
/// The largest number of tag objects that are peeled to reach a commit.
const MAX_NESTED_TAGS: usize = 100;

/// Returns the type of an object of at most `limit` bytes. Reads only its header.
///
/// # Errors
/// [`RepoError::ObjectNotFound`], [`RepoError::ObjectTooLarge`].
pub(crate) fn kind(odb: &Odb<'_>, id: Oid, what: &str, limit: usize) -> Result<ObjectType, RepoError> {
    let (length, kind) = odb.read_header(id).map_err(object_error(id, what))?;
    if length > limit {
        return Err(RepoError::ObjectTooLarge { what: what.to_owned(), length, limit });
    }
    Ok(kind)
}

/// Reads an object of at most `limit` bytes. `what` names it in errors.
///
/// # Errors
/// [`RepoError::ObjectNotFound`], [`RepoError::ObjectTooLarge`].
pub(crate) fn read<'o>(
    odb: &'o Odb<'_>,
    id: Oid,
    what: &str,
    limit: usize,
) -> Result<OdbObject<'o>, RepoError> {
    kind(odb, id, what, limit)?;
    odb.read(id).map_err(object_error(id, what))
}

impl Repo {
    pub(crate) fn odb(&self) -> Result<Odb<'_>, RepoError> {
        self.git.odb().map_err(git_error("the object database"))
    }

    /// Reads a commit of at most [`MAX_COMMIT_BYTES`]. `what` names it in errors.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`], [`RepoError::ObjectTooLarge`].
    pub(crate) fn commit(&self, id: Oid, what: &str) -> Result<Commit<'_>, RepoError> {
        kind(&self.odb()?, id, what, MAX_COMMIT_BYTES)?;
        self.git.find_commit(id).map_err(object_error(id, what))
    }

    /// Peels an object to a commit. Returns `None` if its target is not a commit, or if a tag on the way is larger
    /// than [`MAX_TAG_BYTES`], or if there are more than [`MAX_NESTED_TAGS`] tags.
    pub(crate) fn peel_to_commit(&self, mut id: Oid) -> Option<Oid> {
        let odb = self.git.odb().ok()?;
        for _ in 0..MAX_NESTED_TAGS {
            match odb.read_header(id).ok()? {
                (_, ObjectType::Commit) => return Some(id),
                (length, ObjectType::Tag) if length <= MAX_TAG_BYTES => {
                    id = self.git.find_tag(id).ok()?.target_id();
                }
                _ => return None,
            }
        }
        None
    }
}
