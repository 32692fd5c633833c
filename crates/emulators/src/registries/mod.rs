//! Package registries on 127.0.0.1: PyPI, npm, the Go module proxy with its checksum database, NuGet, and a Maven
//! repository with a key server. Real clients read them.

mod checksum_database;
mod checksum_log;
mod go;
mod maven;
mod npm;
mod nuget;
mod package_signer;
mod pypi;
mod registry_server;
mod server;

pub use checksum_log::GoModuleHashes;
pub use maven::MavenFile;
pub use npm::NpmVersion;
pub use package_signer::PackageSigning;
pub use pypi::{PypiFile, pypi_attestation};
pub use registry_server::RegistryServer;
