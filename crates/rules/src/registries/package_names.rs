//! The names of packages and of their files, by which a file is recognised.

use model::package::registry::RegistryKind;
use model::package::{PackageFormat, PackageId};
use model::{Channel, ReleaseTag};

use super::{go, gradle_project, helm, maven_artifact, npm, nuget, pypi};

/// The endings of package files, with the format, and the file that makes a folder that of a package.
const FORMATS: [(&str, PackageFormat, &str); 9] = [
    (".whl", PackageFormat::Wheel, pypi::MANIFEST),
    (".tar.gz", PackageFormat::Sdist, pypi::MANIFEST),
    (".tgz", PackageFormat::NpmTarball, npm::MANIFEST),
    (".tgz", PackageFormat::HelmChart, helm::MANIFEST),
    (".zip", PackageFormat::GoModule, go::MANIFEST),
    (".nupkg", PackageFormat::Nupkg, nuget::MANIFEST),
    (".jar", PackageFormat::Jar, gradle_project::SETTINGS),
    (".pom", PackageFormat::Pom, gradle_project::SETTINGS),
    (".module", PackageFormat::GradleModule, gradle_project::SETTINGS),
];

/// Returns the formats that a package may have by its file name, each with the name of the manifest in its folder. Empty
/// if the name has none of the known endings.
#[must_use]
pub fn formats_of(file_name: &str) -> Vec<(PackageFormat, &'static str)> {
    let found = FORMATS.into_iter().filter(|(ending, ..)| file_name.ends_with(ending));
    found.map(|(_, format, manifest)| (format, manifest)).collect()
}

/// Returns the format of a file that a registry of this kind lists, and the name of the manifest in the package's
/// folder. `None` if the publish workflows build no such file.
#[must_use]
pub fn registry_format(
    kind: RegistryKind,
    id: &PackageId,
    file_name: &str,
) -> Option<(PackageFormat, &'static str)> {
    let fits = |(format, _): &(PackageFormat, &str)| match (kind, format) {
        (RegistryKind::Pypi, format) => pypi::is_file_of(id, file_name, *format),
        (RegistryKind::Nuget, PackageFormat::Nupkg) => nuget::is_file_of(id, file_name),
        (RegistryKind::Helm, PackageFormat::HelmChart) => helm::is_file_of(id, file_name),
        (RegistryKind::Npm, PackageFormat::NpmTarball)
        | (RegistryKind::Go, PackageFormat::GoModule)
        | (RegistryKind::Maven, PackageFormat::Jar | PackageFormat::Pom | PackageFormat::GradleModule) => {
            true
        }
        _ => false,
    };
    formats_of(file_name).into_iter().find(fits)
}

/// Returns the name and version of a tag's package, as a registry of this kind writes them.
#[must_use]
pub fn registry_package_id(kind: RegistryKind, name: &str, tag: &ReleaseTag) -> PackageId {
    let version = match kind {
        RegistryKind::Pypi => tag.version().canonical(),
        RegistryKind::Go => format!("v{}", tag.version().as_str()),
        // Build metadata is not part of a NuGet version in URLs and file names ("Package versioning").
        RegistryKind::Nuget => tag.version().as_str().split('+').next().unwrap_or_default().to_owned(),
        RegistryKind::Npm | RegistryKind::Maven | RegistryKind::Helm => tag.version().as_str().to_owned(),
    };
    PackageId { name: name.to_owned(), version }
}

/// Returns the name that an attestation of a file must state. `None` if any name is accepted: on GitHub, an npm package
/// has the name that it was built under. `stored` tells whether the registry stores the attestation.
#[must_use]
pub fn attested_name(kind: RegistryKind, id: &PackageId, file_name: &str, stored: bool) -> Option<String> {
    match kind {
        RegistryKind::Npm if stored => Some(kind.purl(id)),
        RegistryKind::Npm => None,
        // The name that the workflow gives the file, which NuGet's address writes in lower case.
        RegistryKind::Nuget => Some(format!("{}.{}.nupkg", id.name, id.version)),
        _ => Some(file_name.to_owned()),
    }
}

/// Returns the package of a channel that a file is one of, by its format and name. `None` if the channel has no such
/// package.
#[must_use]
pub fn channel_package(
    channel: &Channel,
    format: PackageFormat,
    file_name: &str,
    tag: &ReleaseTag,
) -> Option<PackageId> {
    let kind = registry_kind(format);
    let packages = channel.packages().into_iter().filter(|it| it.0 == kind);
    let mut ids = packages.map(|(kind, name)| registry_package_id(kind, &name, tag));
    // An artifact of Maven is one of several, so its name decides.
    ids.find(|it| kind != RegistryKind::Maven || maven_artifact::is_file_of(it, file_name))
}

/// Returns the names that a file with this format and ending has in a channel, if its name decides the package.
#[must_use]
pub fn expected_names(channel: &Channel, format: PackageFormat, tag: &ReleaseTag) -> Vec<String> {
    let Some(ending) = FORMATS.iter().find(|it| it.1 == format).map(|it| it.0) else { return Vec::new() };
    let packages = channel
        .packages()
        .into_iter()
        .filter(|it| it.0 == RegistryKind::Maven && registry_kind(format) == it.0);
    packages
        .map(|(kind, name)| registry_package_id(kind, &name, tag))
        .map(|id| format!("{}-{}{ending}", maven_artifact::artifact(&id), id.version))
        .collect()
}

/// Returns the kind of registry that has files of a format.
fn registry_kind(format: PackageFormat) -> RegistryKind {
    match format {
        PackageFormat::Wheel | PackageFormat::Sdist => RegistryKind::Pypi,
        PackageFormat::NpmTarball => RegistryKind::Npm,
        PackageFormat::GoModule => RegistryKind::Go,
        PackageFormat::Nupkg => RegistryKind::Nuget,
        PackageFormat::Jar | PackageFormat::Pom | PackageFormat::GradleModule => RegistryKind::Maven,
        PackageFormat::HelmChart => RegistryKind::Helm,
    }
}
