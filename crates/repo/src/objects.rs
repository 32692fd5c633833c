//! Objects within limits: what an object is and how long, git tells before it is read.

use git2::{Commit, ObjectType, Odb, OdbObject, Oid};

use crate::error::RepoError;
use crate::error::{git_error, object_error};
use crate::repository::Repo;

/// The longest commit, in bytes: its message is the most of it.
const MAX_COMMIT_BYTES: usize = 16 << 20;
/// The longest file that is read for what it says: a version source, `.mailmap`, `.gitattributes`.
pub(crate) const MAX_FILE_BYTES: usize = 16 << 20;
/// The longest list of one folder in an archive, in bytes: a million files with names of thirty letters stay below.
pub(crate) const MAX_TREE_BYTES: usize = 64 << 20;
/// The longest tag object, in bytes.
pub(crate) const MAX_TAG_BYTES: usize = 1 << 20;
/// How many tags may lead from one to the next.
const MAX_NESTED_TAGS: usize = 100;

/// The kind of an object, which has at most `limit` bytes. Only its header is read.
///
/// # Errors
/// [`RepoError::Missing`], [`RepoError::TooLong`].
pub(crate) fn kind(odb: &Odb<'_>, id: Oid, what: &str, limit: usize) -> Result<ObjectType, RepoError> {
    let (length, kind) = odb.read_header(id).map_err(object_error(id, what))?;
    if length > limit {
        return Err(RepoError::ObjectTooLarge { what: what.to_owned(), length, limit });
    }
    Ok(kind)
}

/// Reads an object of at most `limit` bytes.
///
/// # Errors
/// [`RepoError::Missing`], [`RepoError::TooLong`].
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

    /// Reads a commit.
    ///
    /// # Errors
    /// [`RepoError::Missing`], [`RepoError::TooLong`].
    pub(crate) fn commit(&self, id: Oid, what: &str) -> Result<Commit<'_>, RepoError> {
        kind(&self.odb()?, id, what, MAX_COMMIT_BYTES)?;
        self.git.find_commit(id).map_err(object_error(id, what))
    }

    /// The commit that an object leads to. Returns `None` if it leads to none, or through too many or too long tags.
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
