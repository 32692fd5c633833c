//! The notes, as a reader follows them: every command of "Verify this release" that can run here is run.

use std::path::{Path, PathBuf};

use model::evidence::verdict::{Finding, Verdict};
use serde::Serialize;

use crate::acts::finding;
use crate::process::Somebody;
use crate::stage::Stage;
use crate::{PlayError, folder_of, written};

/// A command of the notes, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    /// The heading that it stands under.
    pub heading: String,
    /// The command, on one line.
    pub command: String,
    /// What became of it.
    #[serde(flatten)]
    pub became: Became,
}

impl Tried {
    /// Whether it cannot run here.
    #[must_use]
    pub fn is_skipped(&self) -> bool {
        matches!(self.became, Became::Skipped { .. })
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "became")]
pub enum Became {
    /// It ran, and succeeded.
    Succeeded,
    /// It ran, and failed.
    Failed {
        /// What it said.
        said: String,
    },
    /// It cannot run here.
    Skipped {
        /// Why not.
        why: String,
    },
}

/// The section of the notes that is followed.
const SECTION: &str = "Verify this release";
/// The heading whose commands are for a clone.
const TAG: &str = "Tag";
/// The headings of what other workflows publish.
const ELSEWHERE: [&str; 7] = [
    "Container image",
    "Python package",
    "npm package",
    "NuGet package",
    "Maven artifacts",
    "Helm chart",
    "Go module",
];

/// What `gh` can do on this machine.
enum Gh {
    Missing,
    /// It is there, but from before attestations.
    Old,
    Whole,
}

/// Follows the notes.
pub(crate) fn follow(stage: &Stage<'_>, notes: &str) -> Result<(Finding, Vec<Tried>), PlayError> {
    let downloads = folder_of(stage.reader.home.join("downloads"))?;
    let clone = stage.reader.home.join("clone");
    let account = stage.account();
    let gh = gh(stage, &account)?;
    let path = std::iter::once(stage.file("bin")).chain(account.path).collect();
    let reader = Somebody { path, ..account };
    // The tag is fetched as the notes say, and not found because the clone has it already.
    stage.reader.git(&clone, ["tag", "-d", &stage.plot.tag.name()])?;
    let target = stage.plot.catalog.target(stage.plot.tag.target());
    let workflow = target.map_or("another workflow", |it| it.workflow.as_str());
    let mut tried = Vec::new();
    for (heading, block) in blocks(notes) {
        for command in whole(&reader, &block)? {
            let skipped = if ELSEWHERE.contains(&heading.as_str()) {
                Some(format!("{workflow} publishes it, and is not played here"))
            } else {
                without_gh(stage, &gh, &command, &downloads)?
            };
            let folder = if heading == TAG { &clone } else { &downloads };
            let became = match skipped {
                Some(why) => Became::Skipped { why },
                None => tried_in(&reader, folder, &command)?,
            };
            tried.push(Tried { heading: heading.clone(), command, became });
        }
    }
    Ok((judge(stage, &tried), tried))
}

/// The `gh` of the search path, told where it is.
fn gh(stage: &Stage<'_>, account: &Somebody) -> Result<Gh, PlayError> {
    use std::os::unix::fs::PermissionsExt as _;
    let runs =
        |it: &PathBuf| it.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    let Some(gh) = account.path.iter().map(|it| it.join("gh")).find(runs) else { return Ok(Gh::Missing) };
    shim(stage, &gh)?;
    let knows = account.run(&gh, &account.home, ["attestation", "download", "--help"])?.code == Some(0);
    Ok(if knows { Gh::Whole } else { Gh::Old })
}

/// The commands of a block: its lines, as many together as a shell takes for whole.
fn whole(reader: &Somebody, block: &[String]) -> Result<Vec<String>, PlayError> {
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
    // What never became whole is run all the same, and fails.
    commands.extend((!command.is_empty()).then_some(command));
    Ok(commands)
}

/// What becomes of a command in a folder.
fn tried_in(reader: &Somebody, folder: &Path, command: &str) -> Result<Became, PlayError> {
    let ran = reader.run("bash", folder, ["-ec", command])?;
    let became =
        if ran.code == Some(0) { Became::Succeeded } else { Became::Failed { said: ran.last_words() } };
    Ok(became)
}

fn judge(stage: &Stage<'_>, tried: &[Tried]) -> Finding {
    let ran = tried.iter().filter(|it| !it.is_skipped()).count();
    let failed: Vec<&str> = tried
        .iter()
        .filter(|it| matches!(it.became, Became::Failed { .. }))
        .map(|it| it.command.as_str())
        .collect();
    let verdict = match (ran, failed.len()) {
        (0, _) => (Verdict::Unproven, "nothing-ran"),
        (_, 0) => (Verdict::Proven, "followed"),
        _ => (Verdict::Refuted, "command-failed"),
    };
    let evidence =
        format!("{} of {ran} commands of the notes succeeded as a reader types them", ran - failed.len());
    finding("notes", &stage.plot.tag, verdict, evidence, failed.join("; "))
}

/// The blocks of the section with their headings, continued lines joined.
fn blocks(notes: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let (mut inside, mut fenced, mut continued) = (false, false, false);
    let mut heading = String::new();
    for line in notes.lines() {
        if let Some(title) = line.strip_prefix("## ").filter(|_| !fenced) {
            inside = title.ends_with(SECTION);
        } else if let Some(title) = line.strip_prefix("### ").filter(|_| !fenced) {
            title.clone_into(&mut heading);
        } else if line.starts_with("```") {
            fenced = !fenced;
            if fenced && inside {
                found.push((heading.clone(), Vec::new()));
            }
        } else if let Some((_, block)) = found.last_mut().filter(|_| inside && fenced) {
            let (text, goes_on) = match line.trim().strip_suffix('\\') {
                Some(text) => (text.trim_end(), true),
                None => (line.trim(), false),
            };
            match block.last_mut().filter(|_| continued) {
                Some(last) => *last = format!("{last} {text}"),
                None => block.push(text.to_owned()),
            }
            continued = goes_on;
        }
    }
    found
}

/// Why a command of `gh` is skipped where there is none that knows it. What it would have downloaded is downloaded without it, so
/// that the commands after it have something to look at.
fn without_gh(
    stage: &Stage<'_>,
    gh: &Gh,
    command: &str,
    downloads: &Path,
) -> Result<Option<String>, PlayError> {
    const MISSING: &str = "gh is not on this machine";
    let asks = command.starts_with("gh ");
    match gh {
        Gh::Old if command.starts_with("gh attestation ") => {
            return Ok(Some("this machine's gh knows no attestations".to_owned()));
        }
        Gh::Missing if asks && !command.starts_with("gh release download ") => {
            return Ok(Some(MISSING.to_owned()));
        }
        Gh::Missing if asks => {}
        _ => return Ok(None),
    }
    let tag = stage.plot.tag.name();
    let releases = stage.github.releases();
    let release = releases.iter().find(|it| it["tag_name"] == tag.as_str());
    for asset in release.and_then(|it| it["assets"].as_array()).into_iter().flatten() {
        let (Some(name), Some(id)) = (asset["name"].as_str(), asset["id"].as_u64()) else { continue };
        let (path, bytes) = (downloads.join(name), stage.github.asset(id)?);
        std::fs::write(&path, bytes).map_err(|source| PlayError::Write { path, source })?;
    }
    Ok(Some(format!("{MISSING}; the files were put here without it")))
}

/// The real `gh`, told where it is: its trust in attestations begins with the rehearsal's Sigstore instance, and it gets them
/// from the GitHub on loopback (`gh attestation download`), but holds them against the names of github.com.
const SHIM: &str = r#"
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

fn shim(stage: &Stage<'_>, gh: &Path) -> Result<(), PlayError> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder_of(stage.file("bin"))?.join("gh");
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let (gh, root) = (quoted(gh), quoted(&stage.file("trusted-root.json")));
    written(&path, &format!("#!/bin/sh\ngh={gh}\nroot={root}\n{SHIM}"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .map_err(|source| PlayError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_of_the_section_are_found_and_no_others() {
        let notes = "## What's New\n```bash\nno\n```\n## 🔏 Verify this release\n### Tag\ntext\n\
            ```bash\ngit fetch \\\n  origin\ngit verify-tag 'x'\n```\n### Go\n```bash\n## no heading\n```\n## More\n```bash\nno\n```\n";
        let expected: [(&str, &[&str]); 2] =
            [("Tag", &["git fetch origin", "git verify-tag 'x'"]), ("Go", &["## no heading"])];
        let owned =
            |it: &(&str, &[&str])| (it.0.to_owned(), it.1.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(blocks(notes), expected.iter().map(owned).collect::<Vec<_>>());
    }
}
