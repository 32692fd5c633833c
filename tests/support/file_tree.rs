//! Copies of repositories. git needs about twenty processes to create the repository that most tests start from, so it
//! is created once per test run and copied.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The files and folders below a folder, which may be deleted by now.
pub(crate) struct FileTree {
    /// The folder that they were read from. Files of git may contain it.
    root: PathBuf,
    /// Folders before what is in them.
    folders: Vec<PathBuf>,
    files: Vec<TemplateFile>,
}

struct TemplateFile {
    path: PathBuf,
    bytes: Vec<u8>,
    permissions: fs::Permissions,
}

impl FileTree {
    /// Reads a folder without symbolic links.
    pub(crate) fn read(root: &Path) -> Self {
        let mut tree = Self { root: root.to_owned(), folders: vec![PathBuf::new()], files: Vec::new() };
        let mut next = 0;
        while let Some(folder) = tree.folders.get(next).cloned() {
            next += 1;
            for entry in fs::read_dir(root.join(&folder)).unwrap() {
                let entry = entry.unwrap();
                let path = folder.join(entry.file_name());
                let kind = entry.file_type().unwrap();
                assert!(!kind.is_symlink(), "{} is a symbolic link", path.display());
                if kind.is_dir() {
                    tree.folders.push(path);
                } else {
                    let bytes = fs::read(entry.path()).unwrap();
                    let permissions = entry.metadata().unwrap().permissions();
                    tree.files.push(TemplateFile { path, bytes, permissions });
                }
            }
        }
        tree
    }

    /// Writes the files into a folder. `config` and `FETCH_HEAD`, where git writes absolute paths, name that folder.
    pub(crate) fn write(&self, root: &Path) {
        for folder in &self.folders {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in &self.files {
            let path = root.join(&file.path);
            if path.ends_with("config") || path.ends_with("FETCH_HEAD") {
                let text = std::str::from_utf8(&file.bytes).unwrap();
                let (from, to) = (self.root.to_str().unwrap(), root.to_str().unwrap());
                fs::write(&path, text.replace(from, to)).unwrap();
            } else {
                fs::write(&path, &file.bytes).unwrap();
            }
            if file.permissions.mode() & 0o777 != 0o644 {
                fs::set_permissions(&path, file.permissions.clone()).unwrap();
            }
        }
    }
}
