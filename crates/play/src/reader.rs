//! The notes, as a reader follows them: every command of "Verify this release" that can run here is run.

use std::path::Path;

use model::verdict::{Finding, Verdict};
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
/// The headings whose commands ask for nothing but what a rehearsal has: the release, its attestations, the tag.
const ARCHIVE: &str = "Source archive";
const TAG: &str = "Tag";

/// Follows the notes.
pub(crate) fn follow(stage: &Stage<'_>, notes: &str) -> Result<(Finding, Vec<Tried>), PlayError> {
    let downloads = folder_of(stage.reader.home.join("downloads"))?;
    let clone = stage.reader.home.join("clone");
    let account = stage.account();
    let gh = stage.plot.path.iter().map(|it| it.join("gh")).find(|it| it.is_file());
    if let Some(gh) = &gh {
        shim(stage, gh)?;
    }
    let path = std::iter::once(stage.file("bin")).chain(account.path).collect();
    let reader = Somebody { path, ..account };
    // The tag is fetched as the notes say, and not found because the clone has it already.
    stage.reader.git(&clone, ["tag", "-d", &stage.plot.tag.name()])?;
    let target = stage.plot.catalog.target(stage.plot.tag.target());
    let workflow = target.map_or("another workflow", |it| it.workflow.as_str());
    let mut tried = Vec::new();
    for (heading, command) in commands(notes) {
        let (folder, skipped) = match heading.as_str() {
            TAG => (&clone, None),
            ARCHIVE if gh.is_none() && command.starts_with("gh ") => {
                (&downloads, Some(without_gh(stage, &command, &downloads)?))
            }
            ARCHIVE => (&downloads, None),
            _ => (&downloads, Some(format!("{workflow} publishes it, and is not played here"))),
        };
        let became = match skipped {
            Some(why) => Became::Skipped { why },
            None => tried_in(&reader, folder, &command)?,
        };
        tried.push(Tried { heading, command, became });
    }
    Ok((judge(stage, &tried), tried))
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

/// The commands of the section with their headings, continued lines joined.
fn commands(notes: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut inside, mut fenced) = (false, false);
    let (mut heading, mut command) = (String::new(), String::new());
    for line in notes.lines() {
        if let Some(title) = line.strip_prefix("## ").filter(|_| !fenced) {
            inside = title.ends_with(SECTION);
        } else if let Some(title) = line.strip_prefix("### ").filter(|_| !fenced) {
            title.clone_into(&mut heading);
        } else if line.starts_with("```") {
            fenced = !fenced;
        } else if inside && fenced {
            command.push_str(line.trim());
            match command.strip_suffix('\\') {
                Some(rest) => command = format!("{} ", rest.trim_end()),
                None => found.push((heading.clone(), std::mem::take(&mut command))),
            }
        }
    }
    found
}

/// Why a command of `gh` is skipped where there is none. What it would have downloaded is downloaded without it, so that the commands
/// after it have something to look at.
fn without_gh(stage: &Stage<'_>, command: &str, downloads: &Path) -> Result<String, PlayError> {
    const MISSING: &str = "gh is not on this machine";
    if !command.starts_with("gh release download ") {
        return Ok(MISSING.to_owned());
    }
    let tag = stage.plot.tag.name();
    let releases = stage.github.releases();
    let release = releases.iter().find(|it| it["tag_name"] == tag.as_str());
    for asset in release.and_then(|it| it["assets"].as_array()).into_iter().flatten() {
        let (Some(name), Some(id)) = (asset["name"].as_str(), asset["id"].as_u64()) else { continue };
        let (path, bytes) = (downloads.join(name), stage.github.asset(id)?);
        std::fs::write(&path, bytes).map_err(|source| PlayError::Write { path, source })?;
    }
    Ok(format!("{MISSING}; the files were put here without it"))
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
    fn the_commands_of_the_section_are_found_and_no_others() {
        let notes = "## What's New\n```bash\nno\n```\n## 🔏 Verify this release\n### Tag\ntext\n\
            ```bash\ngit fetch \\\n  origin\ngit verify-tag 'x'\n```\n### Go\n```bash\n## no heading\n```\n## More\n```bash\nno\n```\n";
        let expected = [("Tag", "git fetch origin"), ("Tag", "git verify-tag 'x'"), ("Go", "## no heading")];
        assert_eq!(commands(notes), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
