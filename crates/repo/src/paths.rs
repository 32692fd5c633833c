//! Looks up the paths of path filters in trees.

use std::collections::HashMap;

use git2::{Oid, Repository};
use model::RepoPath;

use crate::error::RepoError;
use crate::error::object_error;

/// The mode of a folder in a tree object.
pub(crate) const TREE_MODE: i32 = 0o040_000;

/// The mode and object at a path. `None` if the tree does not have the path.
pub(crate) type PathEntry = Option<(i32, Oid)>;

/// Looks up path filters in trees, and caches the entry of each folder. Key: folder, index of the filter, depth.
pub(crate) struct PathLookup<'r> {
    git: &'r Repository,
    filters: &'r [RepoPath],
    cache: HashMap<(Oid, usize, usize), PathEntry>,
}

impl<'r> PathLookup<'r> {
    pub(crate) fn new(git: &'r Repository, filters: &'r [RepoPath]) -> Self {
        Self { git, filters, cache: HashMap::new() }
    }

    /// Returns the entry of each filter in the tree, in the order of the filters. Two trees with equal entries do not
    /// differ in the filtered paths.
    pub(crate) fn find(&mut self, tree: Oid) -> Result<Vec<PathEntry>, RepoError> {
        (0..self.filters.len()).map(|index| self.find_one(tree, index)).collect()
    }

    fn find_one(&mut self, root: Oid, index: usize) -> Result<PathEntry, RepoError> {
        let path = &self.filters[index];
        let mut tree = root;
        let mut parts = path.parts().enumerate().peekable();
        while let Some((depth, part)) = parts.next() {
            let found = self.entry(tree, index, depth, part)?;
            let is_last = parts.peek().is_none();
            match found {
                Some((TREE_MODE, id)) if !is_last => tree = id,
                Some((mode, _)) if is_last && path.is_directory_only() && mode != TREE_MODE => {
                    return Ok(None);
                }
                found if is_last => return Ok(found),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Returns one entry of a folder, from the cache if possible.
    fn entry(&mut self, tree: Oid, index: usize, depth: usize, name: &str) -> Result<PathEntry, RepoError> {
        if let Some(found) = self.cache.get(&(tree, index, depth)) {
            return Ok(*found);
        }
        let folder = self.git.find_tree(tree).map_err(object_error(tree, "a folder of the history"))?;
        let found = folder.get_name_bytes(name.as_bytes()).map(|it| (it.filemode_raw(), it.id()));
        self.cache.insert((tree, index, depth), found);
        Ok(found)
    }
}
