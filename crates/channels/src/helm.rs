//! The charts that are assets of a release on GitHub, with their provenance files (Helm documentation, "Helm Provenance
//! and Integrity").

use model::evidence::lookup::Lookup;
use model::package::PackageId;
use model::package::file_digest::FileDigest;
use model::package::registry::{PublishedFile, PublishedPackage, Registry, StatedDigest};
use model::release::host::{GitHubRelease, ReleaseAsset};
use transport::HttpObserver;

use crate::client::{Answer, DocumentRequest, RegistryClient};

/// The ending of a chart.
const CHART: &str = ".tgz";
/// The ending of a provenance file, after the whole name of the chart.
const PROVENANCE: &str = ".prov";
/// The longest provenance file, in bytes. It contains `Chart.yaml`.
const MAX_PROVENANCE_BYTES: u64 = 1 << 20;

/// Returns the charts of a release. Its digests are those that GitHub computed when the asset was uploaded.
pub(crate) fn find_package(
    client: &RegistryClient,
    registry: &Registry,
    (id, release): (&PackageId, Lookup<GitHubRelease>),
    observer: HttpObserver<'_>,
) -> Answer<PublishedPackage> {
    let release = match release {
        Lookup::Found(release) => release,
        Lookup::Absent => return Ok(None),
        Lookup::Unavailable(unavailable) => return Err(unavailable),
    };
    let prefix = format!("{}-", id.name);
    let is_chart = |it: &&ReleaseAsset| it.name.raw().starts_with(&prefix) && it.name.raw().ends_with(CHART);
    let mut package = PublishedPackage::default();
    for asset in release.assets.iter().filter(|it| it.is_uploaded).filter(is_chart) {
        let digest = asset.digest.map(FileDigest::Sha256);
        let provenance = release.asset(&format!("{}{PROVENANCE}", asset.name.raw()));
        let signature = provenance.map(|it| {
            let url = it.download_url.raw();
            client.document(DocumentRequest::new(url, registry, MAX_PROVENANCE_BYTES), observer).into()
        });
        package.files.push(PublishedFile {
            name: asset.name.clone(),
            url: asset.download_url.raw().to_owned(),
            stated_digests: digest
                .map(|digest| StatedDigest { document: "release", digest })
                .into_iter()
                .collect(),
            signature,
            ..PublishedFile::default()
        });
    }
    Ok((!package.files.is_empty()).then_some(package))
}
