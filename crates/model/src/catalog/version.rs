//! Versions: [SemVer 2.0.0](https://semver.org), and [PEP 440](https://peps.python.org/pep-0440/) for what is
//! published to PyPI.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The version scheme of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Semantic Versioning 2.0.0.
    SemVer,
    /// PEP 440, Python's version scheme. It also accepts the SemVer spellings `-rc.1`, `-alpha.1` and `-beta.1`.
    Pep440,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SemVer => "SemVer",
            Self::Pep440 => "PEP 440",
        })
    }
}

/// A valid version, without the `v` that a tag may have before it. It keeps the text as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    text: String,
    parsed: ParsedVersion,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ParsedVersion {
    SemVer(semver::Version),
    Pep440(pep440_rs::Version),
}

/// The error for a text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The text does not match the grammar of the scheme.
    #[error("'{text}' is not a {scheme} version: {reason}")]
    Grammar {
        /// The text as given.
        text: String,
        /// The scheme that was expected.
        scheme: Scheme,
        /// The message of the parser.
        reason: String,
    },
    /// The text has a character that git references or GitHub asset names do not allow.
    #[error("invalid character '{found}' in version '{text}': expected letters, digits, '.', '-' and '+'")]
    Character {
        /// The text as given.
        text: String,
        /// The first character that is not allowed.
        found: char,
    },
}

impl Version {
    /// Parses a version. A leading `v` is rejected: it belongs to the tag, not to the version.
    ///
    /// A version has at least three release numbers (`0.1` is rejected) and only characters that git references and
    /// GitHub asset names keep unchanged. That excludes the epochs of PEP 440, which need a `!`.
    ///
    /// # Errors
    /// [`VersionError`], with the text and the reason.
    pub fn parse(scheme: Scheme, text: &str) -> Result<Self, VersionError> {
        if let Some(found) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !".-+".contains(*c)) {
            return Err(VersionError::Character { text: text.to_owned(), found });
        }
        let grammar = |reason: String| VersionError::Grammar { text: text.to_owned(), scheme, reason };
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(grammar("it must start with a number".to_owned()));
        }
        let parsed = match scheme {
            Scheme::SemVer => {
                ParsedVersion::SemVer(semver::Version::parse(text).map_err(|e| grammar(e.to_string()))?)
            }
            Scheme::Pep440 => {
                let version = pep440_rs::Version::from_str(text).map_err(|e| grammar(e.to_string()))?;
                if version.release().len() < 3 {
                    return Err(grammar("it needs three release numbers, as in 1.2.3".to_owned()));
                }
                ParsedVersion::Pep440(version)
            }
        };
        Ok(Self { text: text.to_owned(), parsed })
    }

    /// The scheme that the version was parsed with.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match self.parsed {
            ParsedVersion::SemVer(_) => Scheme::SemVer,
            ParsedVersion::Pep440(_) => Scheme::Pep440,
        }
    }

    /// The version as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the spelling in package file names: PEP 440 in its normal form (`0.1.5-rc.1` becomes `0.1.5rc1`), SemVer
    /// as typed.
    #[must_use]
    pub fn canonical(&self) -> String {
        match &self.parsed {
            ParsedVersion::SemVer(_) => self.text.clone(),
            ParsedVersion::Pep440(version) => version.to_string(),
        }
    }

    /// Compares two versions by precedence. Build metadata (SemVer, section 10) and PEP 440 local versions are ignored.
    ///
    /// A target never mixes schemes. Versions of different schemes are compared as text, so that the order is total.
    #[must_use]
    pub fn cmp_precedence(&self, other: &Self) -> Ordering {
        match (&self.parsed, &other.parsed) {
            (ParsedVersion::SemVer(a), ParsedVersion::SemVer(b)) => a.cmp_precedence(b),
            (ParsedVersion::Pep440(a), ParsedVersion::Pep440(b)) => {
                a.clone().without_local().cmp(&b.clone().without_local())
            }
            _ => self.text.cmp(&other.text),
        }
    }

    /// Returns true for a pre-release. In SemVer that is a version with a pre-release part; in PEP 440 it is an alpha,
    /// beta, rc or dev release.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        match &self.parsed {
            ParsedVersion::SemVer(version) => !version.pre.is_empty(),
            ParsedVersion::Pep440(version) => version.any_prerelease(),
        }
    }

    /// Returns the release line: the major and minor number. A new version must be above the others of its line.
    #[must_use]
    pub fn release_line(&self) -> (u64, u64) {
        let numbers = self.numbers();
        (numbers.0, numbers.1)
    }

    /// Returns the final version that follows this one after changes of this weight.
    #[must_use]
    pub fn next(&self, bump: Bump) -> String {
        let (major, minor, patch) = self.numbers();
        match bump {
            Bump::Breaking if major == 0 => format!("0.{}.0", minor + 1),
            Bump::Breaking => format!("{}.0.0", major + 1),
            Bump::Feature if major > 0 => format!("{major}.{}.0", minor + 1),
            Bump::Feature | Bump::Fix if self.is_prerelease() => format!("{major}.{minor}.{patch}"),
            Bump::Feature | Bump::Fix => format!("{major}.{minor}.{}", patch + 1),
        }
    }

    fn numbers(&self) -> (u64, u64, u64) {
        match &self.parsed {
            ParsedVersion::SemVer(version) => (version.major, version.minor, version.patch),
            ParsedVersion::Pep440(version) => {
                let release = version.release();
                (release[0], release[1], release[2])
            }
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which number of the version the changes since the last release increase. Below 1.0, breaking changes increase the
/// minor number and features the patch number, as Cargo and Elixir read SemVer, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bump {
    /// Only fixes and maintenance: the patch number.
    Fix,
    /// A new feature that breaks nothing: the minor number.
    Feature,
    /// A change that users must act on: the major number.
    Breaking,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn semver(text: &str) -> Version {
        Version::parse(Scheme::SemVer, text).unwrap()
    }

    fn pep440(text: &str) -> Version {
        Version::parse(Scheme::Pep440, text).unwrap()
    }

    #[test]
    fn malformed_versions_are_rejected() {
        for text in
            ["latest foo", "v", "", "0.1", "v1.2.3", "1.2.3.", "01.2.3", "1!2.3.4", "1.2.3(", "1.2.3|.*"]
        {
            assert!(Version::parse(Scheme::SemVer, text).is_err(), "SemVer accepted {text:?}");
        }
        for text in ["latest foo", "v", "", "0.1", "v1.2.3", "1.2.3-", "1!2.3.4", "1.2.3-foo.1", "1.2.3\n"] {
            assert!(Version::parse(Scheme::Pep440, text).is_err(), "PEP 440 accepted {text:?}");
        }
    }

    #[test]
    fn semver_precedence_matches_section_11() {
        let ascending = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(semver(pair[0]).cmp_precedence(&semver(pair[1])), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn pep440_order_matches_the_specification() {
        let ascending = [
            "1.0.0.dev456",
            "1.0.0a1",
            "1.0.0a2.dev456",
            "1.0.0a12",
            "1.0.0b1.dev456",
            "1.0.0b2",
            "1.0.0rc1.dev456",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.0.post456.dev34",
            "1.0.0.post456",
            "1.1.0.dev1",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(pep440(pair[0]).cmp_precedence(&pep440(pair[1])), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn build_metadata_is_ignored_in_precedence() {
        assert_eq!(semver("1.0.0+a").cmp_precedence(&semver("1.0.0+b")), Ordering::Equal);
        assert_eq!(pep440("1.0.0+a").cmp_precedence(&pep440("1.0.0")), Ordering::Equal);
        assert_eq!(semver("1.0.0+a").cmp_precedence(&semver("1.0.1+a")), Ordering::Less);
    }

    #[test]
    fn bumps_to_the_next_version() {
        assert_eq!(semver("1.2.3").next(Bump::Breaking), "2.0.0");
        assert_eq!(semver("1.2.3").next(Bump::Feature), "1.3.0");
        assert_eq!(semver("1.2.3").next(Bump::Fix), "1.2.4");
        assert_eq!(semver("0.2.3").next(Bump::Breaking), "0.3.0");
        assert_eq!(semver("0.2.3").next(Bump::Feature), "0.2.4");
        assert_eq!(semver("1.2.3-rc.1").next(Bump::Fix), "1.2.3");
        assert_eq!(pep440("0.1.5.dev0").next(Bump::Fix), "0.1.5");
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,20}") {
            for scheme in [Scheme::SemVer, Scheme::Pep440] {
                if let Ok(version) = Version::parse(scheme, &text) {
                    prop_assert_eq!(version.as_str(), text.as_str());
                    prop_assert_eq!(version.cmp_precedence(&version), Ordering::Equal);
                }
            }
        }

        #[test]
        fn precedence_follows_the_numbers(a in (0u64..50, 0u64..50, 0u64..50), b in (0u64..50, 0u64..50, 0u64..50)) {
            let spell = |n: (u64, u64, u64)| format!("{}.{}.{}", n.0, n.1, n.2);
            prop_assert_eq!(semver(&spell(a)).cmp_precedence(&semver(&spell(b))), a.cmp(&b));
            prop_assert_eq!(pep440(&spell(a)).cmp_precedence(&pep440(&spell(b))), a.cmp(&b));
        }

        #[test]
        fn the_next_version_has_higher_precedence(n in (0u64..50, 0u64..50, 0u64..50), pre in proptest::bool::ANY) {
            let text = format!("{}.{}.{}{}", n.0, n.1, n.2, if pre { "-rc.1" } else { "" });
            for bump in [Bump::Fix, Bump::Feature, Bump::Breaking] {
                let version = semver(&text);
                prop_assert_eq!(version.cmp_precedence(&semver(&version.next(bump))), Ordering::Less);
            }
        }
    }
}
