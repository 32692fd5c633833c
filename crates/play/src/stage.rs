//! The stage: a clone, its origin, a GitHub, a Sigstore instance and two people with homes of their own, all in one folder.

use std::path::{Path, PathBuf};

use model::Catalog;
use rehearsal::{GitHub, Settings, Sigstore, ThrowawayKey};
use tempfile::TempDir;

use crate::process::Somebody;
use crate::{PlayError, Plot, Source, written};

/// What may push and release on the GitHub on loopback. It opens nothing else, and so it is no secret.
const TOKEN: &str = "token-of-a-rehearsal";
/// What may read there.
const READER: &str = "token-of-a-reader";
/// Who releases.
const OPERATOR: (&str, &str) = ("Rehearsal Operator", "operator@rehearsal.example");

/// Everything that a release needs and touches.
pub(crate) struct Stage<'a> {
    pub(crate) plot: &'a Plot,
    pub(crate) github: GitHub,
    pub(crate) sigstore: Sigstore,
    /// Who releases, in `clone`.
    pub(crate) operator: Somebody,
    pub(crate) clone: PathBuf,
    /// Who only reads, without credentials.
    pub(crate) reader: Somebody,
    /// What stands in origin: commits and tags.
    pub(crate) told: String,
    _key: ThrowawayKey,
    folder: TempDir,
}

impl<'a> Stage<'a> {
    /// Sets it.
    pub(crate) fn set(plot: &'a Plot) -> Result<Self, PlayError> {
        let folder = tempfile::Builder::new().prefix("rehearsal-").tempdir();
        let folder = folder.map_err(|source| PlayError::Write { path: "a temporary folder".into(), source })?;
        let root = folder.path();
        let now = (plot.clock)();
        let (owner, name) = plot.slug.path().split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
        let mut settings = Settings::new(&owner, &name, TOKEN, now - 300);
        settings.reader = Some(READER.to_owned());
        settings.default_branch.clone_from(&plot.catalog.default_branch);
        let github = GitHub::start(root, settings)?;
        let somebody = |name: &str| -> Result<Somebody, PlayError> {
            let home = root.join(name);
            let tmp = home.join("tmp");
            std::fs::create_dir_all(&tmp).map_err(|source| PlayError::Write { path: tmp, source })?;
            let variables = vec![
                ("GITHUB_API_URL", github.api()),
                ("GH_CONFIG_DIR", home.join(".config/gh").display().to_string()),
                ("XDG_CACHE_HOME", home.join(".cache").display().to_string()),
            ];
            Ok(Somebody { home, path: plot.path.clone(), variables })
        };
        let (mut operator, reader) = (somebody("operator")?, somebody("reader")?);
        operator.variables.push(("GH_TOKEN", TOKEN.to_owned()));
        let policy = root.join("policy");
        std::fs::create_dir_all(&policy).map_err(|source| PlayError::Write { path: policy.clone(), source })?;
        let mut key = ThrowawayKey::new(plot.key, &operator.home, &policy, OPERATOR)?;
        key.trust(&reader.home)?;
        let text = Catalog::text_signed_by("release.toml", &plot.catalog_text, &key.policy())?;
        written(&policy.join("release.toml"), &text)?;
        let sigstore = Sigstore::new(now)?;
        // gh reads roots by the line, and no line without an end.
        written(&root.join("trusted-root.json"), &format!("{}\n", sigstore.trusted_root()?))?;
        introduce(&operator, &reader, &key, plot)?;
        let clone = operator.home.join("clone");
        let mut this =
            Self { plot, github, sigstore, operator, clone, reader, told: String::new(), _key: key, folder };
        this.told = match &plot.source {
            Source::Demo => this.demo()?,
            Source::Repository { root, remote } => this.copy(root, remote)?,
        };
        Ok(this)
    }

    /// The folder that everything is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder, which stays.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The suite in a folder, with the stage's catalog and trusted root, on the stage's repository.
    pub(crate) fn suite(&self, who: &Somebody, folder: &Path, verb: &str) -> std::process::Command {
        let mut command = who.command(&self.plot.suite, folder);
        command.args([verb, "-R", &self.plot.slug.to_string(), "--format", "json", "--config"]);
        command.arg(self.file("policy/release.toml"));
        command.arg("--trusted-root").arg(self.file("trusted-root.json"));
        command
    }

    /// The commit that the tag on origin leads to.
    pub(crate) fn commit(&self) -> Result<String, PlayError> {
        let revision = format!("{}^{{commit}}", self.plot.tag.reference());
        self.operator.git(self.github.bare(), ["rev-parse", "--verify", &revision])
    }

    /// Fills origin with the demo, and clones it.
    fn demo(&self) -> Result<String, PlayError> {
        let (commits, tags) = rehearsal::demo(self.github.bare(), &self.plot.catalog, &self.plot.tag)?;
        self.operator.git(&self.operator.home, ["clone", "-q", &self.github.clone_url(), "clone"])?;
        Ok(format!("a demo repository of {commits} commits and {tags} tags"))
    }

    /// Fills origin with what the operator's clone last saw of its own, and makes a copy of that clone. Objects are borrowed, not
    /// copied: nothing is written where they are (`git help gitrepository-layout`, objects/info/alternates).
    fn copy(&self, root: &Path, remote: &str) -> Result<String, PlayError> {
        let branch = &self.plot.catalog.default_branch;
        let own = |arguments: &[&str]| read_only(root, arguments);
        let objects = own(&["rev-parse", "--path-format=absolute", "--git-path", "objects"])?;
        let bare = self.github.bare();
        written(&bare.join("objects/info/alternates"), &format!("{}\n", objects.trim()))?;
        let there = |name: &str| own(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).ok();
        let head = own(&["rev-parse", "--verify", "HEAD^{commit}"])?;
        let main = there(&format!("refs/remotes/{remote}/{branch}"))
            .or_else(|| there(&format!("refs/heads/{branch}")))
            .unwrap_or_else(|| head.clone());
        let mut updates = format!("update refs/heads/{branch} {main}\n");
        let listed = own(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/tags"])?;
        let mut tags = 0;
        let mut unpushed = None;
        for (name, object) in listed.lines().filter_map(|it| it.split_once(' ')) {
            if name == self.plot.tag.reference() {
                unpushed = Some(object);
            } else {
                updates += &format!("update {name} {object}\n");
                tags += 1;
            }
        }
        self.update_refs(bare, &updates)?;
        let reference = bare.display().to_string();
        let clone = ["clone", "-q", "--no-checkout", "--reference", &reference, &self.github.clone_url(), "clone"];
        self.operator.git(&self.operator.home, clone)?;
        // What this clone alone has: where its HEAD is, and a tag that is not pushed yet.
        if let Some(object) = unpushed {
            self.update_refs(&self.clone, &format!("update {} {object}\n", self.plot.tag.reference()))?;
        }
        let attributes = own(&["rev-parse", "--path-format=absolute", "--git-path", "info/attributes"])?;
        if let Ok(text) = std::fs::read_to_string(attributes.trim()) {
            written(&self.clone.join(".git/info/attributes"), &text)?;
        }
        if head == main {
            self.operator.git(&self.clone, ["checkout", "-q", branch])?;
        } else {
            self.operator.git(&self.clone, ["checkout", "-q", "--detach", &head])?;
        }
        let commits = own(&["rev-list", "--count", &head])?;
        Ok(format!("a scratch clone of {}: {commits} commits, {tags} tags", root.display()))
    }

    fn update_refs(&self, repository: &Path, updates: &str) -> Result<(), PlayError> {
        let file = self.file("updates");
        written(&file, updates)?;
        let input = std::fs::File::open(&file).map_err(|source| PlayError::Write { path: file, source })?;
        let mut command = self.operator.command("git", repository);
        command.args(["update-ref", "--stdin"]).stdin(input);
        crate::process::told("git update-ref", crate::process::ran(&mut command)?).map(drop)
    }

    /// Clones origin for the reader, as anybody does.
    pub(crate) fn second_clone(&self) -> Result<PathBuf, PlayError> {
        let bare = self.github.bare().display().to_string();
        let url = self.github.clone_url();
        let borrow = ["clone", "-q", "--no-checkout", "--reference", &bare, &url, "clone"];
        let whole = ["clone", "-q", "--no-checkout", &url, "clone"];
        let arguments = match &self.plot.source {
            Source::Demo => &whole[..],
            // The operator's repository may be large: what it has is borrowed here, too.
            Source::Repository { .. } => &borrow[..],
        };
        self.reader.git(&self.reader.home, arguments)?;
        Ok(self.reader.home.join("clone"))
    }

    /// The reader with what somebody with an account has: a token that may read, for `gh`.
    pub(crate) fn account(&self) -> Somebody {
        let mut account = self.reader.clone();
        account.variables.extend([
            ("GH_TOKEN", READER.to_owned()),
            // gh speaks plain HTTP to this name alone, and asks a proxy for it: the GitHub on loopback.
            ("GH_HOST", "github.localhost".to_owned()),
            ("HTTP_PROXY", self.github.api()),
            ("GH_NO_UPDATE_NOTIFIER", "1".to_owned()),
        ]);
        account
    }
}

/// What git says of a repository that nothing is written to. It is the operator's, and so are their settings.
pub(crate) fn read_only(root: &Path, arguments: &[&str]) -> Result<String, PlayError> {
    let mut command = std::process::Command::new("git");
    command.arg("--no-optional-locks").arg("-C").arg(root).args(arguments).stdin(std::process::Stdio::null());
    crate::process::told("git", crate::process::ran(&mut command)?)
}

/// What both have at home: who they are, and whom they trust.
fn introduce(
    operator: &Somebody,
    reader: &Somebody,
    key: &ThrowawayKey,
    plot: &Plot,
) -> Result<(), PlayError> {
    let helper = format!("!f() {{ echo username=operator; echo password={TOKEN}; }}; f");
    for (setting, value) in [
        ("user.name", OPERATOR.0),
        ("user.email", OPERATOR.1),
        ("gpg.format", key.kind.name()),
        ("user.signingKey", &key.name),
        ("credential.helper", &helper),
        ("advice.detachedHead", "false"),
    ] {
        operator.configure(setting, value)?;
    }
    let api = &reader.variables[0].1;
    let here = format!("url.{api}/{}.git.insteadOf", plot.slug.path());
    reader.configure(&here, &plot.slug.url())?;
    reader.configure("gpg.format", key.kind.name())?;
    reader.configure("gpg.ssh.allowedSignersFile", &key.public.display().to_string())
}
