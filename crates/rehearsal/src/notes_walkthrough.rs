//! Follows the release notes as a reader would: runs the commands of section "Verify this release".
//!
//! Commands that need a package registry or a missing `gh` are skipped and reported.

use std::path::{Path, PathBuf};

use model::evidence::reason::{Explanation, Reason};
use model::evidence::verdict::{Finding, Verdict};
use serde::Serialize;

use crate::error::RehearsalError;
use crate::files::{create_dir, write_file};
use crate::process::SandboxUser;
use crate::sandbox::ReleaseSandbox;

/// A command of the release notes with its outcome.
#[derive(Debug, Clone, Serialize)]
pub struct CommandResult {
    /// The heading above the command.
    pub heading: String,
    /// The command. Continued lines are joined to one line.
    pub command: String,
    /// What happened to the command.
    #[serde(flatten)]
    pub outcome: CommandOutcome,
}

impl CommandResult {
    /// Returns whether the command was not run.
    #[must_use]
    pub fn is_skipped(&self) -> bool {
        matches!(self.outcome, CommandOutcome::Skipped { .. })
    }
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "became")]
pub enum CommandOutcome {
    /// The command ran and exited with code 0.
    Succeeded,
    /// The command ran and failed.
    Failed {
        /// The last line of its output.
        #[serde(rename = "said")]
        message: String,
    },
    /// The command was not run.
    Skipped {
        /// Why it was not run.
        #[serde(rename = "why")]
        reason: String,
    },
}

/// The section of the notes with the commands. The heading may begin with an emoji.
const VERIFY_SECTION: &str = "Verify this release";
/// The heading of the commands that run in a clone. All other commands run in the download directory.
const TAG_HEADING: &str = "Tag";
/// The headings of packages that other workflows publish. A rehearsal has no emulator of their registries.
const EXTERNAL_HEADINGS: [&str; 7] = [
    "Container image",
    "Python package",
    "npm package",
    "NuGet package",
    "Maven artifacts",
    "Helm chart",
    "Go module",
];

/// Whether `gh` is installed, and which commands it has.
enum GhSupport {
    /// There is no `gh` in the search path.
    Missing,
    /// It is installed, but has no `gh attestation` commands.
    NoAttestations,
    /// It has all commands that the notes use.
    Full,
}

/// Runs the commands of the notes in order. Returns one finding for all, and the outcome of each.
pub(crate) fn follow_notes(
    sandbox: &ReleaseSandbox<'_>,
    notes: &str,
) -> Result<(Finding, Vec<CommandResult>), RehearsalError> {
    let downloads = create_dir(sandbox.reader.home.join("downloads"))?;
    let clone = sandbox.reader.home.join("clone");
    let account = sandbox.reader_with_token();
    let gh = find_gh(sandbox, &account)?;
    let search_path = std::iter::once(sandbox.file("bin")).chain(account.search_path).collect();
    let reader = SandboxUser { search_path, ..account };
    // The commands must fetch the tag themselves, so the tag is removed from the clone.
    sandbox.reader.git(&clone, ["tag", "-d", &sandbox.config.tag.name()])?;
    let target = sandbox.config.catalog.target(sandbox.config.tag.target());
    let workflow = target.map_or("another workflow", |it| it.workflow.as_str());
    let mut results = Vec::new();
    for (heading, block) in code_blocks(notes) {
        for command in complete_commands(&reader, &block)? {
            let skipped = if EXTERNAL_HEADINGS.contains(&heading.as_str()) {
                Some(format!("published by {workflow}, which is not part of a rehearsal"))
            } else {
                gh_fallback(sandbox, &gh, &command, &downloads)?
            };
            let folder = if heading == TAG_HEADING { &clone } else { &downloads };
            let outcome = match skipped {
                Some(why) => CommandOutcome::Skipped { reason: why },
                None => run_in(&reader, folder, &command)?,
            };
            results.push(CommandResult { heading: heading.clone(), command, outcome });
        }
    }
    Ok((evaluate(sandbox, &results), results))
}

/// Finds `gh` in the search path and creates its wrapper script. Returns which commands it has.
fn find_gh(sandbox: &ReleaseSandbox<'_>, account: &SandboxUser) -> Result<GhSupport, RehearsalError> {
    use std::os::unix::fs::PermissionsExt as _;
    let runs =
        |it: &PathBuf| it.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    let Some(gh) = account.search_path.iter().map(|it| it.join("gh")).find(runs) else {
        return Ok(GhSupport::Missing);
    };
    write_gh_shim(sandbox, &gh)?;
    let has_attestations =
        account.run(&gh, &account.home, ["attestation", "download", "--help"])?.code == Some(0);
    Ok(if has_attestations { GhSupport::Full } else { GhSupport::NoAttestations })
}

/// Returns the commands of a block: lines are joined until `bash -n` accepts them.
///
/// A custom template may contain commands of several lines, such as loops.
fn complete_commands(reader: &SandboxUser, block: &[String]) -> Result<Vec<String>, RehearsalError> {
    let mut commands = Vec::new();
    let mut command = String::new();
    for line in block {
        command.push_str(line);
        if reader.run("bash", &reader.home, ["-nc", &command])?.code == Some(0) {
            commands.push(std::mem::take(&mut command));
        } else {
            command.push('\n');
        }
    }
    // An incomplete command at the end is run too, and fails, so that the error is reported.
    commands.extend((!command.is_empty()).then_some(command));
    Ok(commands)
}

/// Runs a command in a directory with `bash -e`.
fn run_in(reader: &SandboxUser, folder: &Path, command: &str) -> Result<CommandOutcome, RehearsalError> {
    let output = reader.run("bash", folder, ["-ec", command])?;
    let outcome = if output.code == Some(0) {
        CommandOutcome::Succeeded
    } else {
        CommandOutcome::Failed { message: output.last_line() }
    };
    Ok(outcome)
}

/// Returns the finding of the step: refuted if a command failed, unproven if none ran.
fn evaluate(sandbox: &ReleaseSandbox<'_>, results: &[CommandResult]) -> Finding {
    let ran_count = results.iter().filter(|it| !it.is_skipped()).count();
    let failed: Vec<&str> = results
        .iter()
        .filter(|it| matches!(it.outcome, CommandOutcome::Failed { .. }))
        .map(|it| it.command.as_str())
        .collect();
    let (verdict, reason) = match (ran_count, failed.len()) {
        (0, _) => (Verdict::Unproven, Reason::NothingRan),
        (_, 0) => (Verdict::Proven, Reason::Ok),
        _ => (Verdict::Refuted, Reason::CommandsFailed { commands: failed.join("; ") }),
    };
    let evidence = format!(
        "{} of {ran_count} commands of the notes succeeded, run as printed",
        ran_count - failed.len()
    );
    let explanation = Explanation::new(reason, evidence);
    Finding::new("notes", &sandbox.config.tag.name(), verdict, explanation)
}

/// Returns the code blocks of the section, each with the heading above it. Lines that end with a backslash are joined.
///
/// Headings count outside of code blocks only: in a shell, `##` starts a comment.
fn code_blocks(notes: &str) -> Vec<(String, Vec<String>)> {
    let mut blocks: Vec<(String, Vec<String>)> = Vec::new();
    let (mut inside, mut fenced, mut continued) = (false, false, false);
    let mut heading = String::new();
    for line in notes.lines() {
        if let Some(title) = line.strip_prefix("## ").filter(|_| !fenced) {
            inside = title.ends_with(VERIFY_SECTION);
        } else if let Some(title) = line.strip_prefix("### ").filter(|_| !fenced) {
            title.clone_into(&mut heading);
        } else if line.starts_with("```") {
            fenced = !fenced;
            if fenced && inside {
                blocks.push((heading.clone(), Vec::new()));
            }
        } else if let Some((_, block)) = blocks.last_mut().filter(|_| inside && fenced) {
            let (text, is_continued) = match line.trim().strip_suffix('\\') {
                Some(text) => (text.trim_end(), true),
                None => (line.trim(), false),
            };
            match block.last_mut().filter(|_| continued) {
                Some(last) => *last = format!("{last} {text}"),
                None => block.push(text.to_owned()),
            }
            continued = is_continued;
        }
    }
    blocks
}

/// Returns why a `gh` command is skipped if `gh` is missing or too old. `None` for a command that can run.
///
/// In place of `gh release download`, the assets are copied to `downloads`, so that later commands can run.
fn gh_fallback(
    sandbox: &ReleaseSandbox<'_>,
    gh: &GhSupport,
    command: &str,
    downloads: &Path,
) -> Result<Option<String>, RehearsalError> {
    const GH_MISSING: &str = "gh is not installed";
    let is_gh = command.starts_with("gh ");
    match gh {
        GhSupport::NoAttestations if command.starts_with("gh attestation ") => {
            return Ok(Some("the installed gh has no attestation command".to_owned()));
        }
        GhSupport::Missing if is_gh && !command.starts_with("gh release download ") => {
            return Ok(Some(GH_MISSING.to_owned()));
        }
        GhSupport::Missing if is_gh => {}
        _ => return Ok(None),
    }
    let tag = sandbox.config.tag.name();
    let releases = sandbox.github.releases();
    let release = releases.iter().find(|it| it["tag_name"] == tag.as_str());
    for asset in release.and_then(|it| it["assets"].as_array()).into_iter().flatten() {
        let (Some(name), Some(id)) = (asset["name"].as_str(), asset["id"].as_u64()) else { continue };
        let (path, bytes) = (downloads.join(name), sandbox.github.asset_bytes(id)?);
        std::fs::write(&path, bytes).map_err(|source| RehearsalError::Write { path, source })?;
    }
    Ok(Some(format!("{GH_MISSING}; the rehearsal copied the files instead")))
}

/// The body of a wrapper script for the real `gh`, which adapts `gh attestation verify` to the emulated servers.
///
/// It downloads the attestations from the emulated GitHub (`gh attestation download`) and trusts the emulated Sigstore
/// instance. `--hostname github.com` is set because the certificates name github.com. Other commands are unchanged.
const GH_SHIM: &str = r#"
[ "$1 $2" = 'attestation verify' ] || exec "$gh" "$@"
shift 2
file="$(realpath "$1")"
repository=
previous=
for it in "$@"; do
  [ "$previous" = --repo ] && repository="$it"
  previous="$it"
done
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
(cd "$work" && "$gh" attestation download "$file" --repo "$repository") >/dev/null || exit 1
"$gh" attestation verify "$@" --bundle "$(echo "$work"/*.jsonl)" --custom-trusted-root "$root" --hostname github.com
"#;

/// Writes the wrapper script to `bin/gh` in the sandbox. That directory comes first in the search path of the reader.
fn write_gh_shim(sandbox: &ReleaseSandbox<'_>, gh: &Path) -> Result<(), RehearsalError> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = create_dir(sandbox.file("bin"))?.join("gh");
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let (gh, root) = (quoted(gh), quoted(&sandbox.file("trusted-root.json")));
    write_file(&path, &format!("#!/bin/sh\ngh={gh}\nroot={root}\n{GH_SHIM}"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .map_err(|source| RehearsalError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_blocks_of_the_verify_section_are_found() {
        let notes = "## What's New\n```bash\nno\n```\n## 🔏 Verify this release\n### Tag\ntext\n\
            ```bash\ngit fetch \\\n  origin\ngit verify-tag 'x'\n```\n### Go\n```bash\n## no heading\n```\n## More\n```bash\nno\n```\n";
        let expected: [(&str, &[&str]); 2] =
            [("Tag", &["git fetch origin", "git verify-tag 'x'"]), ("Go", &["## no heading"])];
        let owned =
            |it: &(&str, &[&str])| (it.0.to_owned(), it.1.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(code_blocks(notes), expected.iter().map(owned).collect::<Vec<_>>());
    }
}
