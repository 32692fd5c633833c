//! The git commands that the emulated GitHub runs in its bare repository.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::response::ApiError;
use crate::error::{EmulatorError, failed_to};

/// Creates a bare repository with this default branch, and its hook. Does nothing if the path exists.
pub(crate) fn init_bare(bare: &Path, branch: &str) -> Result<(), EmulatorError> {
    if bare.exists() {
        return Ok(());
    }
    let action = || format!("create {}", bare.display());
    let mut command = std::process::Command::new("git");
    isolate_git(&mut command);
    let output = command
        .args(["init", "-q", "--bare", "--template=", "-b", branch])
        .arg(bare)
        .output()
        .map_err(failed_to(action()))?;
    if output.status.success() {
        return install_freeze_hook(bare);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(EmulatorError { action: action(), source: std::io::Error::other(stderr) })
}

/// Installs the hook that rejects changes to the tags of immutable releases (github.md F19). It reads the file
/// `frozen`, which has one reference per line (`git help githooks`, update).
fn install_freeze_hook(bare: &Path) -> Result<(), EmulatorError> {
    use std::os::unix::fs::PermissionsExt as _;
    const UPDATE_HOOK: &str = "#!/bin/sh\n\
        if grep -qxF \"$1\" frozen 2>/dev/null; then\n\
        echo \"$1: the tag of an immutable release cannot be changed\" >&2\n\
        exit 1\nfi\n";
    let path = bare.join("hooks/update");
    let result = std::fs::create_dir_all(bare.join("hooks"))
        .and_then(|()| std::fs::write(&path, UPDATE_HOOK))
        .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)));
    result.map_err(failed_to(format!("write {}", path.display())))
}

/// Adds a tag to the file `frozen`, so that pushes can no longer change it.
pub(crate) async fn freeze_tag(bare: &Path, tag: &str) -> Result<(), ApiError> {
    let broken = |error: std::io::Error| ApiError::internal_error(&error.to_string());
    let options = tokio::fs::OpenOptions::new().create(true).append(true).open(bare.join("frozen")).await;
    let mut file = options.map_err(broken)?;
    file.write_all(format!("refs/tags/{tag}\n").as_bytes()).await.map_err(broken)?;
    file.flush().await.map_err(broken)
}

/// Returns whether the file `frozen` contains a reference. The name begins with `refs/`.
pub(crate) async fn is_frozen(bare: &Path, reference: &str) -> bool {
    let text = tokio::fs::read_to_string(bare.join("frozen")).await.unwrap_or_default();
    text.lines().any(|it| it == reference)
}

/// Environment variables that are removed, because they would redirect git to other repositories or objects, change its
/// configuration, or write traces (`git help git`, environment variables). `GIT_CONFIG_PARAMETERS` is how `git -c`
/// passes settings to child processes (`git help config`).
const UNSET_GIT_VARIABLES: [&str; 23] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_SYSTEM",
    "GIT_DEFAULT_HASH",
    "GIT_DEFAULT_REF_FORMAT",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_QUARANTINE_PATH",
    "GIT_REDIRECT_STDERR",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TEMPLATE_DIR",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_TRACE2_EVENT",
    "GIT_TRACE2_PERF",
    "GIT_TRACE_PACKET",
    "GIT_WORK_TREE",
];

/// Isolates a git command from the operator's configuration and environment. Standard input is empty.
pub(crate) fn isolate_git(command: &mut std::process::Command) {
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").stdin(Stdio::null());
    command.env("GIT_ATTR_NOSYSTEM", "1");
    for name in UNSET_GIT_VARIABLES {
        command.env_remove(name);
    }
}

/// Runs git in the bare repository and returns its standard output without trailing white space. `None` if git exits
/// with an error.
pub(crate) async fn run_git(bare: &Path, arguments: &[&str]) -> Result<Option<String>, ApiError> {
    let mut command = std::process::Command::new("git");
    isolate_git(&mut command);
    command.arg("-C").arg(bare).args(arguments);
    let output = Command::from(command).output().await;
    let output = output.map_err(|error| ApiError::internal_error(&error.to_string()))?;
    let text = || String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    Ok(output.status.success().then(text))
}

/// Returns the ID of the object that a reference or revision names. `None` if it does not exist.
pub(crate) async fn resolve_ref(bare: &Path, name: &str) -> Result<Option<String>, ApiError> {
    run_git(bare, &["rev-parse", "--verify", "--quiet", "--end-of-options", name]).await
}
