//! The sandbox: a clone, its remote, the emulated GitHub and Sigstore, and two users with separate home directories.
//!
//! All files are in one temporary directory, which is removed at the end.

use std::path::{Path, PathBuf};

use emulators::{EphemeralKey, GitHub, GitHubSettings, KeyOwner, Sigstore};
use model::Catalog;
use model::evidence::signature::SignatureFormat;
use tempfile::TempDir;

use crate::config::{RehearsalConfig, RehearsalSource};
use crate::error::RehearsalError;
use crate::files::{create_dir, write_file};
use crate::origin;
use crate::process::SandboxUser;

/// The token that may push and release on the emulated GitHub. It is valid nowhere else, so it is not a secret.
const OPERATOR_TOKEN: &str = "token-of-a-rehearsal";
/// The token that may read from the emulated GitHub.
const READER_TOKEN: &str = "token-of-a-reader";
/// The name and the email address of the user who releases.
const OPERATOR: KeyOwner<'static> =
    KeyOwner { name: "Rehearsal Operator", email: "operator@rehearsal.example" };

/// Everything that a release reads or writes.
pub(crate) struct ReleaseSandbox<'a> {
    pub(crate) config: &'a RehearsalConfig,
    /// The emulated GitHub, which also serves the remote repository.
    pub(crate) github: GitHub,
    /// The emulated Sigstore instance.
    pub(crate) sigstore: Sigstore,
    /// The user who releases, in `clone`.
    pub(crate) operator: SandboxUser,
    pub(crate) clone: PathBuf,
    /// The user who only reads, without credentials.
    pub(crate) reader: SandboxUser,
    /// Describes the repository, with its number of commits and tags, for the evidence of step `setup`.
    pub(crate) source_summary: String,
    /// Held so that the key exists as long as the sandbox.
    _key: EphemeralKey,
    temp_dir: TempDir,
}

impl<'a> ReleaseSandbox<'a> {
    /// Creates the sandbox: servers, key, users, remote and clone.
    pub(crate) fn create(config: &'a RehearsalConfig) -> Result<Self, RehearsalError> {
        let temp_dir = tempfile::Builder::new().prefix("rehearsal-").tempdir();
        let temp_dir = temp_dir
            .map_err(|source| RehearsalError::Write { path: "a temporary directory".into(), source })?;
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
        // gh reads one root per line and ignores a line without a line feed.
        write_file(&root.join("trusted-root.json"), &format!("{}\n", sigstore.trusted_root()?))?;
        configure_git(&operator, &key, OPERATOR)?;
        let helper = format!("!f() {{ echo username=operator; echo password={OPERATOR_TOKEN}; }}; f");
        operator.configure("credential.helper", &helper)?;
        // Git redirects the reader's github.com URLs to the emulated GitHub. The reader trusts the ephemeral key.
        let instead_of_key = format!("url.{}.insteadOf", github.clone_url());
        reader.configure(&instead_of_key, &config.slug.url())?;
        reader.configure("gpg.format", key.kind.name())?;
        reader.configure("gpg.ssh.allowedSignersFile", &key.public_file.display().to_string())?;
        let source_summary = match &config.source {
            RehearsalSource::Demo => origin::create_from_demo(config, &github, &operator)?,
            RehearsalSource::Repository { root, remote } => {
                origin::create_from_clone(config, &github, &operator, root, remote)?
            }
        };
        let clone = operator.home.join("clone");
        Ok(Self { config, github, sigstore, operator, clone, reader, source_summary, _key: key, temp_dir })
    }

    /// Returns the directory of the sandbox.
    pub(crate) fn path(&self) -> &Path {
        self.temp_dir.path()
    }

    /// Returns the directory of the sandbox, and does not remove it. The servers stop.
    pub(crate) fn keep(self) -> PathBuf {
        self.temp_dir.keep()
    }

    /// Returns the path of a file in the directory of the sandbox.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Returns a command that runs the suite's program in `folder`, with JSON output.
    ///
    /// It uses the release configuration, the trusted root and the repository of the sandbox.
    pub(crate) fn suite_command(
        &self,
        user: &SandboxUser,
        folder: &Path,
        name: &str,
    ) -> std::process::Command {
        let mut command = user.command(&self.config.program, folder);
        command.args([name, "-R", &self.config.slug.to_string(), "--format", "json", "--config"]);
        command.arg(self.file("policy/release.toml"));
        command.arg("--trusted-root").arg(self.file("trusted-root.json"));
        command
    }

    /// Returns the commit of the release tag on the remote.
    pub(crate) fn tagged_commit(&self) -> Result<String, RehearsalError> {
        let revision = format!("{}^{{commit}}", self.config.tag.reference());
        self.operator.git(self.github.git_dir(), ["rev-parse", "--verify", &revision])
    }

    /// Clones the remote for the reader and returns the path of the clone.
    pub(crate) fn clone_for_reader(&self) -> Result<PathBuf, RehearsalError> {
        let bare = self.github.git_dir().display().to_string();
        let url = self.github.clone_url();
        let reference_args = ["clone", "-q", "--no-checkout", "--reference", &bare, &url, "clone"];
        let full_args = ["clone", "-q", "--no-checkout", &url, "clone"];
        let arguments = match &self.config.source {
            RehearsalSource::Demo => &full_args[..],
            // The operator's repository may be large, so this clone borrows its objects too.
            RehearsalSource::Repository { .. } => &reference_args[..],
        };
        self.reader.git(&self.reader.home, arguments)?;
        Ok(self.reader.home.join("clone"))
    }

    /// Returns the reader with a read-only token, because `gh` requires an account.
    ///
    /// The environment also keeps every request of `gh` on this machine.
    pub(crate) fn reader_with_token(&self) -> SandboxUser {
        let mut account = self.reader.clone();
        account.env_vars.extend([
            ("GH_TOKEN", READER_TOKEN.to_owned()),
            // gh uses plain HTTP for this host name only. The proxy for it is the emulated GitHub.
            ("GH_HOST", "github.localhost".to_owned()),
            ("HTTP_PROXY", self.github.api_url()),
            // Blocks requests to other hosts: the emulated GitHub does not forward them.
            ("HTTPS_PROXY", self.github.api_url()),
            ("GH_NO_UPDATE_NOTIFIER", "1".to_owned()),
        ]);
        account
    }
}

/// The longest path of a sandbox, in bytes (71), with which the paths of gpg-agent's sockets are valid.
///
/// The path of a socket has at most 107 bytes (`unix(7)`). The file name here is the longest one.
const MAX_SANDBOX_PATH_BYTES: usize = 107 - "/operator/.gnupg/S.gpg-agent.browser".len();

/// Checks that `folder` can be used in `PATH` and by gpg.
///
/// Without this check, gpg and the shell would fail later with errors that do not name the cause.
fn check_temp_dir(folder: &Path, key: SignatureFormat) -> Result<(), RehearsalError> {
    let reason = match folder.to_str() {
        None => "its path is not UTF-8",
        Some(text) if text.contains(':') => "its path contains ':', the separator of PATH",
        Some(text) if key != SignatureFormat::Ssh && text.len() > MAX_SANDBOX_PATH_BYTES => {
            "its path has more than 71 bytes, too long for the sockets of gpg-agent"
        }
        Some(_) => return Ok(()),
    };
    Err(RehearsalError::UnusableTempDir { folder: folder.to_owned(), reason })
}

/// Returns the settings of the emulated GitHub.
///
/// Its clock starts 300 s in the past: it advances by 1 s with every request and must not overtake the real time.
fn github_settings(config: &RehearsalConfig, now: i64) -> GitHubSettings {
    let path = config.slug.full_name();
    let (owner, name) = path.split_once('/').unwrap_or_default();
    let mut settings = GitHubSettings::new(owner, name, OPERATOR_TOKEN, now - 300);
    settings.read_token = Some(READER_TOKEN.to_owned());
    settings.default_branch.clone_from(&config.catalog.default_branch);
    settings
}

/// Sets name, email address and signing key of a user in the global git configuration.
pub(crate) fn configure_git(
    user: &SandboxUser,
    key: &EphemeralKey,
    owner: KeyOwner<'_>,
) -> Result<(), RehearsalError> {
    for (setting, value) in [
        ("user.name", owner.name),
        ("user.email", owner.email),
        ("gpg.format", key.kind.name()),
        ("user.signingKey", &key.signing_key),
        ("advice.detachedHead", "false"),
    ] {
        user.configure(setting, value)?;
    }
    Ok(())
}
