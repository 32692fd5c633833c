//! Fetches what package registries serve: PyPI, npm, the Go module proxy with its checksum database, NuGet, Maven
//! repositories, and charts on GitHub.
//!
//! This crate will not compare a package with a tree, decide what proves its origin, or send a credential to another
//! host than the registry's. Calls block. Its answers are those of the registry: only the proof of a checksum database
//! is verified here, because it is meaningless without its tree.

mod bounded;
mod client;
mod go;
mod helm;
mod maven;
mod npm;
mod nuget;
mod pypi;

pub use client::RegistryClient;
pub use go::find_checksums;
pub use maven::find_openpgp_key;

use model::evidence::lookup::Lookup;
use model::package::PackageId;
use model::package::registry::{ListedVersion, PublishedPackage, Registry, RegistryKind};
use model::release::host::GitHubRelease;
use transport::HttpObserver;

/// Returns the release of the tag on GitHub, whose assets the charts are.
pub type FindRelease<'a> = &'a dyn Fn(HttpObserver<'_>) -> Lookup<GitHubRelease>;

/// Asks a registry for a version of a package. Absent means that the registry answered that it has no such version.
pub fn find_package(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    find_release: FindRelease<'_>,
    observer: HttpObserver<'_>,
) -> Lookup<PublishedPackage> {
    match registry.kind {
        RegistryKind::Pypi => pypi::find_package(client, registry, id, observer),
        RegistryKind::Npm => npm::find_package(client, registry, id, observer),
        RegistryKind::Go => go::find_package(client, registry, id, observer),
        RegistryKind::Nuget => nuget::find_package(client, registry, id, observer),
        RegistryKind::Maven => maven::find_package(client, registry, id, observer),
        RegistryKind::Helm => helm::find_package(client, registry, (id, find_release(observer)), observer),
    }
    .into()
}

/// Asks a registry for all versions of a package. Absent means that it has none, or that the kind of registry has no
/// list: charts are assets of releases.
pub fn list_versions(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Lookup<Vec<ListedVersion>> {
    match registry.kind {
        RegistryKind::Pypi => pypi::list_versions(client, registry, name, observer),
        RegistryKind::Npm => npm::list_versions(client, registry, name, observer),
        RegistryKind::Go => go::list_versions(client, registry, name, observer),
        RegistryKind::Nuget => nuget::list_versions(client, registry, name, observer),
        RegistryKind::Maven => maven::list_versions(client, registry, name, observer),
        RegistryKind::Helm => Ok(None),
    }
    .into()
}
