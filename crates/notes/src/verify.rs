//! The values of the verification commands: names, files and URLs of this release.

use model::catalog::Channel;
use model::package::registry::{KeySource, RegistryKind};
use serde::Serialize;

use crate::input::NotesInput;

/// The variable `verify` of a template: the values in the commands of section "Verify this release".
///
/// A list is empty if the target has no such channel. The template then omits that part.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VerifyCommands {
    /// The repository, as `gh --repo` takes it.
    repository: String,
    /// The URL of the repository, to fetch the tag from.
    url: String,
    /// The full name of the tag.
    tag: String,
    /// The full ref name of the tag.
    reference: String,
    /// The full commit ID.
    commit: String,
    /// Whether the tag is signed. If not, the notes have no commands for the tag.
    signed_tag: bool,
    /// The file name of the source archive.
    archive: String,
    /// The workflow that attests the source archive, as `--signer-workflow` takes it.
    source_workflow: String,
    /// The workflow that publishes the packages of the target, as `--signer-workflow` takes it.
    workflow: String,
    /// Whether that workflow attests the packages, as far as the released commit tells. If not, the notes compare them
    /// with the tag instead.
    packages_attested: bool,
    /// The registries whose packages `audit` covers, as text. Empty if there are none.
    audited: String,
    /// The certificate identity that signs images: the publishing workflow at the ref of the tag.
    identity: String,
    /// The version as the tag spells it, with the `v` if the tag has one.
    ///
    /// It is also the tag of images and the version of Go modules.
    label: String,
    /// The version as package registries spell it: the normal form of PEP 440, or the version as in the tag.
    version: String,
    /// Image names with their registry, without a tag.
    images: Vec<String>,
    /// Projects on PyPI, with the start of the name of their wheels.
    pypi: Vec<PackageFile>,
    /// Packages on npm, with the name of the file that `npm pack` writes.
    npm: Vec<PackageFile>,
    /// Packages on nuget.org.
    nuget: Vec<PackageFile>,
    /// Artifacts on Maven Central.
    maven: Vec<MavenArtifact>,
    /// The fingerprints of the keys that may sign them. If there is none, nothing proves who built them.
    openpgp_keys: Vec<String>,
    /// The file of the public keys, by its path in the repository. `None` if a key server has them.
    openpgp_keyring: Option<String>,
    /// The names of Helm charts, which are assets of the release.
    helm: Vec<String>,
    /// Paths of Go modules.
    go: Vec<String>,
}

/// A package and the name of its file.
#[derive(Debug, Clone, Serialize)]
struct PackageFile {
    name: String,
    file: String,
}

/// An artifact on Maven Central.
#[derive(Debug, Clone, Serialize)]
struct MavenArtifact {
    /// The path of its directory on Maven Central.
    folder: String,
    /// The files that are verified: the POM, and the jar of a library.
    files: Vec<String>,
}

/// Returns the registries of the channels whose packages `audit` covers, as in `PyPI and npm`.
fn audited_registries(channels: &[Channel]) -> String {
    let name = |(kind, _)| match kind {
        RegistryKind::Pypi => "PyPI",
        RegistryKind::Npm => "npm",
        RegistryKind::Go => "the Go module proxy",
        RegistryKind::Nuget => "nuget.org",
        RegistryKind::Maven => "Maven Central",
        RegistryKind::Helm => "GitHub",
    };
    let mut names: Vec<&str> = channels.iter().flat_map(Channel::packages).map(name).collect();
    names.dedup();
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last.to_owned() } else { format!("{} and {last}", names.join(", ")) }
}

/// Returns the files of an artifact that are verified. A platform (BOM) has no jar.
fn maven_files(artifact: &str, version: &str) -> Vec<String> {
    let endings: &[&str] = if artifact.ends_with("-bom") { &[".pom"] } else { &[".pom", ".jar"] };
    endings.iter().map(|it| format!("{artifact}-{version}{it}")).collect()
}

impl VerifyCommands {
    /// Collects the values for every channel of the target.
    pub(crate) fn from_input(input: &NotesInput<'_>) -> Self {
        let workflow = |file: &str| format!("{}/.github/workflows/{file}", input.slug);
        let workflow_url = |file: &str| format!("{}/.github/workflows/{file}", input.slug.url());
        let version = input.tag.version().canonical();
        let reference = input.tag.reference();
        let mut verify = Self {
            repository: input.slug.to_string(),
            url: input.slug.url(),
            tag: input.tag.name(),
            commit: input.commit.to_string(),
            signed_tag: input.signed_tag,
            archive: input.tag.archive_name(),
            source_workflow: workflow(&input.catalog.source_workflow),
            workflow: workflow(&input.target.workflow),
            audited: audited_registries(&input.target.channels),
            packages_attested: input.workflow_attests != Some(false),
            identity: format!("{}@{reference}", workflow_url(&input.target.workflow)),
            reference,
            label: input.tag.label().to_owned(),
            version,
            images: Vec::new(),
            pypi: Vec::new(),
            npm: Vec::new(),
            nuget: Vec::new(),
            maven: Vec::new(),
            openpgp_keys: input.catalog.registries.openpgp_keys.clone(),
            openpgp_keyring: match &input.catalog.registries.key_source {
                Some(KeySource::File(path)) => Some(path.clone()),
                Some(KeySource::Server(_)) | None => None,
            },
            helm: Vec::new(),
            go: Vec::new(),
        };
        for channel in &input.target.channels {
            verify.add_channel(channel, &input.catalog.image_registries);
        }
        verify
    }

    /// Adds the names of one channel. Every registry derives its file names by other rules.
    fn add_channel(&mut self, channel: &Channel, registries: &[String]) {
        let package = |name: &String, file: String| PackageFile { name: name.clone(), file };
        let version = &self.version;
        match channel {
            Channel::Image(name) => self.images.extend(registries.iter().map(|it| format!("{it}/{name}"))),
            // Wheels and source distributions use `_` instead of `-` and `.` in the project name (binary distribution
            // format, "Escaping and Unicode").
            Channel::Pypi(name) => {
                self.pypi.push(package(
                    name,
                    format!("{}-{version}", name.to_lowercase().replace(['-', '.'], "_")),
                ));
            }
            // `npm pack` removes the `@` of a scope and replaces the `/` after it with `-`.
            Channel::Npm(name) => {
                let file = format!("{}-{version}.tgz", name.trim_start_matches('@').replace('/', "-"));
                self.npm.push(package(name, file));
            }
            Channel::Nuget(name) => self.nuget.push(package(name, format!("{name}.{version}.nupkg"))),
            Channel::Maven { group, artifacts } => {
                self.maven.extend(artifacts.iter().map(|artifact| MavenArtifact {
                    folder: format!("{}/{artifact}/{version}", group.replace('.', "/")),
                    files: maven_files(artifact, version),
                }));
            }
            Channel::Helm(chart) => self.helm.push(format!("{chart}-{version}.tgz")),
            Channel::Go(path) => self.go.push(path.clone()),
        }
    }
}
