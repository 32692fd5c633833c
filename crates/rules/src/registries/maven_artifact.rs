//! The name of a Maven artifact, and the names of its files (Maven documentation, "Repository Layout").

use model::package::PackageId;

/// Returns the artifact of a name, `GROUP:ARTIFACT`.
pub(super) fn artifact(id: &PackageId) -> &str {
    id.name.split_once(':').map_or(id.name.as_str(), |(_, artifact)| artifact)
}

/// Returns whether a file name is one of an artifact's.
pub(super) fn is_file_of(id: &PackageId, file_name: &str) -> bool {
    let rest = file_name.strip_prefix(&format!("{}-{}", artifact(id), id.version));
    rest.is_some_and(|it| it.starts_with(['.', '-']))
}
