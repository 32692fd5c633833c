//! What hatchling takes from files and people of a project into the metadata of a Python package: the license, the
//! description, authors and maintainers (Python Packaging User Guide, "Core metadata"; PEP 621, PEP 639).

use model::Digest;
use model::package::PackageTree;
use model::package::pyproject::{FileOrText, PersonTable, ProjectTable};

use crate::pattern::matches_wildcards;

/// The beginnings of the names of license files that hatchling includes (PEP 639).
const LICENSE_NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS"];

/// Returns the names of people without an address, and the addresses of the others with their names.
pub(super) fn people_fields(people: &[PersonTable]) -> (Vec<String>, Vec<String>) {
    let (mut names, mut emails) = (Vec::new(), Vec::new());
    for person in people {
        match (&person.name, &person.email) {
            (Some(name), Some(email)) if !name.is_empty() => {
                emails.push(format!("{} <{email}>", quoted(name)));
            }
            (Some(name), None) => names.push(name.clone()),
            (_, Some(email)) => emails.push(email.clone()),
            (None, None) => {}
        }
    }
    (names, emails)
}

/// Returns a display name as Python's `email` writes it: in quotes if it has special characters (RFC 5322, 3.2.3).
fn quoted(name: &str) -> String {
    if name.contains(|c| r#"()<>@,:;."[]\"#.contains(c)) {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    name.to_owned()
}

/// Returns the field of the license: an SPDX expression, or a text that is folded with 8 spaces.
pub(super) fn license_field(
    project: &ProjectTable,
    tree: &PackageTree,
) -> Result<Option<(&'static str, String)>, String> {
    let text = match &project.license {
        None => return Ok(None),
        Some(FileOrText::Plain(expression)) => {
            return Ok(Some(("License-Expression", normalized_expression(expression))));
        }
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

/// Returns an SPDX expression in one spelling. Identifiers and operators are the same in any case (SPDX 2.3, annex D.2).
pub(super) fn normalized_expression(text: &str) -> String {
    let spaced = text.to_lowercase().replace('(', " ( ").replace(')', " ) ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the license files, relative to the package's folder (PEP 639; without patterns those of hatchling).
pub(super) fn license_files(project: &ProjectTable, tree: &PackageTree) -> Vec<String> {
    let is_license = |path: &str| match &project.license_files {
        Some(patterns) => patterns.iter().any(|it| matches_wildcards(it, path, Some(b'?'))),
        None => !path.contains('/') && LICENSE_NAMES.iter().any(|it| path.starts_with(it)),
    };
    tree.below("").map(|(path, _)| path).filter(|it| is_license(it)).map(str::to_owned).collect()
}

/// The description of a project.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Description {
    /// The project has none, or an empty one.
    Missing,
    /// The text, as hatchling reads it: with `\n` at the end of each line.
    Text(String),
    /// The digest of a file whose content was not read. Only a file with `\n` at the end of each line is recognised.
    File(Digest),
}

impl Description {
    /// Returns the description of a project.
    ///
    /// # Errors
    /// If its file is not in the tree.
    pub(super) fn of(project: &ProjectTable, tree: &PackageTree) -> Result<Self, String> {
        let text = match (project.readme_path(), &project.readme) {
            (Some(path), _) => {
                let file = tree.in_folder(path).ok_or_else(|| format!("{path} is not in the tag's tree"))?;
                match tree.text(path) {
                    Some(text) => text.replace("\r\n", "\n").replace('\r', "\n"),
                    None => return Ok(Self::File(file.digest)),
                }
            }
            (None, Some(FileOrText::Table(table))) => table.text.clone().unwrap_or_default(),
            (None, _) => String::new(),
        };
        Ok(if text.is_empty() { Self::Missing } else { Self::Text(text) })
    }

    /// Returns whether the body of a metadata file is this description.
    pub(super) fn is(&self, body: Option<&[u8]>) -> bool {
        match self {
            Self::Missing => body.is_none(),
            Self::Text(text) => body == Some(text.as_bytes()),
            Self::File(digest) => body.map(Digest::of) == Some(*digest),
        }
    }
}

/// Returns the media type of the description.
///
/// # Errors
/// If neither the project nor the name of the file states it.
pub(super) fn readme_media_type(project: &ProjectTable) -> Result<String, String> {
    if let Some(FileOrText::Table(table)) = &project.readme
        && let Some(media_type) = &table.content_type
    {
        return Ok(media_type.clone());
    }
    let file = project.readme_path().unwrap_or_default();
    let ending = file.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "md" => Ok("text/markdown".to_owned()),
        "rst" => Ok("text/x-rst".to_owned()),
        "txt" => Ok("text/plain".to_owned()),
        _ => Err(format!("the media type of {file} is not known")),
    }
}

/// Returns whether the content of a file in the tree is read, by its name: a license or a readme.
pub(super) fn is_read(name: &str) -> bool {
    LICENSE_NAMES.iter().chain(&["README"]).any(|it| name.starts_with(it))
}
