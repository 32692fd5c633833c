//! Release tags (`<target>/v<version>` or `<target>/<version>`), and the names that are derived from them.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::catalog::version::{Version, VersionError};
use crate::catalog::{Catalog, TagForm, Target};

/// The tag of a release: a configured target and a valid version, in the form that the target's tags have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseTag {
    target: String,
    display_name: String,
    archive_prefix: String,
    label: String,
    version: Version,
}

/// The error for a text that is not a release tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// No configured target has this id or alias.
    #[error("unknown target '{given}'{}", nearest.as_ref().map(|it| format!("; did you mean '{it}'?")).unwrap_or_default())]
    UnknownTarget {
        /// The target's name as given.
        given: String,
        /// The most similar id or alias. `None` if none is similar.
        nearest: Option<String>,
    },
    /// The text has a version but no target.
    #[error("'{0}' has no target: expected TARGET/{0}")]
    NoTarget(String),
    /// The text has a target but no version.
    #[error("'{given}' has no version: expected {expected}")]
    NoVersion {
        /// The target's id.
        given: String,
        /// An example of the target's tags, as in `server/v1.2.3`.
        expected: String,
    },
    /// The version is not valid in the target's scheme.
    #[error("{cause}; expected {expected}")]
    Version {
        /// What is wrong with the version.
        cause: VersionError,
        /// An example of the target's tags, as in `server/v1.2.3`.
        expected: String,
    },
}

impl ReleaseTag {
    /// Parses a tag: a target's id or alias, a slash and a version, as in `server/v0.1.14`. The longest matching id or
    /// alias is used, because ids may contain slashes.
    ///
    /// # Errors
    /// [`TagError`], with an example of the target's tags or the most similar target.
    pub fn parse(catalog: &Catalog, text: &str) -> Result<Self, TagError> {
        let found = catalog
            .targets()
            .iter()
            .flat_map(|target| target.names().map(move |name| (target, name)))
            .filter_map(|(target, name)| Some((target, name, text.strip_prefix(name)?)))
            .filter(|(_, _, rest)| rest.is_empty() || rest.starts_with('/'))
            .max_by_key(|(_, name, _)| name.len());
        match found {
            Some((target, _, rest)) => {
                Self::for_target(catalog, target, rest.strip_prefix('/').unwrap_or(rest))
            }
            None => Err(match text.rsplit_once('/') {
                Some((target, _)) => unknown_target(catalog, target),
                None if text.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) => {
                    TagError::NoTarget(text.to_owned())
                }
                None => unknown_target(catalog, text),
            }),
        }
    }

    /// Returns the tag for a target's id or alias and a version: the form of `create-release.sh --target --version`.
    ///
    /// # Errors
    /// [`TagError`], with an example of the target's tags or the most similar target.
    pub fn new(catalog: &Catalog, target: &str, version: &str) -> Result<Self, TagError> {
        Self::for_target(catalog, catalog.known_target(target)?, version)
    }

    fn for_target(catalog: &Catalog, target: &Target, typed: &str) -> Result<Self, TagError> {
        let expected = format!(
            "{}/{}",
            target.id,
            if target.tag_form == TagForm::VPrefixed { "v1.2.3" } else { "1.2.3" }
        );
        if typed.is_empty() {
            return Err(TagError::NoVersion { given: target.id.clone(), expected });
        }
        let bare = typed.strip_prefix('v').unwrap_or(typed);
        let version =
            Version::parse(target.scheme, bare).map_err(|cause| TagError::Version { cause, expected })?;
        let label = match target.tag_form {
            TagForm::VPrefixed => format!("v{bare}"),
            TagForm::Bare => typed.to_owned(),
        };
        Ok(Self {
            target: target.id.clone(),
            display_name: target.display_name.clone(),
            archive_prefix: catalog.archive_prefix.clone(),
            label,
            version,
        })
    }

    /// Returns the tag's name: `server/v0.1.14`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.target, self.label)
    }

    /// Returns the full name of the tag's reference: `refs/tags/server/v0.1.14`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("refs/tags/{}", self.name())
    }

    /// The id of the target, never an alias.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The version, without `v`.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The version as written in the tag: with `v` if the tag has one.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the title of the release: `OpenSandbox Server v0.1.14`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.display_name, self.label)
    }

    /// Returns the message of the tag object: `release: OpenSandbox Server v0.1.14`.
    #[must_use]
    pub fn message(&self) -> String {
        format!("release: {}", self.title())
    }

    /// Returns the name with `/` and `:` replaced by `-`, for names of files and folders.
    #[must_use]
    pub fn safe_name(&self) -> String {
        self.name().replace(['/', ':'], "-")
    }

    /// Returns the name of the source archive's top folder: `opensandbox-server-v0.1.14`.
    #[must_use]
    pub fn archive_directory(&self) -> String {
        format!("{}-{}", self.archive_prefix, self.safe_name())
    }

    /// Returns the file name of the source archive: `opensandbox-server-v0.1.14.tar.gz`.
    #[must_use]
    pub fn archive_name(&self) -> String {
        format!("{}.tar.gz", self.archive_directory())
    }
}

impl fmt::Display for ReleaseTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.target, self.label)
    }
}

impl Serialize for ReleaseTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Catalog {
    /// Returns the target with this id or alias.
    ///
    /// # Errors
    /// [`TagError::UnknownTarget`], with the most similar target.
    pub fn known_target(&self, name: &str) -> Result<&Target, TagError> {
        self.target(name).ok_or_else(|| unknown_target(self, name))
    }
}

/// Returns the error for an unknown target, with the most similar id or alias: the one that shares the most pairs of
/// adjacent bytes with the given name (the Dice coefficient), if it is at least 0.5.
fn unknown_target(catalog: &Catalog, given: &str) -> TagError {
    let pairs =
        |text: &str| -> Vec<[u8; 2]> { text.as_bytes().windows(2).map(|it| [it[0], it[1]]).collect() };
    let given_pairs = pairs(given);
    let nearest = catalog
        .targets()
        .iter()
        .flat_map(Target::names)
        .map(|name| {
            let name_pairs = pairs(name);
            let shared = name_pairs.iter().filter(|it| given_pairs.contains(it)).count();
            (200 * shared / (name_pairs.len() + given_pairs.len()).max(1), name)
        })
        .filter(|(score, _)| *score >= 50)
        .max_by_key(|(score, _)| *score)
        .map(|(_, name)| name.to_owned());
    TagError::UnknownTarget { given: given.to_owned(), nearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn catalog() -> Catalog {
        Catalog::parse("release.toml", include_str!("../../../../release.toml")).unwrap()
    }

    proptest! {
        #[test]
        fn parsed_tags_keep_their_name_in_asset_names(
            target in 0usize..22, v in proptest::bool::ANY, version in "[0-9a-z.+-]{1,12}|[0-9]\\.[0-9]\\.[0-9]([-+][a-z0-9.]{1,4})?",
        ) {
            let catalog = catalog();
            let id = &catalog.targets()[target].id;
            if let Ok(tag) = ReleaseTag::parse(&catalog, &format!("{id}/{}{version}", if v { "v" } else { "" })) {
                prop_assert_eq!(&ReleaseTag::parse(&catalog, &tag.name()).unwrap(), &tag);
                prop_assert_eq!(&ReleaseTag::new(&catalog, id, tag.label()).unwrap(), &tag);
                // GitHub replaces all other characters in the names of assets, so the URL would differ from the name.
                prop_assert!(tag.archive_name().chars().all(|c| c.is_ascii_alphanumeric() || "-_+@.".contains(c)));
            }
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
            let catalog = catalog();
            if let Ok(tag) = ReleaseTag::parse(&catalog, &text) {
                prop_assert!(catalog.target(tag.target()).is_some());
            }
        }
    }
}
