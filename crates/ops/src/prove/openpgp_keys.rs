//! The public keys that verify signatures of packages, in the order of an audit.

use std::collections::BTreeMap;
use std::fs::File;

use channels::RegistryClient;
use model::base::http::HttpEvent;
use model::base::url::redact_url;
use model::evidence::lookup::{Lookup, Unavailable};
use model::evidence::package::OpenPgpCheck;
use model::evidence::reason::{Explanation, Reason};
use model::package::registry::{KeySource, Registry};
use signing::FileSignatureVerifier;

use crate::context::OpsContext;

/// The largest file of public keys, in bytes.
const MAX_KEYRING_BYTES: u64 = 1 << 20;
/// The most keys that are requested in an audit.
const MAX_KEYS: usize = 20;

/// The public keys of an audit. Each is requested once.
pub(super) struct OpenPgpKeys<'a> {
    clone: Option<OpsContext<'a>>,
    /// The keys of the release configuration, or why they are not available.
    pinned: Option<Result<FileSignatureVerifier, Explanation>>,
    /// Keys that only signatures name.
    named: BTreeMap<String, Lookup<FileSignatureVerifier>>,
}

impl<'a> OpenPgpKeys<'a> {
    pub(super) fn new(clone: Option<OpsContext<'a>>) -> Self {
        Self { clone, pinned: None, named: BTreeMap::new() }
    }

    /// Verifies the signature that a registry serves beside a file. If the pinned keys lack the key that the signature names,
    /// it is requested: it may be a subkey of another primary key, or a new one of a pinned key.
    pub(super) fn check(
        &mut self,
        (client, registry): (&RegistryClient, &Registry),
        signature: &Lookup<Vec<u8>>,
        file: &File,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Lookup<OpenPgpCheck> {
        let signature = match signature {
            Lookup::Found(signature) => signature,
            Lookup::Absent => return Lookup::Absent,
            Lookup::Unavailable(unavailable) => return Lookup::Unavailable(unavailable.clone()),
        };
        let check = match self.pinned((client, registry), on_event) {
            Ok(verifier) => verifier.check(signature, file),
            Err(explanation) => return Lookup::Found(OpenPgpCheck::Unknown(explanation.clone())),
        };
        let (OpenPgpCheck::MissingKey(key), Some(KeySource::Server(server))) = (&check, &registry.key_source)
        else {
            return Lookup::Found(check);
        };
        if !self.named.contains_key(key) && self.named.len() < MAX_KEYS {
            let found = request_key(client, (server, &registry.key_ids), key, on_event);
            self.named.insert(key.clone(), found);
        }
        match self.named.get(key) {
            Some(Lookup::Found(verifier)) => Lookup::Found(verifier.check(signature, file)),
            Some(Lookup::Unavailable(unavailable)) => Lookup::Unavailable(unavailable.clone()),
            Some(Lookup::Absent) | None => Lookup::Found(check),
        }
    }
}

impl OpenPgpKeys<'_> {
    /// Verifies a text with its signature, as the provenance file of a chart, with the pinned keys. Returns the text, too, if
    /// it is signed.
    pub(super) fn check_text(
        &mut self,
        (client, registry): (&RegistryClient, &Registry),
        signed: &Lookup<Vec<u8>>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> (Lookup<OpenPgpCheck>, Option<Vec<u8>>) {
        let signed = match signed {
            Lookup::Found(signed) => signed,
            Lookup::Absent => return (Lookup::Absent, None),
            Lookup::Unavailable(unavailable) => return (Lookup::Unavailable(unavailable.clone()), None),
        };
        match self.pinned((client, registry), on_event) {
            Ok(verifier) => {
                let (check, text) = verifier.check_text(signed);
                (Lookup::Found(check), text)
            }
            Err(explanation) => (Lookup::Found(OpenPgpCheck::Unknown(explanation.clone())), None),
        }
    }

    /// Returns the verifier with the pinned keys, which are read once.
    fn pinned(
        &mut self,
        (client, registry): (&RegistryClient, &Registry),
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> &Result<FileSignatureVerifier, Explanation> {
        let clone = self.clone;
        self.pinned.get_or_insert_with(|| pinned_keys(clone, client, registry, on_event))
    }
}

/// Returns the keys that the release configuration pins, from its file or from the key server.
fn pinned_keys(
    clone: Option<OpsContext<'_>>,
    client: &RegistryClient,
    registry: &Registry,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<FileSignatureVerifier, Explanation> {
    let missing = |evidence: String| Explanation::new(Reason::KeyUnavailable, evidence);
    let mut keyring = Vec::new();
    match &registry.key_source {
        Some(KeySource::File(path)) => {
            let root = clone.and_then(|it| it.env.policy_root.clone());
            let root = root.ok_or_else(|| missing(format!("there is no clone with the file {path}")))?;
            let content = archive::read_below(&root, path, MAX_KEYRING_BYTES);
            let content = content.map_err(|error| missing(format!("{path}: {error}")))?;
            keyring =
                content.ok_or_else(|| missing(format!("{} does not exist", root.join(path).display())))?;
        }
        Some(KeySource::Server(server)) => {
            for fingerprint in registry.key_ids.iter().take(MAX_KEYS) {
                let key = channels::find_openpgp_key(client, server, fingerprint, on_event);
                let key = key.map_err(|unavailable| missing(unavailable.message))?;
                let key =
                    key.ok_or_else(|| missing(format!("{} has no key {fingerprint}", redact_url(server))))?;
                keyring.extend_from_slice(&key);
                keyring.push(b'\n');
            }
        }
        None => {}
    }
    let verifier = FileSignatureVerifier::new(keyring, &registry.key_ids);
    let verifier = verifier.map_err(|error| Explanation::new(Reason::GpgFailed, error))?;
    match registry.key_ids.iter().find(|it| !verifier.has_key(it)) {
        Some(key) => Err(missing(format!("gpg could not import the key {key}: it may have no user id"))),
        None => Ok(verifier),
    }
}

/// Requests the key that a signature names, by its fingerprint or, as in Gradle's signatures, by its id.
fn request_key(
    client: &RegistryClient,
    (server, pins): (&str, &[String]),
    fingerprint: &str,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Lookup<FileSignatureVerifier> {
    let is_key_name =
        matches!(fingerprint.len(), 16 | 40 | 64) && fingerprint.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_key_name {
        return Lookup::Absent;
    }
    let key: Result<Option<Vec<u8>>, Unavailable> =
        channels::find_openpgp_key(client, server, &fingerprint.to_ascii_uppercase(), on_event);
    match key {
        Err(unavailable) => Lookup::Unavailable(unavailable),
        Ok(None) => Lookup::Absent,
        Ok(Some(key)) => FileSignatureVerifier::new(key, pins).map_or(Lookup::Absent, Lookup::Found),
    }
}
