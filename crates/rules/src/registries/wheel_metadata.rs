//! The files that hatchling writes to the folder `.dist-info` of a wheel, except `METADATA` (Python Packaging User Guide,
//! specifications "Binary distribution format", "Recording installed projects" and "Entry points").

use std::collections::{BTreeMap, BTreeSet};

use model::base::base64;
use model::package::PackageContents;
use model::package::pyproject::PyProject;

use super::file_comparison::FileComparison;

/// The mode of a file in the folder `.dist-info`, which hatchling writes from memory: 0644 without a file type.
pub(super) const GENERATED_MODE: u32 = 0o644;

/// Checks that `RECORD` lists every file with its digest and size, and nothing else.
pub(super) fn check_record(
    info: &str,
    package: &PackageContents,
    content: Option<&[u8]>,
    files: &mut FileComparison,
) {
    let path = format!("{info}/RECORD");
    files.mark_generated(&path);
    let Some(lines) = content.and_then(|it| std::str::from_utf8(it).ok()) else {
        return files.fail(&path, "the wheel has no RECORD, or it is not a text");
    };
    let quoted = |it: &str| {
        if it.contains([',', '"']) { format!("\"{}\"", it.replace('"', "\"\"")) } else { it.to_owned() }
    };
    let expected: BTreeSet<String> = package
        .files
        .iter()
        .map(|file| {
            if file.path == path {
                return format!("{},,", quoted(&path));
            }
            let digest = base64::encode_url(&file.digest.bytes());
            format!("{},sha256={digest},{}", quoted(&file.path), file.size)
        })
        .collect();
    let actual: Vec<&str> = lines.lines().collect();
    let is_complete = actual.len() == expected.len() && lines.ends_with('\n') && !lines.contains('\r');
    if !is_complete
        || !actual.iter().all(|it| expected.contains(*it))
        || actual.iter().collect::<BTreeSet<_>>().len() != actual.len()
    {
        files.fail(&path, "RECORD does not list exactly the files of the wheel with their digests and sizes");
    }
}

/// Checks the file `WHEEL`: a wheel by hatchling for every platform.
pub(super) fn check_wheel_file(
    info: &str,
    project: &PyProject,
    content: Option<&[u8]>,
    files: &mut FileComparison,
) {
    let path = format!("{info}/WHEEL");
    files.mark_generated(&path);
    // Without `requires-python`, hatchling states both major versions.
    let tags = match project.project.requires_python {
        Some(_) => "Tag: py3-none-any\n",
        None => "Tag: py2-none-any\nTag: py3-none-any\n",
    };
    let is_version = |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_digit() || c == '.');
    let text = content.and_then(|it| std::str::from_utf8(it).ok()).unwrap_or_default();
    let is_expected = text
        .strip_prefix("Wheel-Version: 1.0\nGenerator: hatchling ")
        .and_then(|it| it.strip_suffix(&format!("\nRoot-Is-Purelib: true\n{tags}")))
        .is_some_and(is_version);
    if !is_expected {
        files.fail(&path, "expected the file WHEEL of a pure Python wheel by hatchling");
    }
}

/// Checks that `entry_points.txt` states the commands of `pyproject.toml`.
pub(super) fn check_entry_points(
    info: &str,
    project: &PyProject,
    content: Option<&[u8]>,
    files: &mut FileComparison,
) {
    let path = format!("{info}/entry_points.txt");
    let mut expected: BTreeMap<String, BTreeMap<String, String>> = project.project.entry_points.clone();
    for (group, scripts) in
        [("console_scripts", &project.project.scripts), ("gui_scripts", &project.project.gui_scripts)]
    {
        if !scripts.is_empty() {
            expected.insert(group.to_owned(), scripts.clone());
        }
    }
    let actual = match content {
        None => Some(BTreeMap::new()),
        Some(bytes) => {
            files.mark_generated(&path);
            std::str::from_utf8(bytes).ok().and_then(parse_entry_points)
        }
    };
    if actual.as_ref() != Some(&expected) || (content.is_some() && expected.is_empty()) {
        files.fail(&path, "does not state exactly the commands of pyproject.toml");
    }
}

/// Parses groups of `name = object` lines. Returns `None` if a line has another form, or a group or name is repeated.
fn parse_entry_points(text: &str) -> Option<BTreeMap<String, BTreeMap<String, String>>> {
    let mut groups: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current = None;
    for line in text.lines().filter(|it| !it.is_empty()) {
        if let Some(group) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            if groups.insert(group.to_owned(), BTreeMap::new()).is_some() {
                return None;
            }
            current = Some(group);
            continue;
        }
        let (name, object) = line.split_once(" = ")?;
        if groups.get_mut(current?)?.insert(name.to_owned(), object.to_owned()).is_some() {
            return None;
        }
    }
    Some(groups)
}

/// Checks the modes of the files that hatchling generates.
pub(super) fn check_generated_modes(info: &str, package: &PackageContents, files: &mut FileComparison) {
    for name in ["METADATA", "WHEEL", "RECORD", "entry_points.txt"] {
        let path = format!("{info}/{name}");
        if let Some(file) = package.file(&path).filter(|it| it.mode != GENERATED_MODE) {
            files.fail(&path, format!("has mode {:o}, expected {GENERATED_MODE:o}", file.mode));
        }
    }
}
