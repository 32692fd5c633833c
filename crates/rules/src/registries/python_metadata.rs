//! The metadata of Python packages, compared with `pyproject.toml` as hatchling renders it: `METADATA` of a wheel and
//! `PKG-INFO` of a source distribution (Python Packaging User Guide, "Core metadata").

use std::collections::BTreeMap;

use model::Digest;
use model::package::pyproject::{FileOrText, PersonTable, ProjectTable, PyProject, normalized_name};
use model::package::{PackageId, PackageTree};

use super::requirement::{normalized_requirement, normalized_specifiers, requirement_of_extra};
use crate::pattern::matches_wildcards;

/// The beginnings of the names of license files that hatchling includes (PEP 639).
pub(super) const LICENSE_NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS"];
/// The versions of the metadata format that hatchling writes.
const METADATA_VERSIONS: [&str; 5] = ["2.1", "2.2", "2.3", "2.4", "2.5"];

/// A header field, in one spelling.
type HeaderField = (String, String);

/// Compares the metadata of a package with the tree. Returns every difference. `content` is the metadata file.
///
/// # Errors
/// The reason why the metadata cannot be derived from the tree.
pub(super) fn compare_metadata(
    content: &[u8],
    id: &PackageId,
    project: &PyProject,
    tree: &PackageTree,
) -> Result<Vec<String>, String> {
    let Some((fields, body)) = parse_metadata(content).filter(|(fields, _)| names_are_unique(fields)) else {
        return Ok(vec![
            "the metadata is not a list of header fields, with one name and one version, and a text"
                .to_owned(),
        ]);
    };
    let mut differences = Vec::new();
    let name = fields.iter().find(|(key, _)| key == "Name").map(|(_, value)| value.as_str());
    if name.map(normalized_name) != Some(normalized_name(&id.name)) {
        differences.push(format!(
            "the name is '{}', expected '{}'",
            shortened(name.unwrap_or_default()),
            id.name
        ));
    }
    let version = fields.iter().find(|(key, _)| key == "Version").map(|(_, value)| value.as_str());
    if version != Some(&id.version) {
        differences.push(format!(
            "the version is '{}', expected '{}'",
            shortened(version.unwrap_or_default()),
            id.version
        ));
    }
    let metadata_version = fields.first().filter(|(key, _)| key == "Metadata-Version");
    if !metadata_version.is_some_and(|(_, it)| METADATA_VERSIONS.contains(&it.as_str())) {
        differences.push("the metadata does not start with a known Metadata-Version".to_owned());
    }
    let mut expected = counted_fields(expected_fields(&project.project, tree)?);
    for (key, value) in counted_fields(fields.into_iter().map(one_spelling).collect()) {
        let key_only = key.0.as_str();
        if matches!(key_only, "Metadata-Version" | "Name" | "Version") && value == 1 {
            continue;
        }
        if expected.remove(&key) != Some(value) {
            differences.push(format!("{}: {} does not follow from pyproject.toml", key.0, shortened(&key.1)));
        }
    }
    for (key, value) in expected.into_keys() {
        differences.push(format!("{key}: {} of pyproject.toml is missing", shortened(&value)));
    }
    let readme = readme_file(&project.project)?;
    let expected_body = match readme {
        Some(file) => {
            Some(tree.in_folder(file).ok_or_else(|| format!("{file} is not in the tag's tree"))?.digest)
        }
        None => None,
    };
    if body.map(Digest::of) != expected_body {
        differences.push(format!("the description differs from {}", readme.unwrap_or("no description")));
    }
    Ok(differences)
}

/// Whether the fields that may occur once do so: programs differ in which one they read.
fn names_are_unique(fields: &[HeaderField]) -> bool {
    ["Metadata-Version", "Name", "Version"]
        .iter()
        .all(|name| fields.iter().filter(|(key, _)| key == name).count() == 1)
}

/// Parses header fields and the text after them. Returns `None` if they are malformed. A field continues on lines that
/// start with a space.
fn parse_metadata(content: &[u8]) -> Option<(Vec<HeaderField>, Option<&[u8]>)> {
    let (head, body) = match content.windows(2).position(|it| it == b"\n\n") {
        Some(end) => (&content[..=end], Some(&content[end + 2..])),
        None => (content, None),
    };
    let text = std::str::from_utf8(head).ok()?;
    // Python's parser also ends a line at other characters, so another field could begin inside a value.
    if text.chars().any(|it| it != '\n' && (it.is_control() || matches!(it, '\u{2028}' | '\u{2029}'))) {
        return None;
    }
    let mut fields: Vec<HeaderField> = Vec::new();
    for line in text.strip_suffix('\n')?.split('\n') {
        if line.starts_with(' ') {
            // Only the text of a license has several lines.
            let (_, value) = fields.last_mut().filter(|(key, _)| key == "License")?;
            value.push('\n');
            value.push_str(line);
        } else {
            let (key, value) = line.split_once(": ")?;
            fields.push((key.to_owned(), value.to_owned()));
        }
    }
    Some((fields, body))
}

/// Returns a field in one spelling, so that two tools' renderings are equal.
fn one_spelling((key, value): HeaderField) -> HeaderField {
    if ambiguous_spelling(&key, &value) {
        return (key, format!("{value} (in an ambiguous spelling)"));
    }
    let value = match key.as_str() {
        "Requires-Dist" => normalized_requirement(&value),
        "Requires-Python" => normalized_specifiers(&value),
        "Provides-Extra" => normalized_name(&value),
        _ => value,
    };
    (key, value)
}

/// Whether a requirement has white space or quotes that programs read differently. Build tools write none.
fn ambiguous_spelling(key: &str, value: &str) -> bool {
    let (specification, marker) = match key {
        "Requires-Python" => (value, None),
        "Requires-Dist" => value.split_once(';').map_or((value, None), |(text, marker)| (text, Some(marker))),
        _ => return false,
    };
    if value.contains('"') && value.contains('\'') {
        return true;
    }
    if specification.contains('@') {
        // Without white space, the marker would belong to the URL.
        return marker.is_some() && !specification.ends_with(' ');
    }
    specification.trim_end().contains(char::is_whitespace) || specification.ends_with(',')
}

fn counted_fields(fields: Vec<HeaderField>) -> BTreeMap<HeaderField, usize> {
    let mut out = BTreeMap::new();
    for field in fields {
        *out.entry(field).or_default() += 1;
    }
    out
}

/// Returns the fields that follow from the tree, except for the name and the versions, in one spelling.
fn expected_fields(project: &ProjectTable, tree: &PackageTree) -> Result<Vec<HeaderField>, String> {
    if let Some(key) = project.dynamic.iter().find(|it| *it != "version") {
        return Err(format!("the build sets '{key}', which cannot be derived from pyproject.toml"));
    }
    let mut fields: Vec<HeaderField> = Vec::new();
    let mut add = |key: &str, value: String| fields.push((key.to_owned(), value));
    if let Some(summary) = &project.description {
        add("Summary", summary.clone());
    }
    for (label, url) in &project.urls {
        add("Project-URL", format!("{label}, {url}"));
    }
    for (people, name_key, email_key) in [
        (&project.authors, "Author", "Author-email"),
        (&project.maintainers, "Maintainer", "Maintainer-email"),
    ] {
        let (names, emails) = people_fields(people);
        for (key, values) in [(name_key, names), (email_key, emails)] {
            if !values.is_empty() {
                add(key, values.join(", "));
            }
        }
    }
    if let Some((key, value)) = license_field(project, tree)? {
        add(key, value);
    }
    for file in license_files(project, tree) {
        add("License-File", file);
    }
    if !project.keywords.is_empty() {
        let mut keywords = project.keywords.clone();
        keywords.sort_unstable();
        keywords.dedup();
        add("Keywords", keywords.join(","));
    }
    for classifier in &project.classifiers {
        add("Classifier", classifier.clone());
    }
    if let Some(versions) = &project.requires_python {
        add("Requires-Python", normalized_specifiers(versions));
    }
    for requirement in &project.dependencies {
        add("Requires-Dist", normalized_requirement(requirement));
    }
    for (extra, requirements) in &project.optional_dependencies {
        add("Provides-Extra", normalized_name(extra));
        for requirement in requirements {
            add("Requires-Dist", requirement_of_extra(requirement, extra));
        }
    }
    if let Some(media_type) = readme_media_type(project)? {
        add("Description-Content-Type", media_type);
    }
    Ok(fields)
}

/// Returns the names of people without an address, and the addresses of the others with their names.
fn people_fields(people: &[PersonTable]) -> (Vec<String>, Vec<String>) {
    let (mut names, mut emails) = (Vec::new(), Vec::new());
    for person in people {
        match (&person.name, &person.email) {
            (Some(name), Some(email)) => emails.push(format!("{name} <{email}>")),
            (Some(name), None) => names.push(name.clone()),
            (None, Some(email)) => emails.push(email.clone()),
            (None, None) => {}
        }
    }
    (names, emails)
}

/// Returns the field of the license: an SPDX expression, or a text that is folded with 8 spaces.
fn license_field(
    project: &ProjectTable,
    tree: &PackageTree,
) -> Result<Option<(&'static str, String)>, String> {
    let text = match &project.license {
        None => return Ok(None),
        Some(FileOrText::Plain(expression)) => return Ok(Some(("License-Expression", expression.clone()))),
        Some(FileOrText::Table(table)) => match (&table.text, &table.file) {
            (Some(text), _) => text.clone(),
            (None, Some(file)) => {
                let text = tree.text(file);
                text.ok_or_else(|| {
                    format!("the license file {file} is not in the tag's tree, or is not a text")
                })?
                .to_owned()
            }
            (None, None) => return Ok(None),
        },
    };
    let lines: Vec<&str> = text.lines().collect();
    Ok(Some(("License", lines.join("\n        "))))
}

/// Returns the license files, relative to the package's folder (PEP 639; without patterns those of hatchling).
pub(super) fn license_files(project: &ProjectTable, tree: &PackageTree) -> Vec<String> {
    let is_license = |path: &str| match &project.license_files {
        Some(patterns) => patterns.iter().any(|it| matches_wildcards(it, path, Some(b'?'))),
        None => !path.contains('/') && LICENSE_NAMES.iter().any(|it| path.starts_with(it)),
    };
    tree.below("").map(|(path, _)| path).filter(|it| is_license(it)).map(str::to_owned).collect()
}

/// Returns the description file, relative to the package's folder.
fn readme_file(project: &ProjectTable) -> Result<Option<&str>, String> {
    match &project.readme {
        None => Ok(None),
        Some(FileOrText::Plain(file)) => Ok(Some(file)),
        Some(FileOrText::Table(table)) => match &table.file {
            Some(file) => Ok(Some(file)),
            None => Err("the description is a text in pyproject.toml, which is not compared".to_owned()),
        },
    }
}

fn readme_media_type(project: &ProjectTable) -> Result<Option<String>, String> {
    if let Some(FileOrText::Table(table)) = &project.readme
        && let Some(media_type) = &table.content_type
    {
        return Ok(Some(media_type.clone()));
    }
    let Some(file) = readme_file(project)? else { return Ok(None) };
    let ending = file.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "md" => Ok(Some("text/markdown".to_owned())),
        "rst" => Ok(Some("text/x-rst".to_owned())),
        "txt" => Ok(Some("text/plain".to_owned())),
        _ => Err(format!("the media type of {file} is not known")),
    }
}

/// Returns the first line of a value, for messages.
fn shortened(value: &str) -> String {
    let line = value.lines().next().unwrap_or_default();
    let short: String = line.chars().take(80).collect();
    if short == value { short } else { format!("{short}…") }
}
