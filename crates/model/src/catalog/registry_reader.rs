//! The reader of the table `[registries]`.

use toml::Spanned;

use super::config::{CatalogError, RegistryAddresses};
use super::tables::RawRegistries;
use crate::RepoPath;
use crate::package::registry::{ChecksumDatabase, KeySource};

/// Returns the addresses of registries. `error_at` makes the error for a value.
pub(super) fn registries(
    raw: RawRegistries,
    error_at: &dyn Fn(&Spanned<String>, String) -> CatalogError,
) -> Result<RegistryAddresses, CatalogError> {
    let address = |it: Spanned<String>| {
        let is_url = it.get_ref().starts_with("https://") || it.get_ref().starts_with("http://");
        if is_url && !it.get_ref().contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Ok(it.into_inner());
        }
        Err(error_at(&it, "invalid address: expected a URL, as in https://example.com/simple".to_owned()))
    };
    for key in &raw.npm_keys {
        if !key.get_ref().starts_with("SHA256:") {
            let message = format!("invalid key id '{}': expected SHA256: and base64", key.get_ref());
            return Err(error_at(key, message));
        }
    }
    let database = raw.go_checksum_database.map(|it| {
        let expected =
            "invalid checksum database: expected NAME+HASH+KEY, then a URL if it is not https://NAME";
        ChecksumDatabase::parse(it.get_ref()).ok_or_else(|| error_at(&it, expected.to_owned()))
    });
    let fingerprint = |it: Spanned<String>| {
        if is_fingerprint(it.get_ref()) {
            return Ok(it.get_ref().to_ascii_uppercase());
        }
        let message = format!("invalid fingerprint '{}': expected 40 or 64 hexadecimal digits", it.get_ref());
        Err(error_at(&it, message))
    };
    let key_source = match (raw.openpgp_keyring, raw.openpgp_keyserver) {
        (Some(_), Some(server)) => {
            let message = "openpgp_keyring is set, too: expected one of the two".to_owned();
            return Err(error_at(&server, message));
        }
        (Some(file), None) => {
            RepoPath::parse(file.get_ref()).map_err(|error| error_at(&file, error.to_string()))?;
            Some(KeySource::File(file.into_inner()))
        }
        (None, Some(server)) => Some(KeySource::Server(address(server)?.trim_end_matches('/').to_owned())),
        (None, None) => None,
    };
    Ok(RegistryAddresses {
        pypi: raw.pypi.map(address).transpose()?,
        npm: raw.npm.map(address).transpose()?,
        npm_keys: raw.npm_keys.into_iter().map(Spanned::into_inner).collect(),
        go: raw.go.map(address).transpose()?,
        go_checksum_database: database.transpose()?,
        nuget: raw.nuget.map(address).transpose()?,
        maven: raw.maven.map(address).transpose()?,
        openpgp_keys: raw.openpgp_keys.into_iter().map(fingerprint).collect::<Result<_, _>>()?,
        key_source,
    })
}

/// Returns whether a text is the fingerprint of an OpenPGP key or of a certificate: 40 or 64 hexadecimal digits.
pub(super) fn is_fingerprint(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
