//! The types of the release configuration: repository names, targets with their channels, and trusted signers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::version::Scheme;
use crate::evidence::signature::SigstoreIdentity;
use crate::package::registry::{ChecksumDatabase, KeySource, RegistryKind};
use crate::{RepoPath, RepoSlug};

/// The content of `release.toml`, checked.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The repository's names on GitHub, at least one, the current one first.
    pub identities: Vec<RepositoryIdentity>,
    /// The branch that releases are made from, used if the clone does not know the remote's default branch.
    pub default_branch: String,
    /// The id of the target whose releases become GitHub's latest release. With `None`, only `--latest true` makes one.
    pub latest_target: Option<String>,
    /// The first part of the names of archives and of their top folders, as in `opensandbox`.
    pub archive_prefix: String,
    /// The registries that every image is pushed to, without the image's name.
    pub image_registries: Vec<String>,
    /// The file name of the workflow that attests source archives, under `.github/workflows/`.
    pub source_workflow: String,
    /// The addresses of package registries, as far as they are configured.
    pub registries: RegistryAddresses,
    /// Patterns of the names or e-mail addresses of bots; `*` matches any text.
    pub bot_patterns: Vec<String>,
    /// The trusted signers of tags. `None` without a `[signers]` table.
    pub signer_policy: Option<TagSignerPolicy>,
    pub(super) targets: Vec<Target>,
}

/// The addresses of package registries (`[registries]`). An address that is not set is that of the installed client, or
/// for Go that of the public proxy and database.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RegistryAddresses {
    /// The simple index of PyPI or of a mirror.
    pub pypi: Option<String>,
    /// The npm registry.
    pub npm: Option<String>,
    /// The ids of the keys that may sign npm packages. Empty if every key that the registry lists may.
    pub npm_keys: Vec<String>,
    /// The Go module proxy.
    pub go: Option<String>,
    /// The checksum database for Go modules.
    pub go_checksum_database: Option<ChecksumDatabase>,
    /// The service index of the NuGet registry.
    pub nuget: Option<String>,
    /// The Maven repository.
    pub maven: Option<String>,
    /// The fingerprints of the primary keys that may sign Maven artifacts and charts, in upper-case hexadecimal digits.
    pub openpgp_keys: Vec<String>,
    /// Where the public keys with these fingerprints are. `None` for keys.openpgp.org.
    pub key_source: Option<KeySource>,
}

/// The policy for tag signatures (`[signers]`): paths of files in the repository, and what in them is trusted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TagSignerPolicy {
    /// The file of SSH keys and their principals, in OpenSSH's `allowed_signers` format.
    pub allowed_signers: Option<String>,
    /// The file of revoked SSH keys, one public key per line.
    pub revoked_keys: Option<String>,
    /// The file of OpenPGP public keys, as `gpg --export` writes it.
    pub openpgp_keyring: Option<String>,
    /// The fingerprints of the keyring's trusted primary keys, in hexadecimal digits. Other keys in it are ignored.
    pub openpgp_fingerprints: Vec<String>,
    /// The file of X.509 certificates, in PEM or DER.
    pub x509_certificates: Option<String>,
    /// The fingerprints of the trusted certificates in that file, as gpgsm prints them (SHA-1).
    pub x509_fingerprints: Vec<String>,
    /// The trusted identities of Sigstore certificates, which gitsign signs with.
    pub sigstore: Vec<SigstoreIdentity>,
}

/// One name of the repository on GitHub, and when it began: a rename or a transfer gives it another.
#[derive(Debug, Clone)]
pub struct RepositoryIdentity {
    /// The repository's name in this period.
    pub slug: RepoSlug,
    /// The first day of the name, `YYYY-MM-DD`. `None` for the first name.
    pub since: Option<String>,
    /// The repository's id on GitHub, which survives renames. `None` if it is not pinned.
    pub repository_id: Option<u64>,
    /// The owner's id on GitHub. `None` if it is not pinned.
    pub owner_id: Option<u64>,
}

impl RepositoryIdentity {
    /// Returns the first second of the name, since 1970 in UTC. Returns `None` for the first name.
    #[must_use]
    pub fn starts_at(&self) -> Option<i64> {
        self.since.as_deref().and_then(crate::base::time::parse_date)
    }
}

/// A component that is released under its own tags.
#[derive(Debug, Clone)]
pub struct Target {
    /// The id: the prefix of its tags, without the last slash, as in `server` or `sdks/python`.
    pub id: String,
    /// Other names that the command line accepts in place of the id.
    pub aliases: Vec<String>,
    /// The name in titles of releases, as in `OpenSandbox Server`.
    pub display_name: String,
    /// Whether its tags have a `v` before the version.
    pub tag_form: TagForm,
    /// The version scheme: SemVer or PEP 440.
    pub scheme: Scheme,
    /// The file name of the workflow that publishes it, under `.github/workflows/`.
    pub workflow: String,
    /// The paths whose commits are listed in its release notes, at least one.
    pub paths: Vec<RepoPath>,
    /// The file that must state the tag's version. `None` if only the tag states it.
    pub version_source: Option<VersionSource>,
    /// The places where users get it from.
    pub channels: Vec<Channel>,
}

/// Whether a target's tags have a `v` before the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagForm {
    /// `<target>/v<version>`. The `v` is added if it was not typed.
    #[serde(rename = "v")]
    VPrefixed,
    /// `<target>/<version>`, with or without `v` as typed. A pre-flight check compares it with the target's other tags.
    #[serde(rename = "plain")]
    Bare,
}

/// The file that states a target's version, and the keys to read from it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VersionSource {
    /// The path of the file, relative to the repository's root.
    pub file: String,
    /// The format of the file.
    pub format: SourceFormat,
    /// The keys that state the version, at least one; all must agree. Their syntax depends on the format.
    pub keys: Vec<String>,
    /// Whether another version in the file is only a warning, because the build overrides the file.
    #[serde(default)]
    pub advisory: bool,
}

/// The formats of files that state a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceFormat {
    /// JSON; keys are JSON pointers (RFC 6901).
    Json,
    /// Java properties; keys are property names.
    Properties,
    /// YAML; keys are names at the top level.
    Yaml,
    /// XML; keys are element names, of which the first element in the document is read.
    Xml,
    /// `go.mod`, which states only a major version: from v2 on, the module path must end in it.
    GoMod,
}

/// A distribution channel: a place where users get a target from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// The name of a package on npm.
    Npm(String),
    /// The name of a package on PyPI.
    Pypi(String),
    /// The name of a package on nuget.org.
    Nuget(String),
    /// Artifacts on Maven Central.
    Maven {
        /// The group id.
        group: String,
        /// The artifact ids.
        artifacts: Vec<String>,
    },
    /// The name of a container image, which is in every registry of [`Catalog::image_registries`].
    Image(String),
    /// The name of a Helm chart, which is an asset of the release.
    Helm(String),
    /// The path of a Go module, served by the Go module proxy.
    Go(String),
}

impl fmt::Display for Channel {
    /// Writes the kind and the name, as in `image server`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pypi(name) => write!(f, "pypi {name}"),
            Self::Npm(name) => write!(f, "npm {name}"),
            Self::Go(name) => write!(f, "go {name}"),
            Self::Nuget(name) => write!(f, "nuget {name}"),
            Self::Maven { group, artifacts } => write!(f, "maven {group}:{}", artifacts.join(", ")),
            Self::Image(name) => write!(f, "image {name}"),
            Self::Helm(name) => write!(f, "helm {name}"),
        }
    }
}

impl Channel {
    /// Returns the kind of registry and the name of each package of the channel. A Maven name has the form
    /// `GROUP:ARTIFACT`. Empty for container images.
    #[must_use]
    pub fn packages(&self) -> Vec<(RegistryKind, String)> {
        let (kind, name) = match self {
            Self::Pypi(name) => (RegistryKind::Pypi, name),
            Self::Npm(name) => (RegistryKind::Npm, name),
            Self::Go(name) => (RegistryKind::Go, name),
            Self::Nuget(name) => (RegistryKind::Nuget, name),
            Self::Helm(name) => (RegistryKind::Helm, name),
            Self::Maven { group, artifacts } => {
                let name = |it: &String| (RegistryKind::Maven, format!("{group}:{it}"));
                return artifacts.iter().map(name).collect();
            }
            Self::Image(_) => return Vec::new(),
        };
        vec![(kind, name.clone())]
    }
}

/// The error for an invalid release configuration, with its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|it| format!(":{it}")).unwrap_or_default())]
pub struct CatalogError {
    /// The name of the file, as given by the caller.
    pub file: String,
    /// The line, counted from 1. `None` if the error belongs to no single line.
    pub line: Option<usize>,
    /// What was found and what was expected.
    pub message: String,
}

impl Catalog {
    /// The targets, at least one, in the order of `release.toml`.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Returns the target with this id or alias. Returns `None` if there is no such target.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|it| it.names().any(|known| known == name))
    }

    /// The repository's current name.
    #[must_use]
    pub fn slug(&self) -> &RepoSlug {
        &self.identities[0].slug
    }
}

impl Target {
    /// Returns the id, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}
