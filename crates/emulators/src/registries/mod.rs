//! Package registries on 127.0.0.1: PyPI, npm, and the Go module proxy with its checksum database. Real clients read
//! them.

mod checksum_database;
mod checksum_log;
mod go;
mod npm;
mod pypi;
mod registry_server;
mod server;

pub use checksum_log::GoModuleHashes;
pub use npm::NpmVersion;
pub use pypi::{PypiFile, pypi_attestation};
pub use registry_server::RegistryServer;
