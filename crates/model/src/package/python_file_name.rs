//! What the name of a file on a Python package index says about its version, as installers read it (Python Packaging User
//! Guide, "Binary distribution format", "Source distribution format"; pip's `link_evaluator`; PEP 440).

use std::str::FromStr as _;

use super::pyproject::normalized_name;

/// The longest file name that is read, in bytes. File systems have no longer names.
const MAX_NAME_BYTES: usize = 255;
/// The endings of archives that installers accept besides `.whl`.
const ARCHIVE_ENDINGS: [&str; 11] = [
    ".tar.gz",
    ".tar.bz2",
    ".tar.xz",
    ".tar.lzma",
    ".tar.lz",
    ".zip",
    ".tgz",
    ".tbz",
    ".txz",
    ".tlz",
    ".tar",
];

/// Whether a file is one of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionMatch {
    /// An installer that is asked for the version may choose the file.
    Wanted,
    /// The file is of another version.
    Other,
    /// The name does not say it in a form that all installers read the same.
    Unclear,
}

/// Returns whether a file of a project is one of a version. Local versions, trailing zeros and spellings make no
/// difference: `==1.2.3` also selects `1.2.3.0` and `1.2.3+x` (PEP 440, "Version matching").
#[must_use]
pub fn version_of_file(file_name: &str, project: &str, version: &str) -> VersionMatch {
    let Some(wanted) = public_version(version) else { return VersionMatch::Unclear };
    let spellings = version_spellings(file_name, project);
    let versions: Vec<pep440_rs::Version> = spellings.iter().filter_map(|it| public_version(it)).collect();
    if versions.contains(&wanted) {
        VersionMatch::Wanted
    } else if versions.is_empty() {
        VersionMatch::Unclear
    } else {
        VersionMatch::Other
    }
}

/// Returns the version that a file name states, in its normal form and without its local part. `None` if it is unclear.
#[must_use]
pub fn stated_version(file_name: &str, project: &str) -> Option<String> {
    let spellings = version_spellings(file_name, project);
    spellings.iter().find_map(|it| normal_version(it))
}

/// Returns a version in its normal form and without its local part. `None` if the text is none.
#[must_use]
pub fn normal_version(text: &str) -> Option<String> {
    public_version(text).map(|it| it.to_string())
}

/// Returns the spellings of the version in a file name.
fn version_spellings(file_name: &str, project: &str) -> Vec<String> {
    if file_name.len() > MAX_NAME_BYTES {
        return Vec::new();
    }
    match file_name.strip_suffix(".whl") {
        Some(stem) => wheel_versions(stem, project),
        None => archive_version(file_name, project).into_iter().collect(),
    }
}

/// Returns a version without its local part. `None` if the text is none.
fn public_version(text: &str) -> Option<pep440_rs::Version> {
    pep440_rs::Version::from_str(text.trim()).ok().map(pep440_rs::Version::without_local)
}

/// Returns the spellings of the version in the name of a wheel without its ending. Older installers read `_` as `-`.
fn wheel_versions(stem: &str, project: &str) -> Vec<String> {
    let parts: Vec<&str> = stem.split('-').collect();
    match parts[..] {
        [name, version, _, _, _] | [name, version, _, _, _, _] if is_name_of(name, project) => {
            vec![version.to_owned(), version.replace('_', "-")]
        }
        _ => Vec::new(),
    }
}

/// Returns the version in the name of an archive: what follows the first `-` before which the name of the project ends.
fn archive_version(file_name: &str, project: &str) -> Option<String> {
    let stem = ARCHIVE_ENDINGS.iter().find_map(|it| file_name.strip_suffix(it))?;
    let (end, _) = stem.match_indices('-').find(|(end, _)| is_name_of(&stem[..*end], project))?;
    Some(stem[end + 1..].to_owned())
}

fn is_name_of(name: &str, project: &str) -> bool {
    normalized_name(name) == normalized_name(project)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(file: &str, version: &str) -> VersionMatch {
        version_of_file(file, "my-widgets", version)
    }

    #[test]
    fn files_of_a_version_are_found_in_every_spelling() {
        for file in [
            "my_widgets-1.2.3-py3-none-any.whl",
            "my_widgets-1.2.3-9-py3-none-any.whl",
            "my_widgets-1.2.3.0-9-py3-none-any.whl",
            "my_widgets-0!1.2.3-9-py3-none-any.whl",
            "my_widgets-v1.2.3-9-py3-none-any.whl",
            "my_widgets-1.2.3+evil-py3-none-any.whl",
            "My.Widgets-1.2.3.tar.gz",
            "my-widgets-1.2.3.0.0.tar.gz",
            "my_widgets-1.2.3.0.zip",
            "my_widgets- 1.2.3.tar.gz",
        ] {
            assert_eq!(of(file, "1.2.3"), VersionMatch::Wanted, "{file}");
            for other in ["1.2.4", "1.2", "1.2.3rc1", "1!1.2.3"] {
                assert_eq!(of(file, other), VersionMatch::Other, "{file} {other}");
            }
        }
        assert_eq!(of("my_widgets-1.2.3-rc1.tar.gz", "1.2.3rc1"), VersionMatch::Wanted);
        assert_eq!(of("my_widgets-1.2.3-1.tar.gz", "1.2.3.post1"), VersionMatch::Wanted);
        assert_eq!(of("my_widgets-1.2.3_1-py3-none-any.whl", "1.2.3.post1"), VersionMatch::Wanted);
    }

    #[test]
    fn stated_versions_are_in_their_normal_form() {
        let of = |file: &str| stated_version(file, "my-widgets");
        assert_eq!(of("my_widgets-v1.2.3-RC1.tar.gz").as_deref(), Some("1.2.3rc1"));
        assert_eq!(of("my_widgets-1.2.3+x-py3-none-any.whl").as_deref(), Some("1.2.3"));
        assert_eq!(of("my_widgets.egg"), None);
    }

    #[test]
    fn other_names_are_unclear() {
        for file in [
            "my_widgets-1.2.3-py3.10.egg",
            "my_widgets-1.2.3.win-amd64.exe",
            "my_widgets_extra-1.2.3.tar.gz",
            "other-1.2.3-py3-none-any.whl",
            "my_widgets-1.2.3-py3-none.whl",
            "my_widgets-x.tar.gz",
            "",
        ] {
            assert_eq!(of(file, "1.2.3"), VersionMatch::Unclear, "{file}");
        }
        assert_eq!(of(&"-".repeat(100_000), "1.2.3"), VersionMatch::Unclear);
    }
}
