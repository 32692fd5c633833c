//! A home of gpg's that is thrown away.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Where gpg keeps the sockets of homes that are not the user's own, in a folder for each (`gpgconf(1)`, `--create-socketdir`).
const SOCKETS: &str = "/run/user";

/// A folder that is gpg's home until it is dropped.
#[derive(Debug)]
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> std::io::Result<Self> {
        tempfile::Builder::new().prefix("gpg").tempdir().map(Self)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    /// The folder of its sockets goes with it, where gpg made one; where it cannot be removed, an empty folder stays until the
    /// machine is started again.
    fn drop(&mut self) {
        if Path::new(SOCKETS).is_dir() {
            let mut gpgconf = Command::new("gpgconf");
            gpgconf.arg("--homedir").arg(self.path()).arg("--remove-socketdir");
            gpgconf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
        }
    }
}
