//! Ephemeral signing keys of every format that git supports, and the `[signers]` tables that trust them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model::evidence::signature::SignatureFormat;

use crate::error::{EmulatorError, failed_to};
use crate::github::git::isolate_git;

/// The person that a key is made for.
#[derive(Debug, Clone, Copy)]
pub struct KeyOwner<'a> {
    /// The name, as git's `user.name`.
    pub name: &'a str,
    /// The email address, as git's `user.email`.
    pub email: &'a str,
}

/// A signing key for one rehearsal, in the home directory of one user. Dropping it stops the agents that it started.
#[derive(Debug)]
pub struct EphemeralKey {
    /// The signature format that the key is for.
    pub kind: SignatureFormat,
    /// The value for `user.signingKey`: a fingerprint for OpenPGP and X.509, the path of the public key for SSH.
    pub signing_key: String,
    /// The file that verifiers need: an armored public key, an `allowed_signers` file, or a certificate in PEM.
    pub public_file: PathBuf,
    homes: Vec<PathBuf>,
}

impl EphemeralKey {
    /// Creates a key for a user with this name and e-mail address. The secret key goes to the user's home directory
    /// `home`, the public file to `public_dir`.
    ///
    /// # Errors
    /// [`EmulatorError`] if a program (`gpg`, `gpgsm`, `ssh-keygen`) is missing or fails.
    pub fn new(
        kind: SignatureFormat,
        home: &Path,
        public_dir: &Path,
        owner: KeyOwner<'_>,
    ) -> Result<Self, EmulatorError> {
        let script = match kind {
            SignatureFormat::OpenPgp => {
                "gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' \
                   --quick-gen-key \"$NAME <$ADDRESS>\" ed25519 sign never
                 gpg --batch --armor --export > \"$PUBLIC/keys.asc\"
                 gpg --batch --with-colons --list-keys | sed -n 's/^fpr:*\\([0-9A-F]*\\):.*/\\1/p' | head -n 1"
            }
            SignatureFormat::Ssh => {
                "ssh-keygen -q -t ed25519 -N '' -C \"$ADDRESS\" -f \"$HOME/.ssh/id_rehearsal\"
                 echo \"$ADDRESS $(cat \"$HOME/.ssh/id_rehearsal.pub\")\" > \"$PUBLIC/allowed_signers\"
                 echo \"$HOME/.ssh/id_rehearsal.pub\""
            }
            SignatureFormat::X509 => {
                "cd \"$HOME/.gnupg\"
                 echo allow-loopback-pinentry > gpg-agent.conf
                 echo disable-crl-checks > gpgsm.conf
                 printf '%s\\n' 'Key-Type: RSA' 'Key-Length: 2048' 'Key-Usage: sign' 'Serial: random' \
                   \"Name-DN: CN=$NAME\" \"Name-Email: $ADDRESS\" \
                   'Not-Before: 2023-11-01 00:00:00' 'Not-After: 2063-01-01 00:00:00' > parameters
                 echo | gpgsm --batch --quiet --pinentry-mode loopback --passphrase-fd 0 --generate-key parameters \
                   > \"$PUBLIC/certificates.pem\"
                 gpgsm --batch --quiet --import \"$PUBLIC/certificates.pem\"
                 gpgsm --batch --with-colons --list-keys | sed -n 's/^fpr:*\\([0-9A-F]*\\):.*/\\1/p' > fingerprint
                 echo \"$(cat fingerprint) S relax\" > trustlist.txt
                 gpgconf --kill all
                 cat fingerprint"
            }
        };
        let mut key = Self {
            kind,
            signing_key: String::new(),
            public_file: public_dir.join(match kind {
                SignatureFormat::OpenPgp => "keys.asc",
                SignatureFormat::Ssh => "allowed_signers",
                SignatureFormat::X509 => "certificates.pem",
            }),
            homes: vec![home.to_owned()],
        };
        for folder in [".gnupg", ".ssh"].map(|it| home.join(it)) {
            create_private_dir(&folder)?;
        }
        let variables =
            [("NAME", owner.name), ("ADDRESS", owner.email), ("PUBLIC", &public_dir.display().to_string())];
        let output = run_shell(home, script, &variables)?;
        output.lines().last().unwrap_or_default().clone_into(&mut key.signing_key);
        Ok(key)
    }

    /// Returns the lines for `[signers]` in `release.toml` that trust this key. File names are relative to the
    /// directory of the public file.
    #[must_use]
    pub fn signers_toml(&self) -> String {
        match self.kind {
            SignatureFormat::OpenPgp => {
                format!("openpgp_keyring = \"keys.asc\"\nopenpgp_fingerprints = [\"{}\"]\n", self.signing_key)
            }
            SignatureFormat::Ssh => "allowed_signers = \"allowed_signers\"\n".to_owned(),
            SignatureFormat::X509 => {
                format!(
                    "x509_certificates = \"certificates.pem\"\nx509_fingerprints = [\"{}\"]\n",
                    self.signing_key
                )
            }
        }
    }

    /// Imports the public file for another user with home directory `home`, as the release notes tell readers to.
    ///
    /// # Errors
    /// [`EmulatorError`] if the import fails.
    pub fn import_public_key(&mut self, home: &Path) -> Result<(), EmulatorError> {
        create_private_dir(&home.join(".gnupg"))?;
        self.homes.push(home.to_owned());
        let script = match self.kind {
            SignatureFormat::OpenPgp => "gpg --batch --quiet --no-tty --import \"$PUBLIC\"",
            // SSH has nothing to import: `git verify-tag` reads the file that `gpg.ssh.allowedSignersFile` names.
            SignatureFormat::Ssh => "test -s \"$PUBLIC\"",
            SignatureFormat::X509 => {
                "echo disable-crl-checks > \"$HOME/.gnupg/gpgsm.conf\"
                 echo \"$KEY S relax\" > \"$HOME/.gnupg/trustlist.txt\"
                 gpgsm --batch --quiet --import \"$PUBLIC\""
            }
        };
        run_shell(
            home,
            script,
            &[("PUBLIC", &self.public_file.display().to_string()), ("KEY", &self.signing_key)],
        )?;
        Ok(())
    }
}

impl Drop for EphemeralKey {
    /// Stops the gpg agents and removes their socket directories. Errors are ignored: an agent that never started
    /// cannot be stopped.
    fn drop(&mut self) {
        if self.kind != SignatureFormat::Ssh {
            for home in &self.homes {
                run_shell(home, "gpgconf --kill all; gpgconf --remove-socketdir", &[]).ok();
            }
        }
    }
}

/// Creates a directory with mode 0700, which gpg and ssh require.
fn create_private_dir(folder: &Path) -> Result<(), EmulatorError> {
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)))
        .map_err(failed_to(format!("create {}", folder.display())))
}

/// Runs a shell script with `home` as home directory and returns its standard output, trimmed.
fn run_shell(home: &Path, script: &str, variables: &[(&str, &str)]) -> Result<String, EmulatorError> {
    let mut command = Command::new("sh");
    isolate_git(&mut command);
    command.args(["-ec", script]).current_dir(home).env("HOME", home).env("GNUPGHOME", home.join(".gnupg"));
    command.env("LC_ALL", "C").envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().map_err(failed_to("start sh"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed_to("create or use an ephemeral key")(std::io::Error::other(stderr)))
}
