//! The digest of a commit with all its trees and files, as `git-evtag` computes it (its README, "The Git-EVTag algorithm
//! (v0)"): the SHA-512 over the commit, then each tree and its entries in their order, each object with its header.

use std::thread::JoinHandle;

use git2::{ObjectType, Odb, Oid};
use model::CommitId;
use model::base::id::Sha512Hasher;

use crate::archive::MAX_TREE_DEPTH;
use crate::error::RepoError;
use crate::object_ids::oid;
use crate::objects::{self, MAX_TREE_BYTES};
use crate::repository::Repo;

/// The most objects of a commit.
const MAX_OBJECTS: usize = 2_000_000;
/// The largest file, in bytes. It is in memory as a whole.
const MAX_BLOB_BYTES: usize = 1 << 30;

impl Repo {
    /// Starts to compute [`Self::evtag_digest`] in a thread.
    ///
    /// # Errors
    /// [`RepoError`] if the repository cannot be opened a second time.
    pub fn spawn_evtag(&self, commit: CommitId) -> Result<PendingEvtag, RepoError> {
        let repo = Self::open(&self.root(), self.program_policy)?;
        Ok(PendingEvtag(std::thread::spawn(move || repo.evtag_digest(commit))))
    }

    /// Returns the digest of a commit for the trailer `Git-EVTag-v0-SHA512`. `None` if it has a submodule, whose commit is in
    /// another repository.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] for an object that is not in the clone, [`RepoError::ObjectTooLarge`],
    /// [`RepoError::TooDeep`], [`RepoError::TooManyFiles`].
    pub fn evtag_digest(&self, commit: CommitId) -> Result<Option<[u8; 64]>, RepoError> {
        let odb = self.odb()?;
        let id = oid(commit.object());
        let tree = self.commit(id, "the tag's commit")?.tree_id();
        let mut walk = EvtagWalk { repo: self, odb: &odb, hasher: Sha512Hasher::default(), objects: 0 };
        walk.add(id, "the tag's commit")?;
        let is_complete = walk.add_tree(tree, 0)?;
        Ok(is_complete.then(|| walk.hasher.finish()))
    }
}

/// The digest of a commit, which a thread computes; call `wait` for its result.
#[derive(Debug)]
pub struct PendingEvtag(JoinHandle<Result<Option<[u8; 64]>, RepoError>>);

impl PendingEvtag {
    /// Returns the digest.
    ///
    /// # Errors
    /// Those of [`Repo::evtag_digest`].
    pub fn wait(self) -> Result<Option<[u8; 64]>, RepoError> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

struct EvtagWalk<'r> {
    repo: &'r Repo,
    odb: &'r Odb<'r>,
    hasher: Sha512Hasher,
    /// The number of objects that were added. A tree can have the same folder many times.
    objects: usize,
}

impl EvtagWalk<'_> {
    /// Adds an object: its type, its size in decimal digits, a zero byte, and its content.
    fn add(&mut self, id: Oid, what: &str) -> Result<(), RepoError> {
        self.objects += 1;
        if self.objects > MAX_OBJECTS {
            return Err(RepoError::TooManyFiles { folder: "the tag's tree".to_owned(), limit: MAX_OBJECTS });
        }
        let object = objects::read(self.odb, id, what, MAX_BLOB_BYTES)?;
        let content = object.data();
        self.hasher.update(format!("{} {}\0", object.kind().str(), content.len()).as_bytes());
        self.hasher.update(content);
        Ok(())
    }

    /// Adds a tree with all entries below it. Returns false at a submodule.
    fn add_tree(&mut self, id: Oid, depth: usize) -> Result<bool, RepoError> {
        if depth > MAX_TREE_DEPTH {
            return Err(RepoError::TooDeep { levels: MAX_TREE_DEPTH });
        }
        objects::kind(self.odb, id, "a folder of the tag's tree", MAX_TREE_BYTES)?;
        self.add(id, "a folder of the tag's tree")?;
        let tree = self.repo.git.find_tree(id).map_err(crate::error::object_error(id, "a folder"))?;
        for entry in &tree {
            match entry.kind() {
                Some(ObjectType::Commit) => return Ok(false),
                Some(ObjectType::Tree) if !self.add_tree(entry.id(), depth + 1)? => return Ok(false),
                Some(ObjectType::Tree) => {}
                _ => self.add(entry.id(), &String::from_utf8_lossy(entry.name_bytes()))?,
            }
        }
        Ok(true)
    }
}
