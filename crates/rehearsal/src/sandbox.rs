//! The stage: a clone, its origin, a GitHub, a Sigstore instance and two people with homes of their own, all in one folder.

use std::path::{Path, PathBuf};

use emulators::{EphemeralKey, GitHub, GitHubSettings, Sigstore};
use model::Catalog;
use model::evidence::signature::SignatureFormat;
use tempfile::TempDir;

use crate::config::{RehearsalConfig, RehearsalSource};
use crate::error::RehearsalError;
use crate::files::{create_dir, write_file};
use crate::origin;
use crate::process::SandboxUser;

/// What may push and release on the GitHub on loopback. It opens nothing else, and so it is no secret.
const OPERATOR_TOKEN: &str = "token-of-a-rehearsal";
/// What may read there.
const READER_TOKEN: &str = "token-of-a-reader";
/// Who releases.
const OPERATOR: (&str, &str) = ("Rehearsal Operator", "operator@rehearsal.example");

/// Everything that a release needs and touches.
pub(crate) struct ReleaseSandbox<'a> {
    pub(crate) config: &'a RehearsalConfig,
    pub(crate) github: GitHub,
    pub(crate) sigstore: Sigstore,
    /// Who releases, in `clone`.
    pub(crate) operator: SandboxUser,
    pub(crate) clone: PathBuf,
    /// Who only reads, without credentials.
    pub(crate) reader: SandboxUser,
    /// What is released: whose repository, how many commits and tags.
    pub(crate) source_summary: String,
    _key: EphemeralKey,
    temp_dir: TempDir,
}

impl<'a> ReleaseSandbox<'a> {
    /// Sets it.
    pub(crate) fn create(config: &'a RehearsalConfig) -> Result<Self, RehearsalError> {
        let temp_dir = tempfile::Builder::new().prefix("rehearsal-").tempdir();
        let temp_dir =
            temp_dir.map_err(|source| RehearsalError::Write { path: "a temporary folder".into(), source })?;
        let (root, now) = (temp_dir.path(), (config.clock)());
        check_temp_dir(root, config.key_kind)?;
        let github = GitHub::start(root, github_settings(config, now))?;
        let mut operator = SandboxUser::with_home(root.join("operator"), config, &github)?;
        operator.env_vars.push(("GH_TOKEN", OPERATOR_TOKEN.to_owned()));
        let reader = SandboxUser::with_home(root.join("reader"), config, &github)?;
        let policy = create_dir(root.join("policy"))?;
        let mut key = EphemeralKey::new(config.key_kind, &operator.home, &policy, OPERATOR)?;
        key.import_public_key(&reader.home)?;
        let text = Catalog::replace_signers("release.toml", &config.catalog_text, &key.signers_toml())?;
        write_file(&policy.join("release.toml"), &text)?;
        let sigstore = Sigstore::new(now)?;
        // gh reads roots by the line, and no line without an end.
        write_file(&root.join("trusted-root.json"), &format!("{}\n", sigstore.trusted_root()?))?;
        configure_git(&operator, &key, OPERATOR)?;
        let helper = format!("!f() {{ echo username=operator; echo password={OPERATOR_TOKEN}; }}; f");
        operator.configure("credential.helper", &helper)?;
        // The reader follows addresses of github.com to what stands for it, and trusts the key.
        let instead_of_key = format!("url.{}.insteadOf", github.clone_url());
        reader.configure(&instead_of_key, &config.slug.url())?;
        reader.configure("gpg.format", key.kind.name())?;
        reader.configure("gpg.ssh.allowedSignersFile", &key.public_file.display().to_string())?;
        let source_summary = match &config.source {
            RehearsalSource::Demo => origin::create_from_demo(config, &github, &operator)?,
            RehearsalSource::Repository { root, remote } => {
                origin::create_from_clone(config, &github, &operator, (root, remote))?
            }
        };
        let clone = operator.home.join("clone");
        Ok(Self { config, github, sigstore, operator, clone, reader, source_summary, _key: key, temp_dir })
    }

    /// The folder that everything is in.
    pub(crate) fn path(&self) -> &Path {
        self.temp_dir.path()
    }

    /// The folder, which stays.
    pub(crate) fn keep(self) -> PathBuf {
        self.temp_dir.keep()
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The suite in a folder, with the stage's catalog and trusted root, on the stage's repository.
    pub(crate) fn suite_command(
        &self,
        user: &SandboxUser,
        folder: &Path,
        verb: &str,
    ) -> std::process::Command {
        let mut command = user.command(&self.config.program, folder);
        command.args([verb, "-R", &self.config.slug.to_string(), "--format", "json", "--config"]);
        command.arg(self.file("policy/release.toml"));
        command.arg("--trusted-root").arg(self.file("trusted-root.json"));
        command
    }

    /// The commit that the tag on origin leads to.
    pub(crate) fn tagged_commit(&self) -> Result<String, RehearsalError> {
        let revision = format!("{}^{{commit}}", self.config.tag.reference());
        self.operator.git(self.github.git_dir(), ["rev-parse", "--verify", &revision])
    }

    /// Clones origin for the reader, as anybody does.
    pub(crate) fn clone_for_reader(&self) -> Result<PathBuf, RehearsalError> {
        let bare = self.github.git_dir().display().to_string();
        let url = self.github.clone_url();
        let reference_args = ["clone", "-q", "--no-checkout", "--reference", &bare, &url, "clone"];
        let full_args = ["clone", "-q", "--no-checkout", &url, "clone"];
        let arguments = match &self.config.source {
            RehearsalSource::Demo => &full_args[..],
            // The operator's repository may be large: what it has is borrowed here, too.
            RehearsalSource::Repository { .. } => &reference_args[..],
        };
        self.reader.git(&self.reader.home, arguments)?;
        Ok(self.reader.home.join("clone"))
    }

    /// The reader with what somebody with an account has: a token that may read, for `gh`.
    pub(crate) fn reader_with_token(&self) -> SandboxUser {
        let mut account = self.reader.clone();
        account.env_vars.extend([
            ("GH_TOKEN", READER_TOKEN.to_owned()),
            // gh speaks plain HTTP to this name alone, and asks a proxy for it: the GitHub on loopback.
            ("GH_HOST", "github.localhost".to_owned()),
            ("HTTP_PROXY", self.github.api_url()),
            // Nothing gets out: this proxy leads nowhere.
            ("HTTPS_PROXY", self.github.api_url()),
            ("GH_NO_UPDATE_NOTIFIER", "1".to_owned()),
        ]);
        account
    }
}

/// The longest path of a folder in which gpg's sockets still have a name that the system takes: 107 bytes in all (`unix(7)`).
const MAX_SANDBOX_PATH_BYTES: usize = 107 - "/operator/.gnupg/S.gpg-agent.browser".len();

/// Whether everything works in a folder of this name.
fn check_temp_dir(folder: &Path, key: SignatureFormat) -> Result<(), RehearsalError> {
    let reason = match folder.to_str() {
        None => "no UTF-8",
        Some(text) if text.contains(':') => "no folder for PATH: it has a ':'",
        Some(text) if key != SignatureFormat::Ssh && text.len() > MAX_SANDBOX_PATH_BYTES => {
            "too long a name for gpg's sockets"
        }
        Some(_) => return Ok(()),
    };
    Err(RehearsalError::UnusableTempDir { folder: folder.to_owned(), reason })
}

/// The repository on GitHub. Its clock is behind, for it goes on by a second with every request.
fn github_settings(config: &RehearsalConfig, now: i64) -> GitHubSettings {
    let path = config.slug.full_name();
    let (owner, name) = path.split_once('/').unwrap_or_default();
    let mut settings = GitHubSettings::new(owner, name, OPERATOR_TOKEN, now - 300);
    settings.read_token = Some(READER_TOKEN.to_owned());
    settings.default_branch.clone_from(&config.catalog.default_branch);
    settings
}

/// Lets git know who somebody is, and with which key they sign.
pub(crate) fn configure_git(
    user: &SandboxUser,
    key: &EphemeralKey,
    (name, address): (&str, &str),
) -> Result<(), RehearsalError> {
    for (setting, value) in [
        ("user.name", name),
        ("user.email", address),
        ("gpg.format", key.kind.name()),
        ("user.signingKey", &key.signing_key),
        ("advice.detachedHead", "false"),
    ] {
        user.configure(setting, value)?;
    }
    Ok(())
}
