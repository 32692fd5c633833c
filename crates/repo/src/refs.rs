//! Tags, branches and files, as references and commits name them.

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

/// What starts a signature in a tag object (git's `gpg-interface.c`).
const SIGNATURE_BEGIN_LINES: [&str; 4] = [
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN PGP MESSAGE-----",
    "-----BEGIN SIGNED MESSAGE-----",
    "-----BEGIN SSH SIGNATURE-----",
];

impl Repo {
    /// The tags of a target in this clone.
    ///
    /// # Errors
    /// [`RepoError::Git`] where references cannot be read.
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

    /// The tag of this name; none where there is no such tag.
    ///
    /// # Errors
    /// [`RepoError::Git`] where it cannot be read, [`RepoError::TooLong`].
    pub fn tag(&self, name: &str) -> Result<Option<(ObjectId, Option<CommitId>, TagKind)>, RepoError> {
        let Ok(reference) = self.git.find_reference(&format!("refs/tags/{name}")) else { return Ok(None) };
        let Some(object) = reference.target() else { return Ok(None) };
        objects::kind(&self.odb()?, object, &format!("the tag {name}"), MAX_TAG_BYTES)?;
        let commit = self.peel_to_commit(object).map(commit_id);
        Ok(Some((object_id(object), commit, self.tag_kind(object)?)))
    }

    /// The bytes of a tag object; none where the object is of another type.
    ///
    /// # Errors
    /// [`RepoError::Missing`] where the object is not in the clone.
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
        // Whoever checks its signature is told that it is too long.
        if length > MAX_TAG_BYTES {
            return Ok(TagKind::Signed);
        }
        let bytes = odb.read(object).map_err(object_error(object, "a tag"))?;
        let text = String::from_utf8_lossy(bytes.data());
        let signed = text.lines().any(|line| SIGNATURE_BEGIN_LINES.iter().any(|it| line.starts_with(it)));
        Ok(if signed { TagKind::Signed } else { TagKind::Annotated })
    }

    /// Where `commit` stands on the remote's default branch, as this clone last saw it: `refs/remotes/<remote>/HEAD`,
    /// else the branch called `default`; in a bare clone, which has no remote branches, the branch itself.
    ///
    /// # Errors
    /// [`RepoError::Missing`] where the history cannot be followed.
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

    /// How many commits lead to `tip` and not to `commit`.
    ///
    /// # Errors
    /// [`RepoError::Missing`] if the history cannot be followed.
    pub fn commits_behind(&self, commit: CommitId, tip: CommitId) -> Result<u64, RepoError> {
        let (commit, tip) = (oid(commit.object()), oid(tip.object()));
        let (_, behind) =
            self.git.graph_ahead_behind(commit, tip).map_err(object_error(tip, "a commit of the history"))?;
        Ok(behind as u64)
    }

    /// When this clone last fetched, in seconds since 1970: when git wrote `FETCH_HEAD`, or, before the first fetch, what it
    /// was cloned with (`git help gitrepository-layout`). Returns `None` if it never did.
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

    /// A file as a commit has it; none where there is no file of this path.
    ///
    /// # Errors
    /// [`RepoError::Missing`] where commit, folder or file is named but not in the clone.
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

    /// Those of the paths that name nothing in a commit.
    ///
    /// # Errors
    /// [`RepoError::Missing`] where commit or folder is named but not in the clone.
    pub fn missing_paths(&self, commit: CommitId, paths: &[RepoPath]) -> Result<Vec<RepoPath>, RepoError> {
        let entries = self.path_entries(commit, paths)?;
        Ok(paths.iter().zip(entries).filter(|(_, it)| it.is_none()).map(|(path, _)| path.clone()).collect())
    }

    fn path_entries(
        &self,
        commit: CommitId,
        paths: &[RepoPath],
    ) -> Result<Vec<crate::paths::PathEntry>, RepoError> {
        let id = oid(commit.object());
        let tree = self.commit(id, "a commit")?.tree_id();
        PathLookup::new(&self.git, paths).find(tree)
    }

    /// Whether history was cut off when this was cloned.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.git.is_shallow()
    }

    /// The bytes of an annotated tag of a commit, without a signature (`git help hash-object`, type tag).
    #[must_use]
    pub fn tag_object(name: &str, commit: CommitId, tagger: &TaggerIdentity, message: &str) -> Vec<u8> {
        format!("object {commit}\ntype commit\ntag {name}\ntagger {}\n\n{message}\n", tagger.line())
            .into_bytes()
    }

    /// Writes a tag object and its reference. The reference is made only if there is none: a tag is never moved.
    ///
    /// # Errors
    /// [`RepoError::TagName`] for a name that is no reference, [`RepoError::TagExists`] where it is taken,
    /// [`RepoError::NotPlain`] where a link would lead the object or the reference out of the repository.
    pub fn create_tag(&self, name: &str, object: &[u8]) -> Result<LocalTag, RepoError> {
        let reference = format!("refs/tags/{name}");
        if !git2::Reference::is_valid_name(&reference) {
            return Err(RepoError::TagName(name.to_owned()));
        }
        reject_symlinks(self.git.commondir(), &reference)?;
        let hex = Oid::hash_object(ObjectType::Tag, object).map_err(git_error("the tag that was written"))?;
        reject_symlinks(self.git.commondir(), &format!("objects/{}", &hex.to_string()[..2]))?;
        let odb = self.odb()?;
        let id = odb.write(ObjectType::Tag, object).map_err(git_error("the tag that was written"))?;
        self.git.reference(&reference, id, false, "release").map_err(|error| match error.code() {
            git2::ErrorCode::Exists => RepoError::TagExists(name.to_owned()),
            _ => RepoError::Git { what: reference.clone(), source: Box::new(error) },
        })?;
        Ok(LocalTag { object: object_id(id), kind: self.tag_kind(id)?, already_existed: false })
    }
}
