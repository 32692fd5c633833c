//! The metadata of Python packages, compared with `pyproject.toml` as hatchling renders it: `METADATA` of a wheel and
//! `PKG-INFO` of a source distribution (Python Packaging User Guide, "Core metadata").

use std::collections::{BTreeMap, BTreeSet};

use model::package::pyproject::{ProjectTable, PyProject, normalized_name};
use model::package::{PackageId, PackageTree};

use super::project_files::{
    Description, license_field, license_files, normalized_expression, people_fields, readme_media_type,
};
use super::requirement::{normalized_requirement, normalized_specifiers, requirement_of_extra};

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
    if !Description::of(&project.project, tree)?.is(body) {
        let readme = project.project.readme_path().unwrap_or("that of pyproject.toml");
        differences.push(format!("the description differs from {readme}"));
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
        "License-Expression" => normalized_expression(&value),
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
    let summary = project.description.as_deref().unwrap_or_default();
    if !summary.is_empty() {
        add("Summary", summary.lines().collect::<Vec<_>>().join(" "));
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
    add_requirements(project, &mut fields)?;
    if Description::of(project, tree)? != Description::Missing {
        fields.push(("Description-Content-Type".to_owned(), readme_media_type(project)?));
    }
    Ok(fields)
}

/// Adds the requirements of a project and of its extras. hatchling writes each once, however often it is stated.
fn add_requirements(project: &ProjectTable, fields: &mut Vec<HeaderField>) -> Result<(), String> {
    if let Some(extra) = self_referential_extra(project) {
        return Err(format!(
            "the extra '{extra}' contains another extra of the project, which is not resolved"
        ));
    }
    let mut requirements: BTreeSet<String> =
        project.dependencies.iter().map(|it| normalized_requirement(it)).collect();
    for (extra, of_extra) in &project.optional_dependencies {
        fields.push(("Provides-Extra".to_owned(), normalized_name(extra)));
        requirements.extend(of_extra.iter().map(|it| requirement_of_extra(it, extra)));
    }
    fields.extend(requirements.into_iter().map(|it| ("Requires-Dist".to_owned(), it)));
    Ok(())
}

/// Returns an extra that requires the project itself with another extra. `None` if there is none.
fn self_referential_extra(project: &ProjectTable) -> Option<&str> {
    let own = normalized_name(&project.name);
    let is_own = |requirement: &String| {
        let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
        normalized_name(&requirement[..end.unwrap_or(requirement.len())]) == own
    };
    let extras = &project.optional_dependencies;
    extras.iter().find(|(_, requirements)| requirements.iter().any(is_own)).map(|(extra, _)| extra.as_str())
}

/// Returns the first line of a value, for messages.
fn shortened(value: &str) -> String {
    let line = value.lines().next().unwrap_or_default();
    let short: String = line.chars().take(80).collect();
    if short == value { short } else { format!("{short}…") }
}
