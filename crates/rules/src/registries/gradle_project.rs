//! A module of the repository that Gradle builds (Gradle documentation, "The Java Library Plugin").

use std::collections::BTreeSet;

use model::package::{PackageId, PackageTree, TreeFile};

use super::maven_artifact::artifact;

/// The file that makes a folder that of a Gradle build.
pub(super) const SETTINGS: &str = "settings.gradle.kts";
/// The build script of a module.
pub(super) const BUILD_SCRIPT: &str = "build.gradle.kts";
/// The folders of a module's sources.
pub(super) const SOURCE_FOLDERS: [&str; 2] = ["src/main/kotlin", "src/main/java"];

/// A module of a Gradle build.
pub(super) struct GradleProject<'a> {
    /// The folder of the module, relative to that of the build.
    folder: &'a str,
    tree: &'a PackageTree,
    /// The folder of the packages of the group.
    group_folder: String,
    /// Whether the build script adds generated sources.
    pub(super) has_generated_sources: bool,
}

impl<'a> GradleProject<'a> {
    /// Returns the module of an artifact: its folder has the artifact's name. `None` if there is no such folder.
    pub(super) fn find(id: &'a PackageId, tree: &'a PackageTree) -> Option<Self> {
        let folder = artifact(id);
        let script = tree.text(&format!("{folder}/{BUILD_SCRIPT}"))?;
        let group = id.name.split_once(':').map_or("", |(group, _)| group);
        let group_folder = group.replace('.', "/");
        Some(Self { folder, tree, group_folder, has_generated_sources: script.contains("srcDir") })
    }

    /// Returns the files in a folder of the module, by their path in that folder.
    pub(super) fn files(&self, folder: &str) -> Vec<(&'a str, String, &'a TreeFile)> {
        let folder = format!("{}/{folder}", self.folder);
        let skip = folder.len() + 1;
        let below: Vec<_> = self.tree.below(&folder).collect();
        below.into_iter().map(|(path, file)| (&path[skip..], self.tree.path_of(path), file)).collect()
    }

    /// Returns whether the module has sources. If not, it is a platform, which has no jar.
    pub(super) fn has_sources(&self) -> bool {
        self.has_generated_sources || SOURCE_FOLDERS.iter().any(|it| !self.files(it).is_empty())
    }

    /// Returns whether the build may generate sources of a package, by its folder: one below the group's, or below one that
    /// has sources.
    pub(super) fn may_generate(&self, folder: &str) -> bool {
        let is_below =
            |parent: &str| folder.strip_prefix(parent).is_some_and(|it| it.is_empty() || it.starts_with('/'));
        is_below(&self.group_folder)
            || self.source_packages().into_iter().any(|it| !it.is_empty() && is_below(it))
    }

    /// Returns the folders of packages that have sources.
    pub(super) fn source_packages(&self) -> BTreeSet<&'a str> {
        let sources = SOURCE_FOLDERS.iter().flat_map(|it| self.files(it));
        sources.map(|(path, ..)| path.rsplit_once('/').map_or("", |(folder, _)| folder)).collect()
    }
}
