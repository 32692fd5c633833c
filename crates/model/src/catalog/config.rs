//! What `release.toml` configures: repository names, targets with their channels, and who may sign.

use serde::{Deserialize, Serialize};

use super::version::Scheme;
use crate::evidence::signature::SigstoreIdentity;
use crate::{RepoPath, RepoSlug};

/// Everything that `release.toml` says.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The repository's names on GitHub, the present one first.
    pub identities: Vec<RepositoryIdentity>,
    /// The branch that releases are cut from, where the clone does not say.
    pub default_branch: String,
    /// The target whose releases get the badge "Latest"; none where none gets it unasked.
    pub latest_target: Option<String>,
    /// The first word of archive names and of the folder inside.
    pub archive_prefix: String,
    /// Where images live: `<registry>/<image>`.
    pub image_registries: Vec<String>,
    /// The workflow that publishes source archives.
    pub source_workflow: String,
    /// The first day, `YYYY-MM-DD`, from which source archives are attested; none where they always were.
    pub attested_since: Option<String>,
    /// Patterns of names or e-mail addresses that are no people; `*` stands for any text.
    pub bot_patterns: Vec<String>,
    /// Who may sign tags; none where the catalog has no policy.
    pub signer_policy: Option<TagSignerPolicy>,
    pub(super) targets: Vec<Target>,
}

/// The policy of tag signatures: files beside the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSignerPolicy {
    /// SSH keys and whom they belong to, in OpenSSH's `allowed_signers` format.
    pub allowed_signers: Option<String>,
    /// SSH keys that no longer count, one public key a line.
    pub revoked_keys: Option<String>,
    /// OpenPGP public keys, as `gpg --export` writes them.
    pub openpgp_keyring: Option<String>,
    /// The fingerprints of those primary keys of the keyring that count.
    pub openpgp_fingerprints: Vec<String>,
    /// X.509 certificates, in PEM or DER.
    pub x509_certificates: Option<String>,
    /// The SHA-1 fingerprints, as gpgsm tells them, of those of the certificates that count.
    pub x509_fingerprints: Vec<String>,
    /// Whose certificates of Sigstore's count, as gitsign uses them.
    pub sigstore: Vec<SigstoreIdentity>,
}

/// One identity of the repository, and since when it carries it.
#[derive(Debug, Clone)]
pub struct RepositoryIdentity {
    /// The repository on GitHub.
    pub slug: RepoSlug,
    /// The first day, `YYYY-MM-DD`; none for the first era.
    pub since: Option<String>,
    /// The repository's number on GitHub; none where it is not pinned.
    pub repository_id: Option<u64>,
    /// The owner's number; none where it is not pinned.
    pub owner_id: Option<u64>,
}

impl RepositoryIdentity {
    /// The first second of the era, since 1970 in UTC; none for the first one.
    #[must_use]
    pub fn starts_at(&self) -> Option<i64> {
        self.since.as_deref().and_then(crate::base::time::parse_date)
    }
}

/// One thing that is released under tags of its own.
#[derive(Debug, Clone)]
pub struct Target {
    /// The tag prefix without its last slash.
    pub id: String,
    /// Other spellings that people type.
    pub aliases: Vec<String>,
    /// What people call it.
    pub display_name: String,
    /// How its tags spell a version.
    pub tag_form: TagForm,
    /// The rules of its versions.
    pub scheme: Scheme,
    /// The file under `.github/workflows/` that publishes it.
    pub workflow: String,
    /// What its release notes look at.
    pub paths: Vec<RepoPath>,
    /// The file that must agree with the tag; none where the tag itself is the source.
    pub version_source: Option<VersionSource>,
    /// Where the world gets it.
    pub channels: Vec<Channel>,
}

/// How a target's tags spell a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagForm {
    /// `<target>/v<version>`, whether or not the `v` was typed.
    #[serde(rename = "v")]
    VPrefixed,
    /// `<target>/<version>` as typed, in the way that the target's history has it.
    #[serde(rename = "plain")]
    Bare,
}

/// The file that carries a target's version, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VersionSource {
    /// The file, from the repository's root.
    pub file: String,
    /// How the file is read.
    pub format: SourceFormat,
    /// Where the version stands in it; each must agree.
    pub keys: Vec<String>,
    /// Whether a disagreement only warns, because the build overrides the file.
    #[serde(default)]
    pub advisory: bool,
}

/// The formats of version sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceFormat {
    /// JSON; keys are JSON pointers (RFC 6901).
    Json,
    /// Java properties; keys are property names.
    Properties,
    /// YAML; keys are names at the top level.
    Yaml,
    /// XML; keys are element names, the first of each counts.
    Xml,
    /// `go.mod`: the module path must end in the major version from 2 on.
    GoMod,
}

/// A place where users get a target from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A package on npm.
    Npm(String),
    /// A package on PyPI.
    Pypi(String),
    /// A package on nuget.org.
    Nuget(String),
    /// Artifacts on Maven Central.
    Maven {
        /// The group id.
        group: String,
        /// The artifact ids.
        artifacts: Vec<String>,
    },
    /// A container image, in every registry of the catalog.
    Image(String),
    /// A chart, as an asset of the release.
    Helm(String),
    /// A module for the Go proxy.
    Go(String),
}

/// What is wrong with a catalog, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|it| format!(":{it}")).unwrap_or_default())]
pub struct CatalogError {
    /// The file that was read.
    pub file: String,
    /// The line, counted from 1, where one is known.
    pub line: Option<usize>,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Catalog {
    /// Every target, in the catalog's order.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The target of this id or alias.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|it| it.names().any(|known| known == name))
    }

    /// The repository's present name.
    #[must_use]
    pub fn slug(&self) -> &RepoSlug {
        &self.identities[0].slug
    }
}

impl Target {
    /// The id, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}
