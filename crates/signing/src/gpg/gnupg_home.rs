//! Temporary `GNUPGHOME` directories.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;

use tempfile::TempDir;

/// The directory below which gpg keeps the sockets of each non-default `GNUPGHOME`, in a folder of its user
/// (`gpgconf(1)`, `--create-socketdir`).
const SOCKET_ROOT: &str = "/run/user";
/// The prefix of the names of these directories.
const HOME_PREFIX: &str = "opensandbox-gpg-";
/// The file that is locked while its directory is in use.
const LOCK_FILE: &str = "in-use";

/// A temporary `GNUPGHOME`, which is deleted when it is dropped.
#[derive(Debug)]
pub(crate) struct GnupgHome {
    folder: TempDir,
    _lock: File,
}

impl GnupgHome {
    /// Creates a temporary `GNUPGHOME`. The first call in a process also removes those that killed processes left
    /// behind.
    pub(crate) fn new() -> std::io::Result<Self> {
        static CLEANUP: Once = Once::new();
        let folder = tempfile::Builder::new().prefix(HOME_PREFIX).tempdir()?;
        let lock = File::create_new(folder.path().join(LOCK_FILE))?;
        lock.lock()?;
        CLEANUP.call_once(|| remove_abandoned_homes(folder.path()));
        Ok(Self { folder, _lock: lock })
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the temporary `GNUPGHOME` directories next to `current` that no process uses any more. Directories of other
/// users are skipped. Errors are ignored, because a leftover directory contains only public keys.
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

/// Returns true if the process that created the directory has exited, which released its lock. A directory without a
/// lock file is still being created.
fn is_abandoned(home: &Path) -> bool {
    File::open(home.join(LOCK_FILE)).is_ok_and(|it| it.try_lock().is_ok())
}

impl Drop for GnupgHome {
    /// Removes the socket directory too, if gpg created one. If that fails, an empty folder remains in `/run/user`
    /// until the next reboot.
    fn drop(&mut self) {
        if Path::new(SOCKET_ROOT).is_dir() {
            let mut gpgconf = Command::new("gpgconf");
            gpgconf.arg("--homedir").arg(self.path()).arg("--remove-socketdir");
            gpgconf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
        }
    }
}
