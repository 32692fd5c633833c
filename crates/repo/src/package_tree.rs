//! The files of a commit that a package is compared with.

use git2::{ObjectType, Odb, Oid};
use model::package::{PackageTree, TreeFile};
use model::{CommitId, Digest, RepoPath};

use crate::error::RepoError;
use crate::error::object_error;
use crate::objects::{self, MAX_FILE_BYTES, MAX_TREE_BYTES};
use crate::repository::Repo;

/// The largest nesting depth of folders, as in an archive.
const MAX_TREE_DEPTH: usize = 512;
/// The largest number of files of a package's folder.
const MAX_PACKAGE_FILES: usize = 100_000;
/// The largest file whose digest is computed, in bytes. It is in memory as a whole.
const MAX_BLOB_BYTES: usize = 96 << 20;

/// Returns whether the content of a file is kept, not only its digest.
pub type KeepContent<'k> = dyn Fn(&str) -> bool + 'k;

impl Repo {
    /// Returns the regular files in a folder of a commit, and those at `other_paths`, as committed. Returns `None` if
    /// the commit has no such folder. Paths of `other_paths` that do not exist are left out.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if an object is not in the clone, [`RepoError::ObjectTooLarge`],
    /// [`RepoError::TooDeep`], [`RepoError::TooManyFiles`].
    pub fn package_tree(
        &self,
        commit: CommitId,
        folder: &RepoPath,
        other_paths: &[String],
        keep: &KeepContent<'_>,
    ) -> Result<Option<PackageTree>, RepoError> {
        let mut paths = vec![folder.clone()];
        paths.extend(other_paths.iter().filter_map(|it| RepoPath::parse(it).ok()));
        let entries = self.path_entries(commit, &paths)?;
        let Some(Some((mode, id))) = entries.first().copied() else { return Ok(None) };
        if mode & 0o170_000 != 0o040_000 {
            return Ok(None);
        }
        let folder = folder.as_str().trim_end_matches('/').to_owned();
        let mut reader = PackageTreeReader {
            repo: self,
            odb: self.odb()?,
            keep,
            tree: PackageTree { folder: folder.clone(), ..PackageTree::default() },
        };
        reader.read_folder(id, folder.as_bytes(), 0)?;
        for (path, entry) in paths.iter().zip(entries).skip(1) {
            if let Some((mode, id)) = entry.filter(|(mode, _)| mode & 0o170_000 == 0o100_000) {
                reader.read_file(id, mode, path.as_str())?;
            }
        }
        Ok(Some(reader.tree))
    }
}

/// Reads the files of one package.
struct PackageTreeReader<'r> {
    repo: &'r Repo,
    odb: Odb<'r>,
    keep: &'r KeepContent<'r>,
    tree: PackageTree,
}

impl PackageTreeReader<'_> {
    fn read_folder(&mut self, id: Oid, path: &[u8], depth: usize) -> Result<(), RepoError> {
        if depth > MAX_TREE_DEPTH {
            return Err(RepoError::TooDeep { levels: MAX_TREE_DEPTH });
        }
        let name = String::from_utf8_lossy(path).into_owned();
        objects::kind(&self.odb, id, &name, MAX_TREE_BYTES)?;
        let tree = self.repo.git.find_tree(id).map_err(object_error(id, &name))?;
        for entry in &tree {
            let path = [path, b"/", entry.name_bytes()].concat();
            let mode = entry.filemode_raw();
            if entry.kind() == Some(ObjectType::Tree) {
                self.read_folder(entry.id(), &path, depth + 1)?;
                continue;
            }
            match std::str::from_utf8(&path) {
                Ok(path) if mode & 0o170_000 == 0o100_000 => self.read_file(entry.id(), mode, path)?,
                _ => self.tree.other_entries.push(String::from_utf8_lossy(&path).into_owned()),
            }
            if self.tree.files.len() + self.tree.other_entries.len() > MAX_PACKAGE_FILES {
                return Err(RepoError::TooManyFiles { folder: name, limit: MAX_PACKAGE_FILES });
            }
        }
        Ok(())
    }

    fn read_file(&mut self, id: Oid, mode: i32, path: &str) -> Result<(), RepoError> {
        let keeps = (self.keep)(path);
        let limit = if keeps { MAX_FILE_BYTES } else { MAX_BLOB_BYTES };
        let blob = objects::read(&self.odb, id, path, limit)?;
        let bytes = blob.data();
        let file = TreeFile {
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
            executable: mode & 0o100 != 0,
            content: keeps.then(|| bytes.to_vec()),
        };
        self.tree.files.insert(path.to_owned(), file);
        Ok(())
    }
}
