//! The files of a commit that a package is compared with.

use git2::{Odb, Oid};
use model::package::{PackageTree, TreeFile};
use model::{CommitId, Digest, RepoPath};

use crate::archive::MAX_TREE_DEPTH;
use crate::error::{RepoError, object_error};
use crate::objects::{self, MAX_FILE_BYTES, MAX_TREE_BYTES};
use crate::paths::TREE_MODE;
use crate::repository::Repo;

/// The largest number of files of a package's folder.
const MAX_PACKAGE_FILES: usize = 100_000;
/// The largest sum of the files whose content is kept, in bytes.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// The largest file whose digest is computed, in bytes. It is in memory as a whole.
const MAX_BLOB_BYTES: usize = 96 << 20;

/// The byte order mark of UTF-8 (RFC 3629, 6).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Callback that returns whether the content of the file at a path is kept, not only its digest.
pub type KeepContent<'k> = dyn Fn(&str) -> bool + 'k;

impl Repo {
    /// Returns the regular files in a folder of a commit, and those at `other_paths`, which are files or folders, as
    /// committed. Returns `None` if the commit has no such folder. Paths of `other_paths` that do not exist are left out.
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
        let Some(Some((TREE_MODE, id))) = entries.first().copied() else { return Ok(None) };
        let odb = self.odb()?;
        let folder = folder.as_str().trim_end_matches('/');
        let mut tree =
            PackageTree { commit: Some(commit), folder: folder.to_owned(), ..PackageTree::default() };
        let mut reader = FileReader { odb: &odb, keep, kept_bytes: 0 };
        let mut visit = |entry: &FolderEntry<'_>| {
            match std::str::from_utf8(entry.path) {
                Ok(path) if tree.files.contains_key(path) => {}
                Ok(path) if entry.is_regular() => {
                    tree.files.insert(path.to_owned(), reader.read(entry.id, entry.mode, path)?);
                }
                _ => tree.other_entries.push(String::from_utf8_lossy(entry.path).into_owned()),
            }
            Ok(())
        };
        self.walk_folder(&odb, id, &mut folder.as_bytes().to_vec(), &mut visit)?;
        for (path, entry) in paths.iter().zip(entries).skip(1) {
            let path = path.as_str().trim_end_matches('/').as_bytes();
            match entry {
                Some((TREE_MODE, id)) => self.walk_folder(&odb, id, &mut path.to_vec(), &mut visit)?,
                Some((mode, id)) if mode & TYPE_MASK == REGULAR_MODE => {
                    visit(&FolderEntry { path, mode, id })?;
                }
                _ => {}
            }
        }
        Ok(Some(tree))
    }

    /// Returns the paths of the regular files in a folder of a commit, relative to the folder. Paths that are not UTF-8
    /// are left out. Returns `None` if the commit has no such folder. Reads no file.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if a folder is not in the clone, [`RepoError::TooDeep`],
    /// [`RepoError::TooManyFiles`].
    pub fn folder_files(
        &self,
        commit: CommitId,
        folder: &RepoPath,
    ) -> Result<Option<Vec<String>>, RepoError> {
        let entries = self.path_entries(commit, std::slice::from_ref(folder))?;
        let Some(Some((TREE_MODE, id))) = entries.first().copied() else { return Ok(None) };
        let mut paths = Vec::new();
        let folder = folder.as_str().trim_end_matches('/');
        self.walk_folder(&self.odb()?, id, &mut folder.as_bytes().to_vec(), &mut |entry| {
            if let (Ok(path), true) =
                (std::str::from_utf8(&entry.path[folder.len() + 1..]), entry.is_regular())
            {
                paths.push(path.to_owned());
            }
            Ok(())
        })?;
        Ok(Some(paths))
    }

    /// Passes every entry below a folder that is not a folder to `visit`. `path` is the path of the folder.
    fn walk_folder(
        &self,
        odb: &Odb<'_>,
        id: Oid,
        path: &mut Vec<u8>,
        visit: &mut EntryVisitor<'_>,
    ) -> Result<(), RepoError> {
        let mut walk = FolderWalk { repo: self, odb, visit, entries: 0 };
        walk.walk(id, path, 0)
    }
}

/// The bits of a mode that give the type.
const TYPE_MASK: i32 = 0o170_000;
/// The type of a regular file.
const REGULAR_MODE: i32 = 0o100_000;

/// An entry of a tree that is not a folder.
struct FolderEntry<'p> {
    path: &'p [u8],
    mode: i32,
    id: Oid,
}

impl FolderEntry<'_> {
    fn is_regular(&self) -> bool {
        self.mode & TYPE_MASK == REGULAR_MODE
    }
}

/// Callback that receives the entries below a folder.
type EntryVisitor<'v> = dyn FnMut(&FolderEntry<'_>) -> Result<(), RepoError> + 'v;

/// A walk over the entries below a folder.
struct FolderWalk<'w, 'v> {
    repo: &'w Repo,
    odb: &'w Odb<'w>,
    visit: &'w mut EntryVisitor<'v>,
    entries: usize,
}

impl FolderWalk<'_, '_> {
    fn walk(&mut self, id: Oid, path: &mut Vec<u8>, depth: usize) -> Result<(), RepoError> {
        if depth > MAX_TREE_DEPTH {
            return Err(RepoError::TooDeep { levels: MAX_TREE_DEPTH });
        }
        let name = String::from_utf8_lossy(path).into_owned();
        objects::kind(self.odb, id, &name, MAX_TREE_BYTES)?;
        let tree = self.repo.git.find_tree(id).map_err(object_error(id, &name))?;
        let length = path.len();
        for entry in &tree {
            path.push(b'/');
            path.extend_from_slice(entry.name_bytes());
            let mode = entry.filemode_raw();
            if mode & TYPE_MASK == TREE_MODE {
                self.walk(entry.id(), path, depth + 1)?;
            } else {
                self.entries += 1;
                if self.entries > MAX_PACKAGE_FILES {
                    return Err(RepoError::TooManyFiles { folder: name, limit: MAX_PACKAGE_FILES });
                }
                (self.visit)(&FolderEntry { path, mode, id: entry.id() })?;
            }
            path.truncate(length);
        }
        Ok(())
    }
}

/// Reads files, and counts the bytes that are kept.
struct FileReader<'r> {
    odb: &'r Odb<'r>,
    keep: &'r KeepContent<'r>,
    kept_bytes: usize,
}

impl FileReader<'_> {
    fn read(&mut self, id: Oid, mode: i32, path: &str) -> Result<TreeFile, RepoError> {
        let keeps = (self.keep)(path);
        let limit = if keeps { MAX_FILE_BYTES.min(MAX_KEPT_BYTES - self.kept_bytes) } else { MAX_BLOB_BYTES };
        let blob = objects::read(self.odb, id, path, limit)?;
        let bytes = blob.data();
        if keeps {
            self.kept_bytes += bytes.len();
        }
        Ok(TreeFile {
            digest: Digest::of(bytes),
            digest_without_mark: bytes.strip_prefix(BYTE_ORDER_MARK).map(Digest::of),
            executable: mode & 0o100 != 0,
            content: keeps.then(|| bytes.to_vec()),
        })
    }
}
