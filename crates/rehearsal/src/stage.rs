//! The stage: a clone, its origin, a GitHub, a Sigstore instance and two people with homes of their own, all in one folder.

use std::path::{Path, PathBuf};

use emulators::{GitHub, KeyKind, Settings, Sigstore, ThrowawayKey};
use model::Catalog;
use tempfile::TempDir;

use crate::process::Somebody;
use crate::{PlayError, Plot, Source, folder_of, origin, written};

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
    /// What is released: whose repository, how many commits and tags.
    pub(crate) told: String,
    _key: ThrowawayKey,
    folder: TempDir,
}

impl<'a> Stage<'a> {
    /// Sets it.
    pub(crate) fn set(plot: &'a Plot) -> Result<Self, PlayError> {
        let folder = tempfile::Builder::new().prefix("rehearsal-").tempdir();
        let folder =
            folder.map_err(|source| PlayError::Write { path: "a temporary folder".into(), source })?;
        let (root, now) = (folder.path(), (plot.clock)());
        is_fit(root, plot.key)?;
        let github = GitHub::start(root, settings(plot, now))?;
        let mut operator = Somebody::at_home(root.join("operator"), plot, &github)?;
        operator.variables.push(("GH_TOKEN", TOKEN.to_owned()));
        let reader = Somebody::at_home(root.join("reader"), plot, &github)?;
        let policy = folder_of(root.join("policy"))?;
        let mut key = ThrowawayKey::new(plot.key, &operator.home, &policy, OPERATOR)?;
        key.trust(&reader.home)?;
        let text = Catalog::replace_signers("release.toml", &plot.catalog_text, &key.policy())?;
        written(&policy.join("release.toml"), &text)?;
        let sigstore = Sigstore::new(now)?;
        // gh reads roots by the line, and no line without an end.
        written(&root.join("trusted-root.json"), &format!("{}\n", sigstore.trusted_root()?))?;
        introduce(&operator, &key, OPERATOR)?;
        let helper = format!("!f() {{ echo username=operator; echo password={TOKEN}; }}; f");
        operator.configure("credential.helper", &helper)?;
        // The reader follows addresses of github.com to what stands for it, and trusts the key.
        let here = format!("url.{}.insteadOf", github.clone_url());
        reader.configure(&here, &plot.slug.url())?;
        reader.configure("gpg.format", key.kind.name())?;
        reader.configure("gpg.ssh.allowedSignersFile", &key.public.display().to_string())?;
        let told = match &plot.source {
            Source::Demo => origin::demo(plot, &github, &operator)?,
            Source::Repository { root, remote } => origin::copy(plot, &github, &operator, (root, remote))?,
        };
        let clone = operator.home.join("clone");
        Ok(Self { plot, github, sigstore, operator, clone, reader, told, _key: key, folder })
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
            // Nothing gets out: this proxy leads nowhere.
            ("HTTPS_PROXY", self.github.api()),
            ("GH_NO_UPDATE_NOTIFIER", "1".to_owned()),
        ]);
        account
    }
}

/// The longest path of a folder in which gpg's sockets still have a name that the system takes: 107 bytes in all (`unix(7)`).
const LONGEST: usize = 107 - "/operator/.gnupg/S.gpg-agent.browser".len();

/// Whether everything works in a folder of this name.
fn is_fit(folder: &Path, key: KeyKind) -> Result<(), PlayError> {
    let why = match folder.to_str() {
        None => "no UTF-8",
        Some(text) if text.contains(':') => "no folder for PATH: it has a ':'",
        Some(text) if key != KeyKind::Ssh && text.len() > LONGEST => "too long a name for gpg's sockets",
        Some(_) => return Ok(()),
    };
    Err(PlayError::Folder { folder: folder.to_owned(), why })
}

/// The repository on GitHub. Its clock is behind, for it goes on by a second with every request.
fn settings(plot: &Plot, now: i64) -> Settings {
    let path = plot.slug.full_name();
    let (owner, name) = path.split_once('/').unwrap_or_default();
    let mut settings = Settings::new(owner, name, TOKEN, now - 300);
    settings.reader = Some(READER.to_owned());
    settings.default_branch.clone_from(&plot.catalog.default_branch);
    settings
}

/// Lets git know who somebody is, and with which key they sign.
pub(crate) fn introduce(
    who: &Somebody,
    key: &ThrowawayKey,
    (name, address): (&str, &str),
) -> Result<(), PlayError> {
    for (setting, value) in [
        ("user.name", name),
        ("user.email", address),
        ("gpg.format", key.kind.name()),
        ("user.signingKey", &key.name),
        ("advice.detachedHead", "false"),
    ] {
        who.configure(setting, value)?;
    }
    Ok(())
}
