//! What is trusted: certificate authorities, logs and timestamp authorities, as Sigstore's trusted roots name them.

use std::io;

use model::evidence::attestation::Rejection;
use model::evidence::trusted_root::TrustedRootSummary;
use sigstore_verify::Verifier;
use sigstore_verify::crypto::VerificationKey;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::Bundle;

use crate::bundle::{Split, split};
use crate::certificate::{self, Leaf};
use crate::summary;

/// Trusted roots, and what is known of them.
#[derive(Debug)]
pub struct Roots {
    pub(crate) all: Vec<Root>,
    /// Whether somebody handed them over; else they are those of Sigstore and GitHub.
    pub(crate) own: bool,
    /// Where they come from, in words.
    origin: String,
    /// Whether all of them were fetched just now.
    is_fresh: bool,
}

/// A trusted root that is ready for use.
pub(crate) struct Root {
    pub(crate) verifier: Verifier,
    /// The organizations of its certificate authorities.
    pub(crate) organizations: Vec<String>,
    /// The keys of its certificate authorities, by name.
    pub(crate) authorities: Vec<Vec<u8>>,
    pub(crate) has_certificate_logs: bool,
    /// Whether it names logs, known here or not.
    pub(crate) has_logs: bool,
    /// The names of its logs.
    pub(crate) logs: Vec<Vec<u8>>,
    /// The certificates of its timestamp authorities, in DER.
    pub(crate) timestamping: Vec<Vec<u8>>,
    /// What it names.
    pub(crate) summary: TrustedRootSummary,
    /// The document, on one line.
    pub(crate) document: String,
    /// How many logs of it are of a kind that is not known here.
    left_out: usize,
}

impl std::fmt::Debug for Root {
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

impl Roots {
    /// Those of a file: documents of `application/vnd.dev.sigstore.trustedroot+json`, one or several, one after the other. `name`
    /// only names it.
    ///
    /// # Errors
    /// [`RootError`]
    pub fn read(text: &[u8], name: &str) -> Result<Self, RootError> {
        let mut roots = Vec::new();
        let mut wrong = None;
        let mut take = |part: Split| {
            let document = part.text.map_err(|it| it.evidence);
            match document.and_then(|it| TrustedRoot::from_json(&it).map_err(|error| error.to_string())) {
                Ok(root) => roots.push((root, None)),
                Err(reason) => {
                    wrong.get_or_insert(reason);
                }
            }
        };
        let done: io::Result<()> = split(text, &mut take);
        done.map_err(|error| unreadable(name, &error))?;
        match wrong {
            Some(reason) => Err(unreadable(name, &reason)),
            None if roots.is_empty() => Err(unreadable(name, &"there is no trusted root in it")),
            None => Self::of(roots, name, true),
        }
    }

    /// These, which come from there.
    pub(crate) fn of(
        roots: Vec<(TrustedRoot, Option<i64>)>,
        origin: &str,
        own: bool,
    ) -> Result<Self, RootError> {
        let ready = |(root, expires)| Root::new(root, expires).map_err(|error| unreadable(origin, &error));
        let all = roots.into_iter().map(ready).collect::<Result<_, _>>()?;
        Ok(Self { all, own, origin: origin.to_owned(), is_fresh: false })
    }

    /// The same, which were all fetched just now, or not.
    pub(crate) fn fresh(self, is_fresh: bool) -> Self {
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
    pub fn about(&self, now: i64) -> String {
        let newest = self.all.iter().map(|it| it.summary.newest_valid_from).max().unwrap_or(0);
        let days = (now - newest).max(0) / 86_400;
        let day = model::base::time::format_rfc3339(newest);
        let day = day.split('T').next().unwrap_or_default();
        let left_out: usize = self.all.iter().map(|it| it.left_out).sum();
        let note = if left_out == 0 {
            String::new()
        } else {
            format!("; {left_out} logs of an unknown kind were left out")
        };
        format!("{}: newest entry of {day}, {days} days old{note}", self.origin)
    }

    /// The root that an issuer belongs to.
    pub(crate) fn of_issuer(&self, leaf: &Leaf) -> Result<&Root, Rejection> {
        let found = self.all.iter().find(|it| it.organizations.contains(&leaf.organization));
        let said = || format!("no trusted root knows the issuer {}", leaf.organization);
        match found {
            None if self.own => Err(Rejection::unproven("trust-root", said())),
            None => Err(Rejection::refuted("trust-root", said())),
            Some(root) if root.authorities.contains(&leaf.authority) => Ok(root),
            Some(_) => {
                let said = format!(
                    "an authority that calls itself {} issued it, and its key is not trusted",
                    leaf.organization
                );
                Err(Rejection::refuted("trust-root", said))
            }
        }
    }
}

fn unreadable(origin: &str, reason: &dyn std::fmt::Display) -> RootError {
    RootError::Unreadable { origin: origin.to_owned(), reason: reason.to_string() }
}

impl Root {
    /// Whether the log of the first entry of a bundle is one of this root's.
    pub(crate) fn has_log_of(&self, bundle: &Bundle) -> bool {
        let first = bundle.verification_material.tlog_entries.first();
        first.is_some_and(|entry| self.logs.iter().any(|it| it == entry.log_id.key_id.as_bytes()))
    }

    fn new(mut root: TrustedRoot, expires: Option<i64>) -> Result<Self, sigstore_verify::Error> {
        let document = serde_json::to_string(&root)
            .map_err(|error| sigstore_verify::Error::InvalidTrustRoot(error.to_string()))?;
        let summary = summary::summary(&root, expires);
        let before = root.tlogs.len();
        let verifier = Verifier::new(&root).or_else(|error| {
            // A log of a kind that is newer than this program must not make all others useless.
            root.tlogs.retain(|it| VerificationKey::from_spki(&it.public_key.raw_bytes).is_ok());
            if root.tlogs.len() == before { Err(error) } else { Verifier::new(&root) }
        })?;
        let certificates = root.certificate_authorities.iter().flat_map(|it| &it.cert_chain.certificates);
        let read = certificates.filter_map(|it| certificate::authority(it.raw_bytes.as_bytes()));
        let (organizations, authorities): (Vec<_>, Vec<_>) = read.unzip();
        Ok(Self {
            verifier,
            organizations: organizations.into_iter().flatten().collect(),
            authorities,
            has_certificate_logs: !root.ctlogs.is_empty(),
            has_logs: before > 0,
            timestamping: root
                .timestamp_authorities
                .iter()
                .flat_map(|it| &it.cert_chain.certificates)
                .map(|it| it.raw_bytes.as_bytes().to_vec())
                .collect(),
            logs: root.tlogs.iter().map(|it| it.log_id.key_id.as_bytes().to_vec()).collect(),
            document,
            summary,
            left_out: before - root.tlogs.len(),
        })
    }
}
