//! What is trusted: certificate authorities, logs and timestamp authorities, as Sigstore's trusted roots name them.

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

/// Trusted roots, and what is known of them.
#[derive(Debug)]
pub struct TrustedRootSet {
    pub(crate) all: Vec<PreparedRoot>,
    /// Whether somebody handed them over; else they are those of Sigstore and GitHub.
    pub(crate) custom: bool,
    /// Where they come from, in words.
    origin: String,
    /// Whether all of them were fetched just now.
    is_fresh: bool,
}

/// A trusted root that is ready for use.
pub(crate) struct PreparedRoot {
    pub(crate) verifier: Verifier,
    /// The organizations of its certificate authorities.
    pub(crate) organizations: Vec<String>,
    /// The keys of its certificate authorities, by name.
    pub(crate) authority_key_ids: Vec<Vec<u8>>,
    pub(crate) has_ct_logs: bool,
    /// Whether it names logs, known here or not.
    pub(crate) has_logs: bool,
    /// The names of its logs.
    pub(crate) log_ids: Vec<Vec<u8>>,
    /// The certificates of its timestamp authorities, in DER.
    pub(crate) timestamp_certificates: Vec<Vec<u8>>,
    /// What it names.
    pub(crate) summary: TrustedRootSummary,
    /// The document, on one line.
    pub(crate) document: String,
    /// How many logs of it are of a kind that is not known here.
    unsupported_logs: usize,
}

impl std::fmt::Debug for PreparedRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Root").field("organizations", &self.organizations).finish_non_exhaustive()
    }
}

/// Why a trusted root cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// It cannot be read.
    #[error("{origin}: {reason}")]
    Unreadable {
        /// Where it came from.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl TrustedRootSet {
    /// Those of a file: documents of `application/vnd.dev.sigstore.trustedroot+json`, one or several, one after the other. `name`
    /// only names it.
    ///
    /// # Errors
    /// [`RootError`]
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
            None if roots.is_empty() => Err(unreadable(name, &"there is no trusted root in it")),
            None => Self::from_trusted_roots(roots, name, true),
        }
    }

    /// These, which come from there.
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

    /// The same, which were all fetched just now, or not.
    pub(crate) fn with_freshness(self, is_fresh: bool) -> Self {
        Self { is_fresh, ..self }
    }

    /// Where they come from, in words.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.origin
    }

    /// Whether all of them were fetched just now.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// What each of them names.
    #[must_use]
    pub fn summaries(&self) -> Vec<TrustedRootSummary> {
        self.all.iter().map(|it| it.summary.clone()).collect()
    }

    /// Their documents (`application/vnd.dev.sigstore.trustedroot+json`), each on a line.
    #[must_use]
    pub fn documents(&self) -> Vec<String> {
        self.all.iter().map(|it| format!("{}\n", it.document)).collect()
    }

    /// Where they come from, and how old they are at a time (seconds since 1970).
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
            format!("; {unsupported_logs} logs of an unknown kind were left out")
        };
        format!("{}: newest entry of {day}, {days} days old{note}", self.origin)
    }

    /// The root that an issuer belongs to.
    pub(crate) fn for_issuer(&self, leaf: &Leaf) -> Result<&PreparedRoot, Rejection> {
        let found = self.all.iter().find(|it| it.organizations.contains(&leaf.issuer_organization));
        let reason = || format!("no trusted root knows the issuer {}", leaf.issuer_organization);
        match found {
            None if self.custom => Err(Rejection::unproven(Reason::TrustRoot, reason())),
            None => Err(Rejection::refuted(Reason::TrustRoot, reason())),
            Some(root) if root.authority_key_ids.contains(&leaf.authority_key_id) => Ok(root),
            Some(_) => {
                let reason = format!(
                    "an authority that calls itself {} issued it, and its key is not trusted",
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
    /// Whether the log of the first entry of a bundle is one of this root's.
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
            // A log of a kind that is newer than this program must not make all others useless.
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
