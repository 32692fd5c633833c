//! The files of a commit, in the order and form in which `git archive` writes them.

use std::borrow::Cow;

use git2::{Commit, ObjectType, Odb, OdbObject, Oid};
use model::CommitId;
use model::release::tree::{ArchiveSource, Member, MemberContent};

use crate::attributes::{Attributes, PathAttributes};
use crate::error::RepoError;
use crate::error::{git_error, object_error};
use crate::object_ids::{object_id, oid};
use crate::objects::{self, MAX_FILE_BYTES, MAX_TREE_BYTES};
use crate::repository::Repo;
use crate::{convert, substitute};

/// Callback that receives the members of an archive, one at a time.
pub type MemberSink<'a, E> = dyn FnMut(&Member<'_>) -> Result<(), E> + 'a;

impl Repo {
    /// Returns the id, tree and committer time of a commit, which the headers of an archive contain.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if the commit is not in the clone.
    pub fn archive_source(&self, commit: CommitId) -> Result<ArchiveSource, RepoError> {
        let id = oid(commit.object());
        let object = self.commit(id, "the released commit")?;
        Ok(ArchiveSource { commit, tree: object_id(object.tree_id()), time: object.time().seconds() })
    }

    /// Passes every file, folder, link and submodule of a commit to `sink`, as `git archive` would write it: in tree
    /// order, without paths marked `export-ignore`, with `export-subst`, `ident` and line endings applied. Only one
    /// file is in memory at a time.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] for an object that is not in the clone, [`RepoError::UnsupportedAttribute`] for
    /// a file that is not archived the same on every machine, [`RepoError::TooDeep`], and every error of `sink`.
    pub fn archive<E: From<RepoError>>(
        &self,
        commit: CommitId,
        sink: &mut MemberSink<'_, E>,
    ) -> Result<(), E> {
        let id = oid(commit.object());
        let commit = self.commit(id, "the released commit")?;
        let mut walk = TreeWalk {
            repo: self,
            odb: self.odb()?,
            attributes: Attributes::new(&self.info_attributes())?,
            path: Vec::new(),
            pending_folders: Vec::new(),
            commit: &commit,
        };
        walk.write_folder(commit.tree_id(), sink)
    }
}

/// The largest nesting depth of folders: git's default on Windows (`git help config`, core.maxTreeDepth). The walk is
/// recursive, so that deeper trees could exhaust the stack.
pub(crate) const MAX_TREE_DEPTH: usize = 512;

/// A walk over the tree of a commit, and the folder that it is in.
struct TreeWalk<'r> {
    repo: &'r Repo,
    odb: Odb<'r>,
    attributes: Attributes,
    /// The path of the current entry, without a `/` at its end. Empty for the root.
    path: Vec<u8>,
    /// Folders that are written when their first file is found: the length of their path in `path`, and their tree.
    pending_folders: Vec<(usize, Oid)>,
    commit: &'r Commit<'r>,
}

impl TreeWalk<'_> {
    fn write_folder<E: From<RepoError>>(&mut self, id: Oid, sink: &mut MemberSink<'_, E>) -> Result<(), E> {
        if self.path.split(|it| *it == b'/').count() > MAX_TREE_DEPTH {
            return Err(RepoError::TooDeep { levels: MAX_TREE_DEPTH }.into());
        }
        let name = self.display_path("");
        objects::kind(&self.odb, id, &name, MAX_TREE_BYTES)?;
        let tree = self.repo.git.find_tree(id).map_err(object_error(id, &name))?;
        let attributes = tree.get_name(".gitattributes").filter(|it| it.kind() == Some(ObjectType::Blob));
        let attributes = match attributes {
            Some(attributes_file) => {
                let file = self.display_path(".gitattributes");
                Some(objects::read(&self.odb, attributes_file.id(), &file, MAX_FILE_BYTES)?.data().to_vec())
            }
            None => None,
        };
        self.attributes.enter(&self.path, attributes.as_deref())?;
        let parent = self.path.len();
        for entry in &tree {
            if parent > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(entry.name_bytes());
            self.write_entry(entry.id(), entry.filemode_raw(), sink)?;
            self.path.truncate(parent);
        }
        self.attributes.leave();
        Ok(())
    }

    fn write_entry<E: From<RepoError>>(
        &mut self,
        id: Oid,
        mode: i32,
        sink: &mut MemberSink<'_, E>,
    ) -> Result<(), E> {
        const GITLINK_MODE: i32 = 0o160_000;
        const SYMLINK_MODE: i32 = 0o120_000;
        let kind = mode & 0o170_000;
        let is_folder = kind == 0o040_000;
        let attributes = self.attributes.path_attributes(&self.path, is_folder || kind == GITLINK_MODE);
        if is_folder {
            if attributes.export_ignore {
                return Ok(());
            }
            self.pending_folders.push((self.path.len(), id));
            self.write_folder(id, sink)?;
            self.pending_folders.pop_if(|(length, _)| *length == self.path.len());
            return Ok(());
        }
        // git writes a folder at its first file, even if that file is then left out by `export-ignore`.
        for (length, tree) in std::mem::take(&mut self.pending_folders) {
            sink(&Member {
                path: &self.path[..length],
                object: object_id(tree),
                content: MemberContent::Directory,
            })?;
        }
        if attributes.export_ignore {
            return Ok(());
        }
        let object = object_id(id);
        if kind == GITLINK_MODE {
            return sink(&Member { path: &self.path, object, content: MemberContent::Directory });
        }
        let blob = self.read_blob(id, "")?;
        let bytes = if kind == SYMLINK_MODE {
            Cow::Borrowed(blob.data())
        } else {
            self.convert_blob(&blob, &attributes)?
        };
        let content = match kind {
            SYMLINK_MODE => MemberContent::Symlink { target: &bytes },
            _ => MemberContent::File { bytes: &bytes, executable: mode & 0o100 != 0 },
        };
        sink(&Member { path: &self.path, object, content })
    }

    /// Returns the content of a file as `git archive` writes it. The order of the conversions is git's: `ident`
    /// before line endings, `export-subst` last.
    fn convert_blob<'b>(
        &self,
        blob: &'b OdbObject<'_>,
        attributes: &PathAttributes,
    ) -> Result<Cow<'b, [u8]>, RepoError> {
        self.reject_unsupported(attributes)?;
        let mut bytes = Cow::Borrowed(blob.data());
        if attributes.ident {
            bytes = convert::expand_ident(bytes, blob.id());
        }
        bytes = convert::convert_line_endings(bytes, attributes.line_endings);
        if attributes.export_subst {
            let rendered = substitute::substitute(&bytes, self.commit);
            bytes = Cow::Owned(
                rendered
                    .map_err(|what| RepoError::UnsupportedAttribute { path: self.display_path(""), what })?,
            );
        }
        Ok(bytes)
    }

    /// Refuses files that need another program or another encoding, because git converts them on one machine and not
    /// on another. A filter that this clone does not configure has no effect, as in git.
    fn reject_unsupported(&self, attributes: &PathAttributes) -> Result<(), RepoError> {
        let refuse = |what| Err(RepoError::UnsupportedAttribute { path: self.display_path(""), what });
        if let Some(encoding) =
            attributes.working_tree_encoding.as_ref().filter(|it| !it.eq_ignore_ascii_case("utf-8"))
        {
            return refuse(format!("working-tree-encoding={encoding} is not supported in an archive"));
        }
        let Some(filter) = &attributes.filter else { return Ok(()) };
        let config = self.repo.git.config().map_err(git_error("the configuration"))?;
        let runs = |key: &str| config.get_entry(&format!("filter.{filter}.{key}")).is_ok();
        if runs("smudge") || runs("process") {
            return refuse(format!(
                "filter={filter} would run a program; archive from a clone that does not configure it"
            ));
        }
        Ok(())
    }

    fn read_blob(&self, id: Oid, name: &str) -> Result<OdbObject<'_>, RepoError> {
        self.odb.read(id).map_err(object_error(id, &self.display_path(name)))
    }

    /// The current path, with `name` appended, for messages.
    fn display_path(&self, name: &str) -> String {
        let path = String::from_utf8_lossy(&self.path);
        match (path.is_empty(), name.is_empty()) {
            (true, true) => "the top folder".to_owned(),
            (true, false) => name.to_owned(),
            (false, true) => path.into_owned(),
            (false, false) => format!("{path}/{name}"),
        }
    }
}
