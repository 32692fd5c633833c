//! The parts of `pyproject.toml` that decide what a package built by hatchling contains (Python Packaging User Guide,
//! specifications "Declaring project metadata" and "Declaring build system dependencies"; hatch documentation, "Build
//! configuration").

use std::collections::BTreeMap;

use serde::Deserialize;

/// A `pyproject.toml`, as far as it decides the content of a package.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PyProject {
    /// The table `[build-system]`.
    #[serde(default)]
    pub build_system: BuildSystem,
    /// The table `[project]`.
    pub project: ProjectTable,
    #[serde(default)]
    tool: ToolTable,
}

/// The table `[build-system]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildSystem {
    /// The Python object that builds the package. `None` means setuptools.
    pub build_backend: Option<String>,
}

/// The table `[project]` (PEP 621, PEP 639). Unknown keys are refused: they could change the package's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProjectTable {
    /// The name.
    pub name: String,
    /// The version. `None` if it is dynamic.
    pub version: Option<String>,
    /// The keys that the build sets.
    #[serde(default)]
    pub dynamic: Vec<String>,
    /// The summary.
    pub description: Option<String>,
    /// The description file.
    pub readme: Option<FileOrText>,
    /// The license.
    pub license: Option<FileOrText>,
    /// The patterns of license files.
    pub license_files: Option<Vec<String>>,
    /// The supported Python versions.
    pub requires_python: Option<String>,
    /// The authors.
    #[serde(default)]
    pub authors: Vec<PersonTable>,
    /// The maintainers.
    #[serde(default)]
    pub maintainers: Vec<PersonTable>,
    /// The keywords.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// The classifiers.
    #[serde(default)]
    pub classifiers: Vec<String>,
    /// The links, by label.
    #[serde(default)]
    pub urls: BTreeMap<String, String>,
    /// The requirements.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// The requirements of each extra.
    #[serde(default)]
    pub optional_dependencies: BTreeMap<String, Vec<String>>,
    /// The console commands, by name.
    #[serde(default)]
    pub scripts: BTreeMap<String, String>,
    /// The graphical commands, by name.
    #[serde(default)]
    pub gui_scripts: BTreeMap<String, String>,
    /// The entry points of each group, by name.
    #[serde(default)]
    pub entry_points: BTreeMap<String, BTreeMap<String, String>>,
}

/// A value that is a string, or a table with the name of a file or a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum FileOrText {
    /// A string: a file name for `readme`, an SPDX expression for `license`.
    Plain(String),
    /// A table.
    Table(FileOrTextTable),
}

/// The table form of `readme` and `license`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileOrTextTable {
    /// The name of a file.
    pub file: Option<String>,
    /// The text itself.
    pub text: Option<String>,
    /// The media type of a description.
    pub content_type: Option<String>,
}

/// An author or a maintainer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonTable {
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
struct ToolTable {
    #[serde(default)]
    hatch: HatchTable,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
struct HatchTable {
    #[serde(default)]
    build: HatchBuildTable,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
struct HatchBuildTable {
    #[serde(flatten)]
    options: HatchOptions,
    #[serde(default)]
    targets: BTreeMap<String, HatchOptions>,
}

/// The options of `[tool.hatch.build]` or of one of its targets.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HatchOptions {
    /// The Python packages that a wheel contains, by their folder.
    pub packages: Option<Vec<String>>,
    /// The patterns of files to include.
    pub include: Option<Vec<String>>,
    /// The patterns of files to exclude.
    pub exclude: Option<Vec<String>>,
    /// The patterns of files to include although a version control system ignores them.
    pub artifacts: Option<Vec<String>>,
    /// Files and folders to include under another path.
    #[serde(default)]
    pub force_include: BTreeMap<String, String>,
    /// Whether `.gitignore` has no effect.
    pub ignore_vcs: Option<bool>,
    /// Options that this program does not interpret.
    #[serde(flatten)]
    pub other: BTreeMap<String, toml::Value>,
}

/// Returns the normalized name of a project (PEP 503).
#[must_use]
pub fn normalized_name(name: &str) -> String {
    let parts: Vec<&str> = name.trim().split(['-', '_', '.']).filter(|it| !it.is_empty()).collect();
    parts.join("-").to_ascii_lowercase()
}

impl ProjectTable {
    /// The description file, relative to the project's folder. `None` if there is none.
    #[must_use]
    pub fn readme_path(&self) -> Option<&str> {
        match self.readme.as_ref()? {
            FileOrText::Plain(file) => Some(file),
            FileOrText::Table(table) => table.file.as_deref(),
        }
    }
}

impl PyProject {
    /// Parses a `pyproject.toml`.
    ///
    /// # Errors
    /// The message of the TOML parser, with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Returns the options for a build target of hatchling, `wheel` or `sdist`. Those of the target replace the general
    /// ones, as in hatchling; `force-include` is merged.
    #[must_use]
    pub fn hatch_options(&self, target: &str) -> HatchOptions {
        let general = &self.tool.hatch.build.options;
        let Some(own) = self.tool.hatch.build.targets.get(target) else { return general.clone() };
        let pick = |target: &Option<Vec<String>>, general: &Option<Vec<String>>| {
            target.as_ref().or(general.as_ref()).cloned()
        };
        let mut force_include = general.force_include.clone();
        force_include.extend(own.force_include.clone());
        let mut other = general.other.clone();
        other.extend(own.other.clone());
        HatchOptions {
            packages: pick(&own.packages, &general.packages),
            include: pick(&own.include, &general.include),
            exclude: pick(&own.exclude, &general.exclude),
            artifacts: pick(&own.artifacts, &general.artifacts),
            force_include,
            ignore_vcs: own.ignore_vcs.or(general.ignore_vcs),
            other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_options_replace_general_ones() {
        let text = "[project]\nname = \"a\"\n[tool.hatch.build]\ninclude = [\"x\"]\nskip-excluded-dirs = true\n\
                    [tool.hatch.build.targets.wheel]\ninclude = [\"y\"]\npackages = [\"src/a\"]\n";
        let project = PyProject::parse(text).unwrap();
        assert_eq!(project.hatch_options("sdist").include, Some(vec!["x".to_owned()]));
        let wheel = project.hatch_options("wheel");
        assert_eq!(
            (wheel.include, wheel.packages),
            (Some(vec!["y".to_owned()]), Some(vec!["src/a".to_owned()]))
        );
        assert_eq!(wheel.other.keys().collect::<Vec<_>>(), ["skip-excluded-dirs"]);
        assert!(PyProject::parse("[project]\nname = 1\n").is_err());
        assert!(PyProject::parse("[project]\nname = \"a\"\nrequire = []\n").is_err());
    }
}
