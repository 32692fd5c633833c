//! The pre-flight checks, each declared once: its name, and whether the operator may override it.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Declares the checks in the order of reports, each with the name that `--allow` takes and that reports use. The word
/// `overridable` marks those that `--allow` may override. A check whose failure would make the release wrong has no mark.
macro_rules! preflight_checks {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal $($overridable:ident)?;)+) => {
        /// A pre-flight check.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PreflightCheck {
            $($(#[$doc])+ $variant,)+
        }

        impl PreflightCheck {
            /// All checks, in the order of reports.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stable name, for `--allow` and for scripts.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns true if `--allow` may override the check.
            #[must_use]
            pub fn is_overridable(self) -> bool {
                match self {
                    $(Self::$variant => preflight_checks!(@overridable $($overridable)?),)+
                }
            }
        }
    };
    (@overridable) => { false };
    (@overridable overridable) => { true };
}

preflight_checks! {
    /// No tracked file differs from the last commit.
    CleanTree = "clean-tree" overridable;
    /// The commit is on the remote's default branch.
    DefaultBranch = "default-branch" overridable;
    /// The clone is not shallow.
    Shallow = "shallow";
    /// The tag has a `v` before the version if the target's other tags have one.
    TagForm = "tag-form";
    /// The version is above all other versions of its release line.
    Version = "version";
    /// The tag does not exist, or exists at the released commit.
    Tag = "tag";
    /// A previous release exists and is an ancestor of the released commit.
    Previous = "previous" overridable;
    /// Every path filter matches a file or folder.
    Paths = "paths" overridable;
    /// The notes list at least one commit.
    EmptyNotes = "empty-notes" overridable;
    /// The file that states the version agrees with the tag.
    VersionSource = "version-source" overridable;
    /// The packages can be built, and will contain all files that the tree has for them.
    PackageFiles = "package-files" overridable;
    /// The archive depends only on committed attributes.
    Attributes = "attributes";
    /// The tagger is known: `user.name` and `user.email` are set.
    Tagger = "tagger";
    /// The tag is signed, or can be signed, as the flags and `[signers]` require.
    Signing = "signing";
    /// The output folder can be written to without following a symbolic link.
    Output = "output";
    /// The remote does not have the tag, or has the same tag object.
    Origin = "origin";
    /// The token may push to the repository and create releases.
    Credentials = "credentials";
    /// GitHub has no release of the tag, one draft, or a published and complete release.
    Release = "release";
}

impl fmt::Display for PreflightCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for PreflightCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The error for a value that `--allow` does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// There is no check with this name.
    #[error("unknown check '{0}'; checks that can be allowed: {names}", names = overridable_names())]
    UnknownCheck(String),
    /// The check may not be overridden.
    #[error("'{0}' cannot be allowed: a release that fails it would be wrong; checks that can be allowed: {names}", names = overridable_names())]
    NotOverridable(PreflightCheck),
}

fn overridable_names() -> String {
    let names: Vec<&str> =
        PreflightCheck::ALL.iter().filter(|it| it.is_overridable()).map(|it| it.name()).collect();
    names.join(", ")
}

impl FromStr for PreflightCheck {
    type Err = OverrideError;

    fn from_str(text: &str) -> Result<Self, OverrideError> {
        let check = Self::ALL.iter().copied().find(|it| it.name() == text);
        let check = check.ok_or_else(|| OverrideError::UnknownCheck(text.to_owned()))?;
        if check.is_overridable() { Ok(check) } else { Err(OverrideError::NotOverridable(check)) }
    }
}
