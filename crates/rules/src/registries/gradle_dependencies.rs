//! The artifacts that a Gradle build may depend on: the libraries of its version catalog, and its own modules.

use model::UntrustedText;
use model::package::version_catalog::VersionCatalog;
use model::package::{PackageId, PackageTree};

/// The list of libraries of a build.
const VERSION_CATALOG: &str = "gradle/libs.versions.toml";

/// The artifacts that the tag's tree names.
pub(super) struct GradleDependencies {
    catalog: VersionCatalog,
    /// The modules of the build, as `GROUP:ARTIFACT`.
    modules: Vec<String>,
    version: String,
}

impl GradleDependencies {
    /// Reads the artifacts that the build of an artifact names.
    ///
    /// # Errors
    /// A message if the tree has no version catalog, or if it cannot be read.
    pub(super) fn of(id: &PackageId, tree: &PackageTree) -> Result<Self, String> {
        let path = tree.path_of(VERSION_CATALOG);
        let text = tree.text(VERSION_CATALOG).ok_or_else(|| format!("the tag's tree has no {path}"))?;
        let catalog = VersionCatalog::parse(text).map_err(|error| format!("{path}: {error}"))?;
        let group = id.name.split_once(':').map_or("", |(group, _)| group);
        let scripts = tree.below("").filter_map(|(path, _)| path.strip_suffix("/build.gradle.kts"));
        let modules = scripts.filter(|it| !it.contains('/')).map(|it| format!("{group}:{it}")).collect();
        Ok(Self { catalog, modules, version: id.version.clone() })
    }

    /// Returns how a dependency differs from what the tree names. `None` if the tree names it.
    pub(super) fn difference(&self, name: &str, version: Option<&str>) -> Option<String> {
        let shown = UntrustedText::new(name).escaped();
        let expected = if self.modules.iter().any(|it| it == name) {
            Some(Some(&self.version))
        } else {
            self.catalog.libraries.get(name).map(Option::as_ref)
        };
        match (expected, version) {
            (None, _) => Some(format!("it depends on {shown}, which the tag's tree does not name")),
            (Some(Some(expected)), Some(version)) if expected != version => {
                let version = UntrustedText::new(version).escaped();
                Some(format!("it depends on {shown} {version}, the tag's tree names {expected}"))
            }
            _ => None,
        }
    }
}
