//! The files of a commit, in the order and the form in which `git archive` writes them.

use std::borrow::Cow;

use git2::{Commit, ObjectType, Odb, OdbObject, Oid};
use model::CommitId;
use model::release::tree::{ArchiveSource, Member, MemberContent};

use crate::attributes::{Attributes, Wanted};
use crate::error::{git_error, object_error};
use crate::objects::{self, MAX_FILE_BYTES, MAX_TREE_BYTES};
use crate::{Repo, RepoError, convert, object_id, oid, substitute};

/// What takes the members of an archive, one after the other.
pub type Take<'a, E> = dyn FnMut(&Member<'_>) -> Result<(), E> + 'a;

impl Repo {
    /// What an archive says of a commit.
    ///
    /// # Errors
    /// [`RepoError::Missing`] where the commit is not in the clone.
    pub fn snapshot(&self, commit: CommitId) -> Result<ArchiveSource, RepoError> {
        let id = oid(commit.object());
        let object = self.commit(id, "the released commit")?;
        Ok(ArchiveSource { commit, tree: object_id(object.tree_id()), time: object.time().seconds() })
    }

    /// Hands every file, folder, link and submodule of a commit to `take`, as `git archive` would write it: in the
    /// order of git's trees, without what `export-ignore` names, with
    /// `export-subst`, `ident` and line ends done. One file is in memory at a time.
    ///
    /// # Errors
    /// [`RepoError::Missing`] for an object that is not in the clone, [`RepoError::Attribute`] for what cannot be
    /// archived the same on every machine, and whatever `take` says.
    pub fn archive<E: From<RepoError>>(&self, commit: CommitId, take: &mut Take<'_, E>) -> Result<(), E> {
        let id = oid(commit.object());
        let commit = self.commit(id, "the released commit")?;
        let mut walk = Walk {
            repo: self,
            odb: self.odb()?,
            attributes: Attributes::new(&self.info_attributes())?,
            path: Vec::new(),
            waiting: Vec::new(),
            commit: &commit,
        };
        walk.folder(commit.tree_id(), take)
    }
}

/// How deep folders may nest: as deep as git lets them on Windows (`git help config`, core.maxTreeDepth). Deeper ones are a
/// trap for whoever walks them.
const MAX_DEPTH: usize = 512;

struct Walk<'r> {
    repo: &'r Repo,
    odb: Odb<'r>,
    attributes: Attributes,
    path: Vec<u8>,
    /// Folders that are written once a file in them is met: the length of their path, and their tree.
    waiting: Vec<(usize, Oid)>,
    commit: &'r Commit<'r>,
}

impl Walk<'_> {
    fn folder<E: From<RepoError>>(&mut self, id: Oid, take: &mut Take<'_, E>) -> Result<(), E> {
        if self.path.split(|it| *it == b'/').count() > MAX_DEPTH {
            return Err(RepoError::TooDeep { levels: MAX_DEPTH }.into());
        }
        let name = self.shown("");
        objects::kind(&self.odb, id, &name, MAX_TREE_BYTES)?;
        let tree = self.repo.git.find_tree(id).map_err(object_error(id, &name))?;
        let attributes = tree.get_name(".gitattributes").filter(|it| it.kind() == Some(ObjectType::Blob));
        let attributes = match attributes {
            Some(it) => {
                let file = self.shown(".gitattributes");
                Some(objects::read(&self.odb, it.id(), &file, MAX_FILE_BYTES)?.data().to_vec())
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
            self.entry(entry.id(), entry.filemode_raw(), take)?;
            self.path.truncate(parent);
        }
        self.attributes.leave();
        Ok(())
    }

    fn entry<E: From<RepoError>>(&mut self, id: Oid, mode: i32, take: &mut Take<'_, E>) -> Result<(), E> {
        const SUBMODULE: i32 = 0o160_000;
        const LINK: i32 = 0o120_000;
        let kind = mode & 0o170_000;
        let is_folder = kind == 0o040_000;
        let wanted = self.attributes.wanted(&self.path, is_folder || kind == SUBMODULE);
        if is_folder {
            if wanted.ignore {
                return Ok(());
            }
            self.waiting.push((self.path.len(), id));
            self.folder(id, take)?;
            self.waiting.pop_if(|(length, _)| *length == self.path.len());
            return Ok(());
        }
        // Git writes a folder as soon as it meets a file in it, even one that it then leaves out.
        for (length, tree) in std::mem::take(&mut self.waiting) {
            take(&Member {
                path: &self.path[..length],
                object: object_id(tree),
                content: MemberContent::Directory,
            })?;
        }
        if wanted.ignore {
            return Ok(());
        }
        let object = object_id(id);
        if kind == SUBMODULE {
            return take(&Member { path: &self.path, object, content: MemberContent::Directory });
        }
        let blob = self.read(id, "")?;
        let bytes = if kind == LINK { Cow::Borrowed(blob.data()) } else { self.converted(&blob, &wanted)? };
        let content = match kind {
            LINK => MemberContent::Symlink { target: &bytes },
            _ => MemberContent::File { bytes: &bytes, executable: mode & 0o100 != 0 },
        };
        take(&Member { path: &self.path, object, content })
    }

    fn converted<'b>(&self, blob: &'b OdbObject<'_>, wanted: &Wanted) -> Result<Cow<'b, [u8]>, RepoError> {
        self.refuse_programs(wanted)?;
        let mut bytes = Cow::Borrowed(blob.data());
        if wanted.ident {
            bytes = convert::ident(bytes, blob.id());
        }
        bytes = convert::line_ends(bytes, wanted.lines);
        if wanted.substitute {
            let rendered = substitute::substitute(&bytes, self.commit);
            bytes = Cow::Owned(rendered.map_err(|what| RepoError::Attribute { path: self.shown(""), what })?);
        }
        Ok(bytes)
    }

    /// What would need another program, or another encoding, is refused: git would do it on one machine and not on
    /// the next. A filter that this clone does not configure does nothing, in git as here.
    fn refuse_programs(&self, wanted: &Wanted) -> Result<(), RepoError> {
        let refuse = |what| Err(RepoError::Attribute { path: self.shown(""), what });
        if let Some(encoding) = wanted.encoding.as_ref().filter(|it| !it.eq_ignore_ascii_case("utf-8")) {
            return refuse(format!("working-tree-encoding={encoding} is not supported in an archive"));
        }
        let Some(filter) = &wanted.filter else { return Ok(()) };
        let config = self.repo.git.config().map_err(git_error("the configuration"))?;
        let runs = |key: &str| config.get_entry(&format!("filter.{filter}.{key}")).is_ok();
        if runs("smudge") || runs("process") {
            return refuse(format!(
                "filter={filter} would run a program; archive from a clone that does not configure it"
            ));
        }
        Ok(())
    }

    fn read(&self, id: Oid, name: &str) -> Result<OdbObject<'_>, RepoError> {
        self.odb.read(id).map_err(object_error(id, &self.shown(name)))
    }

    fn shown(&self, name: &str) -> String {
        let path = String::from_utf8_lossy(&self.path);
        match (path.is_empty(), name.is_empty()) {
            (true, true) => "the top folder".to_owned(),
            (true, false) => name.to_owned(),
            (false, true) => path.into_owned(),
            (false, false) => format!("{path}/{name}"),
        }
    }
}
