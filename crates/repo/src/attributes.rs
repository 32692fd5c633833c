//! Attributes (`git help attributes`) that apply to an archive of a commit.
//!
//! They come from the archived tree, as in `git archive` without `--worktree-attributes`, and from `info/attributes`
//! of the clone. Attribute files of the user and of the system are ignored: an archive must not depend on the
//! machine. The `gix-attributes` crate parses the files and matches the paths.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use gix_attributes::glob::pattern::Case;
use gix_attributes::search::{MetadataCollection, Outcome};
use gix_attributes::{Search, StateRef};

use crate::attribute_patterns::with_portable_patterns;
use crate::error::RepoError;

/// The attributes that affect an archive.
const ATTRIBUTE_NAMES: [&str; 8] =
    ["export-ignore", "export-subst", "text", "crlf", "eol", "ident", "filter", "working-tree-encoding"];

/// The maximum size of `info/attributes`, and of the attribute files from the root to one folder together, in bytes. In
/// memory, patterns take many times their size.
const MAX_ATTRIBUTE_BYTES: usize = 4 << 20;

/// The attributes of one path. `filter` and `working_tree_encoding` are `None` if they have no value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PathAttributes {
    pub(crate) export_ignore: bool,
    pub(crate) export_subst: bool,
    pub(crate) ident: bool,
    pub(crate) line_endings: LineEndings,
    pub(crate) filter: Option<String>,
    pub(crate) working_tree_encoding: Option<String>,
}

/// The line endings of a file in an archive. The configuration (`core.autocrlf`, `core.eol`) is ignored: it differs
/// between machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LineEndings {
    /// Unchanged.
    #[default]
    AsCommitted,
    /// CRLF.
    Crlf,
    /// CRLF if the file is text without carriage returns; else unchanged.
    CrlfIfText,
}

/// The attribute files that apply during a walk over a tree: one for each folder from the root to the current one.
pub(crate) struct Attributes {
    tree: Search,
    info_file: Search,
    known: MetadataCollection,
    outcome: Outcome,
    /// The sizes of the attribute files of the entered folders, in bytes. `None` for a folder without a file.
    file_sizes: Vec<Option<usize>>,
}

impl Attributes {
    /// Reads the clone's `info/attributes`, if it exists.
    ///
    /// # Errors
    /// [`RepoError::Io`] if the file cannot be read.
    pub(crate) fn new(info: &Path) -> Result<Self, RepoError> {
        let mut known = MetadataCollection::default();
        let mut buffer = Vec::new();
        let failed = |source| RepoError::Io { path: info.to_owned(), source };
        let nothing: [PathBuf; 0] = [];
        let tree = Search::new_globals(nothing, &mut buffer, &mut known).map_err(failed)?;
        let mut files = Search::default();
        let bytes = read_limited(info).map_err(failed)?;
        // Only in this file does git skip a byte order mark (`read_attr_from_file` in git's `attr.c`).
        let patterns = with_portable_patterns(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
        files.add_patterns_buffer(&patterns, info.to_owned(), None, &mut known, true).map_err(failed)?;
        let mut attributes =
            Self { tree, info_file: files, known, outcome: Outcome::default(), file_sizes: Vec::new() };
        attributes.reset_outcome();
        Ok(attributes)
    }

    /// Enters a folder; `file` is the content of its `.gitattributes`. Only the file of the root may define macros.
    pub(crate) fn enter(&mut self, folder: &[u8], file: Option<&[u8]>) -> Result<(), RepoError> {
        self.file_sizes.push(file.map(<[u8]>::len));
        let Some(bytes) = file else { return Ok(()) };
        let source = path_from_bytes(folder).join(".gitattributes");
        if self.file_sizes.iter().flatten().sum::<usize>() > MAX_ATTRIBUTE_BYTES {
            return Err(RepoError::Io { path: source, source: limit_exceeded() });
        }
        let is_root = folder.is_empty();
        // The line break keeps `gix-attributes` from skipping a byte order mark, which git reads as text here.
        let patterns = [b"\n", &with_portable_patterns(bytes)[..]].concat();
        self.tree
            .add_patterns_buffer(&patterns, source.clone(), Some(Path::new("")), &mut self.known, is_root)
            .map_err(|error| RepoError::Io { path: source, source: error })?;
        self.reset_outcome();
        Ok(())
    }

    /// Leaves the folder that was entered last.
    pub(crate) fn leave(&mut self) {
        if self.file_sizes.pop().flatten().is_some() {
            self.tree.pop_pattern_list();
        }
    }

    /// Prepares the outcome for the known attributes. `gix-attributes` numbers attributes when it first reads them,
    /// so this must run after each new file.
    fn reset_outcome(&mut self) {
        self.outcome = Outcome::default();
        self.outcome.initialize_with_selection(&self.known, ATTRIBUTE_NAMES);
    }

    /// Returns the attributes of a path, which is given without a `/` at its end. `info/attributes` takes precedence
    /// over the files of the tree.
    pub(crate) fn path_attributes(&mut self, path: &[u8], is_folder: bool) -> PathAttributes {
        self.outcome.reset();
        for search in [&self.info_file, &self.tree] {
            if !self.outcome.is_done() {
                search.pattern_matching_relative_path(
                    path.into(),
                    Case::Sensitive,
                    Some(is_folder),
                    &mut self.outcome,
                );
            }
        }
        let states: Vec<StateRef<'_>> = self.outcome.iter_selected().map(|it| it.assignment.state).collect();
        let [export_ignore, export_subst, text, crlf, eol, ident, filter, working_tree_encoding] = states[..]
        else {
            unreachable!("a state for each of the names that were selected")
        };
        PathAttributes {
            export_ignore: export_ignore == StateRef::Set,
            export_subst: export_subst == StateRef::Set,
            ident: ident == StateRef::Set,
            line_endings: line_endings(text, crlf, eol),
            filter: attribute_value(filter),
            working_tree_encoding: attribute_value(working_tree_encoding),
        }
    }
}

/// Reads a file. Returns nothing if it does not exist, and an error if it is larger than the limit.
fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_ATTRIBUTE_BYTES as u64 + 1).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(bytes),
        Err(error) => return Err(error),
    };
    if bytes.len() > MAX_ATTRIBUTE_BYTES { Err(limit_exceeded()) } else { Ok(bytes) }
}

fn limit_exceeded() -> io::Error {
    let limit = MAX_ATTRIBUTE_BYTES >> 20;
    io::Error::other(format!(
        "with the attribute files of the folders above it, it is larger than {limit} MiB"
    ))
}

/// The value of an attribute. `None` if it is set, unset or unspecified.
fn attribute_value(state: StateRef<'_>) -> Option<String> {
    match state {
        StateRef::Value(value) => Some(value.as_bstr().to_string()),
        _ => None,
    }
}

/// Returns the line endings for `text`, the legacy `crlf` and `eol` (`convert_attrs` in git's `convert.c`).
fn line_endings(text: StateRef<'_>, crlf: StateRef<'_>, eol: StateRef<'_>) -> LineEndings {
    // git's `enum convert_crlf_action`, with the members that matter here.
    enum CrlfAction {
        Undefined,
        Binary,
        TextInput,
        Auto,
        Text,
    }
    let read = |state: StateRef<'_>| match state {
        StateRef::Set => CrlfAction::Text,
        StateRef::Unset => CrlfAction::Binary,
        StateRef::Unspecified => CrlfAction::Undefined,
        StateRef::Value(_) => match attribute_value(state).as_deref() {
            Some("input") => CrlfAction::TextInput,
            Some("auto") => CrlfAction::Auto,
            _ => CrlfAction::Undefined,
        },
    };
    let action = match read(text) {
        CrlfAction::Undefined => read(crlf),
        action => action,
    };
    let wants_crlf = attribute_value(eol).as_deref() == Some("crlf");
    match action {
        CrlfAction::Binary => LineEndings::AsCommitted,
        CrlfAction::Auto if wants_crlf => LineEndings::CrlfIfText,
        _ if wants_crlf => LineEndings::Crlf,
        _ => LineEndings::AsCommitted,
    }
}

fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}
