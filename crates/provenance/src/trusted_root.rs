//! Sigstore's trusted roots: the trusted certificate authorities, logs and timestamp authorities.

use std::io;

use model::evidence::attestation::Rejection;
use model::evidence::reason::Reason;
use model::evidence::trusted_root::TrustedRootSummary;
use sigstore_verify::Verifier;
use sigstore_verify::crypto::VerificationKey;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::Bundle;

use crate::bundle::{RawBundle, read_bundles};
use crate::certificate::{self, Leaf};
use crate::summary;

/// Trusted roots, with their origin and freshness.
#[derive(Debug)]
pub struct TrustedRootSet {
    pub(crate) all: Vec<PreparedRoot>,
    /// Whether they are from a file or another TUF repository; otherwise they are those of Sigstore and GitHub.
    pub(crate) custom: bool,
    /// Their origin, in words.
    origin: String,
    /// Whether all of them were fetched just now.
    is_fresh: bool,
}

/// A trusted root with its verifier, ready for use.
pub(crate) struct PreparedRoot {
    pub(crate) verifier: Verifier,
    /// The organizations (`O`) of its certificate authorities.
    pub(crate) organizations: Vec<String>,
    /// The subject key identifiers of its certificate authorities.
    pub(crate) authority_key_ids: Vec<Vec<u8>>,
    /// Whether it names certificate transparency logs.
    pub(crate) has_ct_logs: bool,
    /// Whether it names transparency logs, supported or not.
    pub(crate) has_logs: bool,
    /// The ids of its supported transparency logs.
    pub(crate) log_ids: Vec<Vec<u8>>,
    /// The certificates of its timestamp authorities, in DER.
    pub(crate) timestamp_certificates: Vec<Vec<u8>>,
    /// Its keys, for reports.
    pub(crate) summary: TrustedRootSummary,
    /// Its JSON document, on one line.
    pub(crate) document: String,
    /// Number of its logs whose type of key is not supported.
    unsupported_logs: usize,
}

impl std::fmt::Debug for PreparedRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Root").field("organizations", &self.organizations).finish_non_exhaustive()
    }
}

/// The reason why a trusted root cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The document cannot be read, or is not valid.
    #[error("{origin}: {reason}")]
    Unreadable {
        /// The name of the file, or the origin in words.
        origin: String,
        /// The cause.
        reason: String,
    },
}

impl TrustedRootSet {
    /// Reads a file of one or more documents of the type `application/vnd.dev.sigstore.trustedroot+json`, one after
    /// the other. `name` names the file in messages.
    ///
    /// # Errors
    /// [`RootError`] if a document is not valid, or if there is none.
    pub fn read(text: &[u8], name: &str) -> Result<Self, RootError> {
        let mut roots = Vec::new();
        let mut first_error = None;
        let mut push_root = |part: RawBundle| {
            let document = part.text.map_err(|it| it.explanation.evidence);
            match document.and_then(|it| TrustedRoot::from_json(&it).map_err(|error| error.to_string())) {
                Ok(root) => roots.push((root, None)),
                Err(reason) => {
                    first_error.get_or_insert(reason);
                }
            }
        };
        let done: io::Result<()> = read_bundles(text, &mut push_root);
        done.map_err(|error| unreadable(name, &error))?;
        match first_error {
            Some(reason) => Err(unreadable(name, &reason)),
            None if roots.is_empty() => Err(unreadable(name, &"it contains no trusted root")),
            None => Self::from_trusted_roots(roots, name, true),
        }
    }

    /// Prepares trusted roots, each with its expiry in seconds since 1970. `origin` says in words where they come from.
    pub(crate) fn from_trusted_roots(
        roots: Vec<(TrustedRoot, Option<i64>)>,
        origin: &str,
        custom: bool,
    ) -> Result<Self, RootError> {
        let ready =
            |(root, expires)| PreparedRoot::new(root, expires).map_err(|error| unreadable(origin, &error));
        let all = roots.into_iter().map(ready).collect::<Result<_, _>>()?;
        Ok(Self { all, custom, origin: origin.to_owned(), is_fresh: false })
    }

    /// Returns the set with `is_fresh` replaced: whether all of its roots were fetched just now.
    pub(crate) fn with_freshness(self, is_fresh: bool) -> Self {
        Self { is_fresh, ..self }
    }

    /// Returns where the roots come from, in words.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.origin
    }

    /// Returns whether all roots were fetched just now.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// Returns the summary of each root: its keys with their validity.
    #[must_use]
    pub fn summaries(&self) -> Vec<TrustedRootSummary> {
        self.all.iter().map(|it| it.summary.clone()).collect()
    }

    /// Returns the document of each root (`application/vnd.dev.sigstore.trustedroot+json`), as one line of JSON.
    #[must_use]
    pub fn documents(&self) -> Vec<String> {
        self.all.iter().map(|it| format!("{}\n", it.document)).collect()
    }

    /// Describes the origin of the roots, and their age in days at `now` (seconds since 1970).
    #[must_use]
    pub fn describe(&self, now: i64) -> String {
        let newest = self.all.iter().map(|it| it.summary.newest_valid_from).max().unwrap_or(0);
        let days = (now - newest).max(0) / 86_400;
        let day = model::base::time::format_rfc3339(newest);
        let day = day.split('T').next().unwrap_or_default();
        let unsupported_logs: usize = self.all.iter().map(|it| it.unsupported_logs).sum();
        let note = if unsupported_logs == 0 {
            String::new()
        } else {
            format!("; unsupported logs left out: {unsupported_logs}")
        };
        format!("{}: newest entry of {day}, {days} days old{note}", self.origin)
    }

    /// Returns the root that contains the issuer of a certificate, by organization and key.
    pub(crate) fn for_issuer(&self, leaf: &Leaf) -> Result<&PreparedRoot, Rejection> {
        let found = self.all.iter().find(|it| it.organizations.contains(&leaf.issuer_organization));
        let reason = || format!("no trusted root contains the issuer {}", leaf.issuer_organization);
        // A custom root may lack the right instance: unproven. The default roots have every supported one: refuted.
        match found {
            None if self.custom => Err(Rejection::unproven(Reason::TrustRoot, reason())),
            None => Err(Rejection::refuted(Reason::TrustRoot, reason())),
            Some(root) if root.authority_key_ids.contains(&leaf.authority_key_id) => Ok(root),
            Some(_) => {
                let reason = format!(
                    "the certificate's issuer is not in the trusted root: its name is {}, with another key",
                    leaf.issuer_organization
                );
                Err(Rejection::refuted(Reason::TrustRoot, reason))
            }
        }
    }
}

fn unreadable(origin: &str, reason: &dyn std::fmt::Display) -> RootError {
    RootError::Unreadable { origin: origin.to_owned(), reason: reason.to_string() }
}

impl PreparedRoot {
    /// Returns whether this root contains the log of a bundle's first entry.
    pub(crate) fn has_log_of(&self, bundle: &Bundle) -> bool {
        let first = bundle.verification_material.tlog_entries.first();
        first.is_some_and(|entry| self.log_ids.iter().any(|it| it == entry.log_id.key_id.as_bytes()))
    }

    fn new(mut root: TrustedRoot, expires: Option<i64>) -> Result<Self, sigstore_verify::Error> {
        let document = serde_json::to_string(&root)
            .map_err(|error| sigstore_verify::Error::InvalidTrustRoot(error.to_string()))?;
        let summary = summary::summarize(&root, expires);
        let log_count = root.tlogs.len();
        let verifier = Verifier::new(&root).or_else(|error| {
            // A log with an unsupported type of key must not make the other logs unusable.
            root.tlogs.retain(|it| VerificationKey::from_spki(&it.public_key.raw_bytes).is_ok());
            if root.tlogs.len() == log_count { Err(error) } else { Verifier::new(&root) }
        })?;
        let certificates = root.certificate_authorities.iter().flat_map(|it| &it.cert_chain.certificates);
        let identities =
            certificates.filter_map(|it| certificate::authority_identity(it.raw_bytes.as_bytes()));
        let (organizations, authority_key_ids): (Vec<_>, Vec<_>) = identities.unzip();
        Ok(Self {
            verifier,
            organizations: organizations.into_iter().flatten().collect(),
            authority_key_ids,
            has_ct_logs: !root.ctlogs.is_empty(),
            has_logs: log_count > 0,
            timestamp_certificates: root
                .timestamp_authorities
                .iter()
                .flat_map(|it| &it.cert_chain.certificates)
                .map(|it| it.raw_bytes.as_bytes().to_vec())
                .collect(),
            log_ids: root.tlogs.iter().map(|it| it.log_id.key_id.as_bytes().to_vec()).collect(),
            document,
            summary,
            unsupported_logs: log_count - root.tlogs.len(),
        })
    }
}
