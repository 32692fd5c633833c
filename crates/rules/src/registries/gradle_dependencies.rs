//! The artifacts that a Gradle build may depend on: the libraries of its version catalog, and its own modules.

use std::collections::BTreeSet;

use model::UntrustedText;
use model::package::version_catalog::VersionCatalog;
use model::package::{PackageId, PackageTree};

use super::gradle_project::{BUILD_SCRIPT, GradleProject};
use super::maven_artifact::artifact;

/// The list of libraries of a build.
const VERSION_CATALOG: &str = "gradle/libs.versions.toml";

/// How a document about an artifact differs from the tag's tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DocumentDifferences {
    pub(super) differences: BTreeSet<String>,
    /// What the tag's tree does not decide.
    pub(super) uncertain: BTreeSet<String>,
}

impl DocumentDifferences {
    pub(super) fn add(&mut self, difference: impl Into<String>) {
        self.differences.insert(difference.into());
    }

    /// Compares a value that a document states.
    pub(super) fn compare(&mut self, name: &str, found: &str, expected: &str) {
        if found != expected {
            let found = UntrustedText::new(found).escaped();
            self.add(format!("it states the {name} {found}, expected {expected}"));
        }
    }
}

/// The artifact, and the artifacts that its build names.
pub(super) struct GradleDependencies<'a> {
    pub(super) id: &'a PackageId,
    /// Whether the artifact has a jar.
    pub(super) has_sources: bool,
    catalog: VersionCatalog,
    /// The modules of the build, as `GROUP:ARTIFACT`.
    modules: Vec<String>,
}

impl<'a> GradleDependencies<'a> {
    /// Reads the artifacts that the build of an artifact names.
    ///
    /// # Errors
    /// A message if the tree has no such module or no version catalog, or if it cannot be read.
    pub(super) fn of(id: &'a PackageId, tree: &'a PackageTree) -> Result<Self, String> {
        let no_module = || format!("{} has no module {} with a {BUILD_SCRIPT}", tree.folder, artifact(id));
        let project = GradleProject::find(id, tree).ok_or_else(no_module)?;
        let path = tree.path_of(VERSION_CATALOG);
        let text = tree.text(VERSION_CATALOG).ok_or_else(|| format!("the tag's tree has no {path}"))?;
        let catalog = VersionCatalog::parse(text).map_err(|error| format!("{path}: {error}"))?;
        let group = id.name.split_once(':').map_or("", |(group, _)| group);
        let scripts = tree.below("").filter_map(|(path, _)| path.strip_suffix("/build.gradle.kts"));
        let modules = scripts.filter(|it| !it.contains('/')).map(|it| format!("{group}:{it}")).collect();
        Ok(Self { id, has_sources: project.has_sources(), catalog, modules })
    }

    /// Compares the group, the artifact and the version that a document states.
    pub(super) fn compare_coordinates(
        &self,
        [group, name, version]: [(&str, &str); 3],
        out: &mut DocumentDifferences,
    ) {
        let expected = self.id.name.split_once(':').map_or("", |(group, _)| group);
        out.compare(group.0, group.1, expected);
        out.compare(name.0, name.1, artifact(self.id));
        out.compare(version.0, version.1, &self.id.version);
    }

    /// Compares a dependency with what the tree names.
    pub(super) fn compare(&self, name: &str, version: Option<&str>, out: &mut DocumentDifferences) {
        let shown = UntrustedText::new(name).escaped();
        let own = BTreeSet::from([self.id.version.clone()]);
        let expected = if self.modules.iter().any(|it| it == name) {
            Some(&own)
        } else {
            self.catalog.libraries.get(name)
        };
        match (expected, version) {
            (None, _) => out.add(format!("it depends on {shown}, which the tag's tree does not name")),
            (Some(expected), Some(_)) if expected.is_empty() => {
                let text = format!("it depends on {shown}, of which the tag's tree names no version");
                out.uncertain.insert(text);
            }
            (Some(expected), Some(version)) if !expected.contains(version) => {
                let version = UntrustedText::new(version).escaped();
                let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
                let expected = expected.join(" or ");
                out.add(format!("it depends on {shown} {version}, the tag's tree names {expected}"));
            }
            _ => {}
        }
    }
}
