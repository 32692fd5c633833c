//! Verification of the attestations of several artifacts, with trusted roots that are loaded at most once.

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
    /// The trusted roots. `None` until a bundle needs them: their source may need the network.
    roots: Option<TrustedRootSet>,
}

impl<'a> AttestationCheck<'a> {
    pub(super) fn new(clients: ForgeClients<'a>) -> Self {
        Self { clients, roots: None }
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
        let attestations = verify::fetch_attestations(self.clients, artifact.sha256, on_event);
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
