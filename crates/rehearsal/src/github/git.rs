//! Git itself, which knows what the repository holds.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::answer::Refusal;
use crate::{RehearsalError, failed};

/// A bare repository with this default branch, made where it is missing.
pub(crate) fn init(bare: &Path, branch: &str) -> Result<(), RehearsalError> {
    if bare.exists() {
        return Ok(());
    }
    let what = || format!("make {}", bare.display());
    let mut command = std::process::Command::new("git");
    hermetic(&mut command);
    let output =
        command.args(["init", "-q", "--bare", "-b", branch]).arg(bare).output().map_err(failed(what()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(RehearsalError { what: what(), source: std::io::Error::other(said) })
}

/// Keeps the operator's configuration out.
pub(crate) fn hermetic(command: &mut std::process::Command) {
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").stdin(Stdio::null());
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"] {
        command.env_remove(name);
    }
}

/// What git prints, without the last line's end; none where it fails.
pub(crate) async fn ask(bare: &Path, arguments: &[&str]) -> Result<Option<String>, Refusal> {
    let mut command = std::process::Command::new("git");
    hermetic(&mut command);
    command.arg("-C").arg(bare).args(arguments);
    let output = Command::from(command).output().await;
    let output = output.map_err(|error| Refusal::broken(&error.to_string()))?;
    let text = || String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    Ok(output.status.success().then(text))
}

/// The object that a reference names; none where there is no such reference.
pub(crate) async fn reference(bare: &Path, name: &str) -> Result<Option<String>, Refusal> {
    ask(bare, &["rev-parse", "--verify", "--quiet", "--end-of-options", name]).await
}
