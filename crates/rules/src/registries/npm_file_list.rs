//! Which files of the tree npm puts into a package (npm documentation, `package.json`, "files"; npm's `npm-packlist`).

use model::package::PackageTree;
use serde_json::{Map, Value};

/// The names of files that npm always includes, without regard to case and ending.
const ALWAYS_INCLUDED: [&str; 4] = ["README", "COPYING", "LICENSE", "LICENCE"];
/// The keys of `package.json` whose files npm always includes.
const ENTRY_KEYS: [&str; 3] = ["main", "bin", "browser"];
/// The names of files that leave out others below their folder.
const IGNORE_FILES: [&str; 2] = [".npmignore", ".gitignore"];
/// Folders that npm leaves out, wherever they are.
const LEFT_OUT_FOLDERS: [&str; 6] = [".git", ".svn", ".hg", "CVS", "node_modules", ".DS_Store"];
/// The characters of patterns that are not interpreted.
const WILDCARDS: &[char] = &['*', '?', '[', ']', '{', '}', '!', '(', ')'];

/// Whether a package must have a file of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inclusion {
    /// It must.
    Always,
    /// It may.
    Perhaps,
    /// It must not.
    Never,
}

/// What `files` of `package.json` selects.
#[derive(Debug)]
pub(super) struct FileList<'m> {
    /// The listed files and folders, relative to the package's folder.
    listed: Vec<&'m str>,
    /// The files that programs load.
    entries: Vec<&'m str>,
    /// Why the list does not decide which files the package must have. `None` if it does.
    pub(super) not_interpreted: Option<String>,
}

impl<'m> FileList<'m> {
    pub(super) fn of(manifest: &'m Map<String, Value>, tree: &PackageTree) -> Self {
        let patterns = manifest.get("files").and_then(Value::as_array);
        let plain = |it: &'m str| it.trim_start_matches("./").trim_matches('/');
        let texts: Vec<&str> = patterns.into_iter().flatten().filter_map(Value::as_str).collect();
        let listed: Vec<&str> =
            texts.iter().map(|it| plain(it)).map(|it| it.strip_suffix("/**").unwrap_or(it)).collect();
        let not_interpreted = if patterns.is_none() {
            Some(
                "package.json has no list 'files', so ignore files decide what the package contains"
                    .to_owned(),
            )
        } else if let Some(pattern) = listed.iter().find(|it| it.contains(WILDCARDS) || **it == "**") {
            Some(format!("the pattern '{pattern}' in 'files' of package.json is not interpreted"))
        } else {
            let below = |path: &str| listed.iter().any(|it| is_below(path, it)) && path.contains('/');
            let ignore_file = tree.below("").map(|(path, _)| path).find(|it| is_ignore_file(it) && below(it));
            ignore_file.map(|it| format!("{it} may leave out files, and is not interpreted"))
        };
        let mut entries = Vec::new();
        for key in ENTRY_KEYS {
            match manifest.get(key) {
                Some(Value::String(path)) => entries.push(plain(path)),
                Some(Value::Object(paths)) => {
                    entries.extend(paths.values().filter_map(Value::as_str).map(plain));
                }
                _ => {}
            }
        }
        Self { listed, entries, not_interpreted }
    }

    /// Returns whether a package must have the file at a path relative to its folder.
    pub(super) fn inclusion(&self, path: &str) -> Inclusion {
        let is_listed = self.listed.iter().any(|it| path == *it || is_below(path, it));
        match endings_of_root_document(path) {
            Some(0 | 1) => Inclusion::Always,
            Some(_) => Inclusion::Perhaps,
            None if self.entries.contains(&path) => Inclusion::Always,
            None if self.not_interpreted.is_some() => Inclusion::Perhaps,
            None if !is_listed => Inclusion::Never,
            None if is_left_out(path) => Inclusion::Perhaps,
            None => Inclusion::Always,
        }
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn is_ignore_file(path: &str) -> bool {
    IGNORE_FILES.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// Returns the number of endings of a readme or license at the root, which npm always includes. `None` for another file.
fn endings_of_root_document(path: &str) -> Option<usize> {
    let upper = path.to_ascii_uppercase();
    let stem = upper.split('.').next().unwrap_or_default();
    let is_document = ALWAYS_INCLUDED.contains(&stem) && !path.contains('/') && !path.ends_with(['~', '$']);
    is_document.then(|| path.matches('.').count())
}

/// Whether npm leaves out a file although it is listed.
fn is_left_out(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    is_ignore_file(path)
        || name == ".npmrc"
        || name.starts_with("._")
        || name.strip_suffix(".orig").is_some()
        || (name.starts_with('.') && name.strip_suffix(".swp").is_some())
        || path.split('/').any(|it| LEFT_OUT_FOLDERS.contains(&it))
}
