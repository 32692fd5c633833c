//! Versions: [SemVer 2.0.0](https://semver.org), and [PEP 440](https://peps.python.org/pep-0440/) for what is
//! published to PyPI.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The rules that a target's versions follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Semantic Versioning 2.0.0.
    SemVer,
    /// Python's version specifiers, which also read the SemVer spellings `-rc.1`, `-alpha.1` and `-beta.1`.
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

/// A valid version, without the `v` that a tag may put before it. It keeps the text that was typed.
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

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The scheme's grammar refuses it.
    #[error("'{text}' is not a {scheme} version: {reason}")]
    Grammar {
        /// What was given.
        text: String,
        /// The rules that it was read by.
        scheme: Scheme,
        /// The parser's own words.
        reason: String,
    },
    /// It has characters that a tag or an asset name would not keep.
    #[error("'{text}' has '{found}' in it: a version is made of letters, digits, '.', '-' and '+'")]
    Character {
        /// What was given.
        text: String,
        /// The first character that is not allowed.
        found: char,
    },
}

impl Version {
    /// The version that `text` spells under `scheme`. A leading `v` is refused here: it belongs to the tag's form.
    ///
    /// Three release numbers at least (`0.1` is no release of ours), and only characters that git references and
    /// GitHub asset names keep as they are, which rules out PEP 440 epochs.
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

    /// The rules that it follows.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match self.parsed {
            ParsedVersion::SemVer(_) => Scheme::SemVer,
            ParsedVersion::Pep440(_) => Scheme::Pep440,
        }
    }

    /// The text as it was typed, without a `v`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The spelling that package files have: PEP 440's normal form (`0.1.5-rc.1` becomes `0.1.5rc1`), SemVer as typed.
    #[must_use]
    pub fn canonical(&self) -> String {
        match &self.parsed {
            ParsedVersion::SemVer(_) => self.text.clone(),
            ParsedVersion::Pep440(version) => version.to_string(),
        }
    }

    /// The order of releases. Build metadata (SemVer section 10) and PEP 440 local versions do not count.
    ///
    /// Versions of different schemes never stand in one target; between them the text decides.
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

    /// Whether it comes before a final release: SemVer prereleases; PEP 440 alpha, beta, rc and dev releases.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        match &self.parsed {
            ParsedVersion::SemVer(version) => !version.pre.is_empty(),
            ParsedVersion::Pep440(version) => version.any_prerelease(),
        }
    }

    /// The release line, major and minor: patches of one line follow each other.
    #[must_use]
    pub fn release_line(&self) -> (u64, u64) {
        let numbers = self.numbers();
        (numbers.0, numbers.1)
    }

    /// The final version that comes after this one when `bump` is asked for.
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

/// What the changes since the last release ask of the next version. Below 1.0 the minor number takes the place of
/// the major one and the patch number that of the minor one, as Cargo and Elixir read SemVer section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bump {
    /// Nothing but fixes and upkeep.
    Fix,
    /// Something new that breaks nothing.
    Feature,
    /// Something that users must act on.
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
            assert!(Version::parse(Scheme::SemVer, text).is_err(), "SemVer took {text:?}");
        }
        for text in ["latest foo", "v", "", "0.1", "v1.2.3", "1.2.3-", "1!2.3.4", "1.2.3-foo.1", "1.2.3\n"] {
            assert!(Version::parse(Scheme::Pep440, text).is_err(), "PEP 440 took {text:?}");
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
