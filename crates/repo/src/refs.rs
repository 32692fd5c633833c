//! Reads tags, branches and the files of commits; creates tags.

use git2::{ObjectType, Oid};
use model::catalog::Target;
use model::release::facts::{DefaultBranch, ObservedAt, TagKind, TagRef};
use model::release::receipt::LocalTag;
use model::{CommitId, ObjectId, RepoPath, Version};

use crate::error::RepoError;
use crate::error::{git_error, object_error};
use crate::identity::TaggerIdentity;
use crate::object_ids::{commit_id, object_id, oid};
use crate::objects::{self, MAX_FILE_BYTES, MAX_TAG_BYTES};
use crate::open::reject_symlinks;
use crate::paths::PathLookup;
use crate::repository::Repo;

/// The first line of a signature in a tag object (git's `gpg-interface.c`).
const SIGNATURE_BEGIN_LINES: [&str; 4] = [
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN PGP MESSAGE-----",
    "-----BEGIN SIGNED MESSAGE-----",
    "-----BEGIN SSH SIGNATURE-----",
];

impl Repo {
    /// Returns all tags of a target in this clone. `version` is `None` if the tag name is not a version of the
    /// target's scheme, `commit` if the tag cannot be peeled to a commit.
    ///
    /// # Errors
    /// [`RepoError::Git`] if references cannot be read, [`RepoError::ObjectNotFound`] if a tag object is not in the
    /// clone.
    pub fn tags(&self, target: &Target) -> Result<Vec<TagRef>, RepoError> {
        let prefix = format!("refs/tags/{}/", target.id);
        let references = self.git.references_glob(&format!("{prefix}*")).map_err(git_error("the tags"))?;
        let mut tags = Vec::new();
        for reference in references {
            let reference = reference.map_err(git_error("the tags"))?;
            let (Ok(name), Some(object)) = (reference.name(), reference.target()) else { continue };
            let Some(label) = name.strip_prefix(&prefix) else { continue };
            let version = Version::parse(target.scheme, label.strip_prefix('v').unwrap_or(label)).ok();
            let name = name["refs/tags/".len()..].to_owned();
            let commit = self.peel_to_commit(object).map(commit_id);
            tags.push(TagRef {
                name,
                object: object_id(object),
                commit,
                kind: self.tag_kind(object)?,
                version,
            });
        }
        Ok(tags)
    }

    /// Returns the object, commit and kind of a tag. `None` if the tag does not exist. The commit is `None` if the
    /// tag cannot be peeled to one.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] or [`RepoError::Git`] if the object cannot be read,
    /// [`RepoError::ObjectTooLarge`].
    pub fn tag(&self, name: &str) -> Result<Option<(ObjectId, Option<CommitId>, TagKind)>, RepoError> {
        let Ok(reference) = self.git.find_reference(&format!("refs/tags/{name}")) else { return Ok(None) };
        let Some(object) = reference.target() else { return Ok(None) };
        objects::kind(&self.odb()?, object, &format!("the tag {name}"), MAX_TAG_BYTES)?;
        let commit = self.peel_to_commit(object).map(commit_id);
        Ok(Some((object_id(object), commit, self.tag_kind(object)?)))
    }

    /// Returns the content of a tag object. `None` if the object has another type.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if the object is not in the clone, [`RepoError::ObjectTooLarge`].
    pub fn tag_bytes(&self, object: ObjectId) -> Result<Option<Vec<u8>>, RepoError> {
        let odb = self.odb()?;
        let bytes = objects::read(&odb, oid(object), "a tag", MAX_TAG_BYTES)?;
        Ok((bytes.kind() == ObjectType::Tag).then(|| bytes.data().to_vec()))
    }

    fn tag_kind(&self, object: Oid) -> Result<TagKind, RepoError> {
        let odb = self.odb()?;
        let (length, kind) = odb.read_header(object).map_err(object_error(object, "a tag"))?;
        if kind != ObjectType::Tag {
            return Ok(TagKind::Lightweight);
        }
        // Too large to read here. As `Signed`, it reaches the signature check, which reports that it is too large.
        if length > MAX_TAG_BYTES {
            return Ok(TagKind::Signed);
        }
        let bytes = odb.read(object).map_err(object_error(object, "a tag"))?;
        let text = String::from_utf8_lossy(bytes.data());
        let signed = text.lines().any(|line| SIGNATURE_BEGIN_LINES.iter().any(|it| line.starts_with(it)));
        Ok(if signed { TagKind::Signed } else { TagKind::Annotated })
    }

    /// Returns the remote's default branch as of the last fetch, and whether it contains `commit`. The branch is
    /// `refs/remotes/<remote>/HEAD`, else the remote branch `default`. A bare clone has no remote branches; its local
    /// branch `default` is used.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if a commit of the history is not in the clone.
    pub fn default_branch(
        &self,
        remote: &str,
        default: &str,
        commit: CommitId,
    ) -> Result<DefaultBranch, RepoError> {
        let head = self.git.find_reference(&format!("refs/remotes/{remote}/HEAD")).ok();
        let head = head.and_then(|it| it.symbolic_target().ok().flatten().map(str::to_owned));
        let mut reference = head.unwrap_or_else(|| format!("refs/remotes/{remote}/{default}"));
        if self.git.is_bare() && self.git.find_reference(&reference).is_err() {
            reference = format!("refs/heads/{default}");
        }
        let Ok(tip) = self.git.refname_to_id(&reference) else {
            return Ok(DefaultBranch::Unknown { reference });
        };
        let tip = commit_id(tip);
        let name = reference.trim_start_matches("refs/remotes/").trim_start_matches("refs/heads/").to_owned();
        let contains = self.is_ancestor(commit, tip)?;
        let behind = if contains { Some(self.commits_behind(commit, tip)?) } else { None };
        Ok(DefaultBranch::Known {
            name,
            tip,
            contains_commit: contains,
            behind,
            observed_at: ObservedAt::LastFetch,
        })
    }

    /// Returns the number of commits that are reachable from `tip` and not from `commit`.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if a commit of the history is not in the clone.
    pub fn commits_behind(&self, commit: CommitId, tip: CommitId) -> Result<u64, RepoError> {
        let (commit, tip) = (oid(commit.object()), oid(tip.object()));
        let (_, behind) =
            self.git.graph_ahead_behind(commit, tip).map_err(object_error(tip, "a commit of the history"))?;
        Ok(behind as u64)
    }

    /// Returns the time of the last fetch, in seconds since 1970: the modification time of `FETCH_HEAD` or, before
    /// the first fetch, of `refs/remotes/origin/HEAD`, which `git clone` writes (`git help gitrepository-layout`).
    /// `None` if neither file exists.
    #[must_use]
    pub fn last_fetched(&self) -> Option<i64> {
        let folders = [self.git.path(), self.git.commondir()];
        let written = |name: &'static str| {
            let times = folders.iter().filter_map(|it| it.join(name).metadata().ok()?.modified().ok());
            times.max().and_then(|it| it.duration_since(std::time::UNIX_EPOCH).ok())
        };
        let time = written("FETCH_HEAD").or_else(|| written("refs/remotes/origin/HEAD"))?;
        i64::try_from(time.as_secs()).ok()
    }

    /// Returns the content of a file in a commit. `None` if the path does not exist or is not a regular file.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if the commit, a folder or the file is not in the clone,
    /// [`RepoError::ObjectTooLarge`].
    pub fn file(&self, commit: CommitId, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
        let Ok(path) = RepoPath::parse(path) else { return Ok(None) };
        let id = match self.path_entries(commit, std::slice::from_ref(&path))?.first() {
            Some(Some((mode, id))) if *mode & 0o170_000 == 0o100_000 => *id,
            _ => return Ok(None),
        };
        let odb = self.odb()?;
        let bytes = objects::read(&odb, id, path.as_str(), MAX_FILE_BYTES)?;
        Ok(Some(bytes.data().to_vec()))
    }

    /// Returns the paths that do not exist in a commit.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if the commit or a folder is not in the clone.
    pub fn missing_paths(&self, commit: CommitId, paths: &[RepoPath]) -> Result<Vec<RepoPath>, RepoError> {
        let entries = self.path_entries(commit, paths)?;
        Ok(paths.iter().zip(entries).filter(|(_, it)| it.is_none()).map(|(path, _)| path.clone()).collect())
    }

    pub(crate) fn path_entries(
        &self,
        commit: CommitId,
        paths: &[RepoPath],
    ) -> Result<Vec<crate::paths::PathEntry>, RepoError> {
        let id = oid(commit.object());
        let tree = self.commit(id, "a commit")?.tree_id();
        PathLookup::new(&self.git, paths).find(tree)
    }

    /// Whether the clone is shallow (`git clone --depth`).
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.git.is_shallow()
    }

    /// Returns the content of an unsigned tag object for a commit (`git help hash-object`, type tag).
    #[must_use]
    pub fn tag_object(name: &str, commit: CommitId, tagger: &TaggerIdentity, message: &str) -> Vec<u8> {
        format!("object {commit}\ntype commit\ntag {name}\ntagger {}\n\n{message}\n", tagger.line())
            .into_bytes()
    }

    /// Writes a tag object and creates its reference. An existing tag is never moved.
    ///
    /// # Errors
    /// [`RepoError::TagName`] for an invalid name, [`RepoError::TagExists`] if the tag exists,
    /// [`RepoError::UnsafeFile`] if a symbolic link would redirect the object or the reference, [`RepoError::Git`] if
    /// the write fails.
    pub fn create_tag(&self, name: &str, object: &[u8]) -> Result<LocalTag, RepoError> {
        let reference = format!("refs/tags/{name}");
        if !git2::Reference::is_valid_name(&reference) {
            return Err(RepoError::TagName(name.to_owned()));
        }
        reject_symlinks(self.git.commondir(), &reference)?;
        let hex = Oid::hash_object(ObjectType::Tag, object).map_err(git_error("the new tag object"))?;
        reject_symlinks(self.git.commondir(), &format!("objects/{}", &hex.to_string()[..2]))?;
        let odb = self.odb()?;
        let id = odb.write(ObjectType::Tag, object).map_err(git_error("the new tag object"))?;
        self.git.reference(&reference, id, false, "release").map_err(|error| match error.code() {
            git2::ErrorCode::Exists => RepoError::TagExists(name.to_owned()),
            _ => RepoError::Git { what: reference.clone(), source: Box::new(error) },
        })?;
        Ok(LocalTag { object: object_id(id), kind: self.tag_kind(id)?, already_existed: false })
    }
}
