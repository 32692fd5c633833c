//! A home of gpg's that is thrown away.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;

use tempfile::TempDir;

/// Where gpg keeps the sockets of homes that are not the user's own, in a folder for each (`gpgconf(1)`, `--create-socketdir`).
const SOCKET_ROOT: &str = "/run/user";
/// What the names of our homes begin with.
const HOME_PREFIX: &str = "opensandbox-gpg-";
/// The file of a home that is locked as long as it is in use.
const LOCK_FILE: &str = "in-use";

/// A folder that is gpg's home until it is dropped.
#[derive(Debug)]
pub(crate) struct GnupgHome {
    folder: TempDir,
    _lock: File,
}

impl GnupgHome {
    /// A new home. The first one of a process removes those that killed processes left behind.
    pub(crate) fn new() -> std::io::Result<Self> {
        static CLEANUP: Once = Once::new();
        let folder = tempfile::Builder::new().prefix(HOME_PREFIX).tempdir()?;
        let lock = File::create_new(folder.path().join(LOCK_FILE))?;
        lock.lock()?;
        CLEANUP.call_once(|| remove_abandoned_homes(folder.path()));
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes homes beside this one that no process uses any more. What belongs to another user is not ours to remove; what
/// cannot be removed stays, and holds nothing but public keys.
fn remove_abandoned_homes(current: &Path) {
    let (Some(folder), Ok(owner)) = (current.parent(), current.metadata().map(|it| it.uid())) else { return };
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        let is_home = entry.file_name().to_string_lossy().starts_with(HOME_PREFIX) && path != current;
        let is_same_owner = entry.metadata().is_ok_and(|it| it.is_dir() && it.uid() == owner);
        if is_home && is_same_owner && is_abandoned(&path) {
            std::fs::remove_dir_all(&path).ok();
        }
    }
}

/// Whether the process that made a home has ended: its lock is free. A home without the file is just being made.
fn is_abandoned(home: &Path) -> bool {
    File::open(home.join(LOCK_FILE)).is_ok_and(|it| it.try_lock().is_ok())
}

impl Drop for GnupgHome {
    /// The folder of its sockets goes with it, where gpg made one; where it cannot be removed, an empty folder stays until the
    /// machine is started again.
    fn drop(&mut self) {
        if Path::new(SOCKET_ROOT).is_dir() {
            let mut gpgconf = Command::new("gpgconf");
            gpgconf.arg("--homedir").arg(self.path()).arg("--remove-socketdir");
            gpgconf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
        }
    }
}
