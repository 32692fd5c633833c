//! Verification of the attestations of several artifacts, with trusted roots that are loaded at most once.

use forge::Forge;
use model::base::http::HttpEvent;
use model::evidence::attestation::{AttestationPolicy, BundleVerdicts};
use model::evidence::lookup::{Unavailable, UnavailableCause};
use provenance::{Artifact, BundleVerifier, TrustedRootSet};

use crate::context::ForgeClients;
use crate::error::OpsError;
use crate::prove::trust_root::load_trust_root;
use crate::prove::verify::{self, BundleStream};

/// The attestations of an audit.
pub(super) struct AttestationCheck<'a> {
    clients: ForgeClients<'a>,
    /// The client for lists of attestations, if it is not the anonymous one.
    metadata: Option<&'a Forge>,
    /// Whether GitHub refused a list without a token, so that it was read with one.
    needed_token: bool,
    /// The trusted roots. `None` until a bundle needs them: their source may need the network.
    roots: Option<TrustedRootSet>,
}

impl<'a> AttestationCheck<'a> {
    pub(super) fn new(clients: ForgeClients<'a>, metadata: Option<&'a Forge>) -> Self {
        Self { clients, metadata, needed_token: false, roots: None }
    }

    /// Returns a note for the report. `None` if no token was needed.
    pub(super) fn note(&self) -> Option<String> {
        let note = "GitHub refused to list attestations without a token, so they were read with it";
        self.needed_token.then(|| note.to_owned())
    }

    /// Returns a description of the trusted roots, or `None` if none were needed.
    pub(super) fn describe_roots(&self, now: i64) -> Option<String> {
        self.roots.as_ref().map(|it| it.describe(now))
    }

    /// Fetches the attestations of an artifact from GitHub, and verifies them.
    pub(super) fn on_github(
        &mut self,
        artifact: &Artifact<'_>,
        policy: &AttestationPolicy,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<Result<BundleVerdicts, Unavailable>, OpsError> {
        let digest = artifact.sha256;
        let attestations = match self.metadata {
            Some(client) => client.attestations(&digest.to_string(), None, on_event),
            None => verify::fetch_attestations(self.clients, digest, on_event).map(|(list, with_token)| {
                self.needed_token |= with_token;
                list
            }),
        };
        self.verify(attestations.map(BundleStream::Attestations).map_err(Unavailable::from), artifact, policy)
    }

    /// Verifies bundles, unless they are unavailable.
    pub(super) fn verify(
        &mut self,
        bundles: Result<BundleStream<'_>, Unavailable>,
        artifact: &Artifact<'_>,
        policy: &AttestationPolicy,
    ) -> Result<Result<BundleVerdicts, Unavailable>, OpsError> {
        let bundles = match bundles {
            Ok(bundles) if bundles.is_empty() => {
                return Ok(Ok(BundleVerdicts { bundles: Vec::new(), proven: None }));
            }
            Ok(bundles) => bundles,
            Err(unavailable) => return Ok(Err(unavailable)),
        };
        let roots = match self.roots.take() {
            Some(roots) => roots,
            None => match load_trust_root(self.clients.trust_root) {
                Ok(roots) => roots,
                Err(OpsError::FetchTrustedRoot(error)) => {
                    let cause = UnavailableCause::NoTrustedRoot;
                    return Ok(Err(Unavailable { cause, message: error.to_string() }));
                }
                Err(error) => return Err(error),
            },
        };
        let roots = self.roots.insert(roots);
        let verifier = BundleVerifier::new(roots, None);
        verify::verify_bundles(&verifier, artifact, policy, bundles).map(Ok)
    }
}
