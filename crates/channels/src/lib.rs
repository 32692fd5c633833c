//! Fetches what package registries serve: PyPI, npm, and the Go module proxy with its checksum database.
//!
//! This crate will not compare a package with a tree, decide what proves its origin, or send a credential to another
//! host than the registry's. Calls block. Its answers are those of the registry: only the proof of a checksum database
//! is verified here, because it is meaningless without its tree.

mod bounded;
mod client;
mod go;
mod npm;
mod pypi;

pub use client::RegistryClient;
pub use go::find_checksums;

use model::evidence::lookup::Lookup;
use model::package::PackageId;
use model::package::registry::{ListedVersion, PublishedPackage, Registry, RegistryKind};
use transport::HttpObserver;

/// Asks a registry for a version of a package. Absent means that the registry answered that it has no such version.
pub fn find_package(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Lookup<PublishedPackage> {
    match registry.kind {
        RegistryKind::Pypi => pypi::find_package(client, registry, id, observer),
        RegistryKind::Npm => npm::find_package(client, registry, id, observer),
        RegistryKind::Go => go::find_package(client, registry, id, observer),
    }
    .into()
}

/// Asks a registry for all versions of a package.
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
    }
    .into()
}
