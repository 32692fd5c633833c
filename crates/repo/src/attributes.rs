//! Attributes (`git help attributes`), as an archive of a commit reads them.
//!
//! Those of the archived tree, as `git archive` does without `--worktree-attributes`, and `info/attributes` of the
//! clone. Attribute files of the user and of the system take no part: an archive must not depend on whose machine
//! it was made on. The format and the matching are those of the `gix-attributes` crate.

use std::path::{Path, PathBuf};

use gix_attributes::glob::pattern::Case;
use gix_attributes::search::{MetadataCollection, Outcome};
use gix_attributes::{Search, StateRef};

use crate::error::RepoError;

/// The attributes that matter to an archive.
const ATTRIBUTE_NAMES: [&str; 8] =
    ["export-ignore", "export-subst", "text", "crlf", "eol", "ident", "filter", "working-tree-encoding"];

/// What is asked of one path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PathAttributes {
    pub(crate) export_ignore: bool,
    pub(crate) export_subst: bool,
    pub(crate) ident: bool,
    pub(crate) line_endings: LineEndings,
    pub(crate) filter: Option<String>,
    pub(crate) working_tree_encoding: Option<String>,
}

/// How lines end in an archive. Configuration (`core.autocrlf`, `core.eol`) takes no part, for the same reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LineEndings {
    /// As they are in the repository.
    #[default]
    AsCommitted,
    /// With carriage returns.
    Crlf,
    /// With carriage returns, if it looks like text that has none.
    CrlfIfText,
}

/// The attribute files that are in force while a tree is walked: one for each folder on the way down.
pub(crate) struct Attributes {
    tree: Search,
    info_file: Search,
    known: MetadataCollection,
    outcome: Outcome,
    has_patterns: Vec<bool>,
}

impl Attributes {
    /// The attributes of a clone, from its `info/attributes` where there is one.
    pub(crate) fn new(info: &Path) -> Result<Self, RepoError> {
        let mut known = MetadataCollection::default();
        let mut buffer = Vec::new();
        let failed = |source| RepoError::Io { path: info.to_owned(), source };
        let nothing: [PathBuf; 0] = [];
        let tree = Search::new_globals(nothing, &mut buffer, &mut known).map_err(failed)?;
        let mut files = Search::default();
        files
            .add_patterns_file(info.to_owned(), true, None, &mut buffer, &mut known, true)
            .map_err(failed)?;
        let mut attributes =
            Self { tree, info_file: files, known, outcome: Outcome::default(), has_patterns: Vec::new() };
        attributes.reset_outcome();
        Ok(attributes)
    }

    /// Enters a folder. Only the root's file may define macros.
    pub(crate) fn enter(&mut self, folder: &[u8], file: Option<&[u8]>) -> Result<(), RepoError> {
        self.has_patterns.push(file.is_some());
        let Some(bytes) = file else { return Ok(()) };
        let source = path_from_bytes(folder).join(".gitattributes");
        let is_root = folder.is_empty();
        self.tree
            .add_patterns_buffer(bytes, source.clone(), Some(Path::new("")), &mut self.known, is_root)
            .map_err(|error| RepoError::Io { path: source, source: error })?;
        self.reset_outcome();
        Ok(())
    }

    /// Leaves the folder that was entered last.
    pub(crate) fn leave(&mut self) {
        if self.has_patterns.pop() == Some(true) {
            self.tree.pop_pattern_list();
        }
    }

    /// Attributes get their numbers when they are first seen: a new file may bring new ones.
    fn reset_outcome(&mut self) {
        self.outcome = Outcome::default();
        self.outcome.initialize_with_selection(&self.known, ATTRIBUTE_NAMES);
    }

    /// What is asked of a path, given without a `/` at its end.
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

fn attribute_value(state: StateRef<'_>) -> Option<String> {
    match state {
        StateRef::Value(value) => Some(value.as_bstr().to_string()),
        _ => None,
    }
}

/// How `text`, the old `crlf` and `eol` decide on line ends (`convert_attrs` in git's `convert.c`).
fn line_endings(text: StateRef<'_>, crlf: StateRef<'_>, eol: StateRef<'_>) -> LineEndings {
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
