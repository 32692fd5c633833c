//! How to verify a release, in commands with this release's own names.

use model::catalog::Channel;
use serde::Serialize;

use crate::input::NotesInput;

/// What the commands of "Verify this release" name.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VerifyCommands {
    /// The repository as `gh --repo` takes it.
    repository: String,
    /// The address that the tag is fetched from.
    url: String,
    /// The tag, and its reference.
    tag: String,
    reference: String,
    commit: String,
    signed_tag: bool,
    archive: String,
    /// The workflow that attests the source archive, as `--signer-workflow` takes it.
    source_workflow: String,
    /// The workflow that publishes the target, likewise.
    workflow: String,
    /// The identity that signs images.
    identity: String,
    label: String,
    version: String,
    images: Vec<String>,
    pypi: Vec<PackageFile>,
    npm: Vec<PackageFile>,
    nuget: Vec<PackageFile>,
    maven: Vec<MavenArtifact>,
    helm: Vec<String>,
    go: Vec<String>,
}

/// A package, and what its files are called.
#[derive(Debug, Clone, Serialize)]
struct PackageFile {
    name: String,
    file: String,
}

/// An artifact on Maven Central.
#[derive(Debug, Clone, Serialize)]
struct MavenArtifact {
    group: String,
    artifact: String,
    folder: String,
}

impl VerifyCommands {
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
            identity: format!("{}@{reference}", workflow_url(&input.target.workflow)),
            reference,
            label: input.tag.label().to_owned(),
            version,
            images: Vec::new(),
            pypi: Vec::new(),
            npm: Vec::new(),
            nuget: Vec::new(),
            maven: Vec::new(),
            helm: Vec::new(),
            go: Vec::new(),
        };
        for channel in &input.target.channels {
            verify.add_channel(channel, &input.catalog.image_registries);
        }
        verify
    }

    fn add_channel(&mut self, channel: &Channel, registries: &[String]) {
        let package = |name: &String, file: String| PackageFile { name: name.clone(), file };
        let version = &self.version;
        match channel {
            Channel::Image(name) => self.images.extend(registries.iter().map(|it| format!("{it}/{name}"))),
            // Wheels and source archives have `_` for every `-` (binary distribution format, "Escaping and Unicode").
            Channel::Pypi(name) => {
                self.pypi.push(package(
                    name,
                    format!("{}-{version}", name.to_lowercase().replace(['-', '.'], "_")),
                ));
            }
            // `npm pack` drops the `@` of a scope and joins it with `-`.
            Channel::Npm(name) => {
                let file = format!("{}-{version}.tgz", name.trim_start_matches('@').replace('/', "-"));
                self.npm.push(package(name, file));
            }
            Channel::Nuget(name) => self.nuget.push(package(name, format!("{name}.{version}.nupkg"))),
            Channel::Maven { group, artifacts } => {
                self.maven.extend(artifacts.iter().map(|artifact| MavenArtifact {
                    group: group.clone(),
                    artifact: artifact.clone(),
                    folder: format!("{}/{artifact}/{version}", group.replace('.', "/")),
                }));
            }
            Channel::Helm(chart) => self.helm.push(chart.clone()),
            Channel::Go(path) => self.go.push(path.clone()),
        }
    }
}
