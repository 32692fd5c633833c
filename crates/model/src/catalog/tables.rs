//! The tables of `release.toml` as TOML has them, with the position of every value that is checked.

use serde::Deserialize;
use toml::Spanned;

use super::config::{Channel, TagForm, VersionSource};
use super::version::Scheme;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCatalog {
    pub(super) repository: RawRepository,
    pub(super) archive: RawArchive,
    pub(super) images: RawImages,
    #[serde(default)]
    pub(super) registries: RawRegistries,
    pub(super) contributors: RawContributors,
    pub(super) signers: Option<RawSigners>,
    pub(super) target: Vec<RawTarget>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRepository {
    pub(super) default_branch: String,
    pub(super) latest: Option<Spanned<String>>,
    pub(super) eras: Vec<RawRepositoryIdentity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRepositoryIdentity {
    pub(super) slug: Spanned<String>,
    pub(super) since: Option<Spanned<String>>,
    pub(super) repository_id: Option<u64>,
    pub(super) owner_id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArchive {
    pub(super) prefix: Spanned<String>,
    pub(super) workflow: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawImages {
    pub(super) registries: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRegistries {
    pub(super) pypi: Option<Spanned<String>>,
    pub(super) npm: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) npm_keys: Vec<Spanned<String>>,
    pub(super) go: Option<Spanned<String>>,
    pub(super) go_checksum_database: Option<Spanned<String>>,
    pub(super) nuget: Option<Spanned<String>>,
    pub(super) maven: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) openpgp_keys: Vec<Spanned<String>>,
    pub(super) openpgp_keyring: Option<Spanned<String>>,
    pub(super) openpgp_keyserver: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawContributors {
    pub(super) bots: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSigners {
    pub(super) allowed_signers: Option<Spanned<String>>,
    pub(super) revoked: Option<Spanned<String>>,
    pub(super) openpgp_keyring: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) openpgp_fingerprints: Vec<Spanned<String>>,
    pub(super) x509_certificates: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) x509_fingerprints: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) sigstore: Vec<RawSigstoreIdentity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSigstoreIdentity {
    pub(super) identity: Spanned<String>,
    pub(super) issuer: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTarget {
    pub(super) id: Spanned<String>,
    #[serde(default)]
    pub(super) aliases: Vec<Spanned<String>>,
    pub(super) display_name: Spanned<String>,
    pub(super) tag_form: TagForm,
    pub(super) versions: Scheme,
    pub(super) workflow: Spanned<String>,
    pub(super) paths: Vec<Spanned<String>>,
    pub(super) version_source: Option<Spanned<VersionSource>>,
    pub(super) channels: Vec<Spanned<Channel>>,
}
