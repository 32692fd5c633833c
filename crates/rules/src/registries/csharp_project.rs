//! What a C# project file says about the NuGet package that is made of it (Microsoft documentation, "NuGet pack and
//! restore as `MSBuild` targets"). Only literal values are read: a value with `$(` depends on the build.

use model::base::xml::XmlElement;
use model::package::PackageTree;

/// The ending of a project file.
const PROJECT_ENDING: &str = ".csproj";

/// A project that is packed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CsharpProject {
    /// The name of the assembly.
    pub(super) assembly: String,
    pub(super) frameworks: Vec<String>,
    pub(super) has_documentation: bool,
    /// The files of the tree that are packed: their path in the tree, and in the package.
    pub(super) packed_files: Vec<(String, String)>,
    /// The packages that the project depends on.
    pub(super) dependencies: Vec<ProjectDependency>,
    properties: Vec<(String, String)>,
}

/// A package that a project depends on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProjectDependency {
    pub(super) name: String,
    /// The version. `None` if the build determines it.
    pub(super) version: Option<String>,
    /// Whether the project says which parts of the package it uses or passes on.
    pub(super) states_assets: bool,
}

impl CsharpProject {
    /// Finds the project of a package in the package's folder.
    ///
    /// # Errors
    /// A message if there is not exactly one, or if it packs files in a way that is not covered.
    pub(super) fn find(package: &str, tree: &PackageTree) -> Result<Self, String> {
        let mut found = Vec::new();
        for (path, _) in tree.below("").filter(|(path, _)| path.ends_with(PROJECT_ENDING)) {
            let Some(text) = tree.text(path) else { continue };
            let project = Self::parse(path, text, tree).map_err(|error| format!("{path}: {error}"))?;
            if project.property("PackageId").is_some_and(|it| it.eq_ignore_ascii_case(package)) {
                found.push(project);
            }
        }
        match found.len() {
            1 => found.pop().ok_or_else(String::new),
            count => Err(format!("{count} project files have the package id {package}, expected 1")),
        }
    }

    fn parse(path: &str, text: &str, tree: &PackageTree) -> Result<Self, String> {
        let root = &XmlElement::parse(text)?;
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(PROJECT_ENDING);
        let mut project = Self { properties: properties(root), ..Self::default() };
        project.assembly = project.property("AssemblyName").unwrap_or(stem).to_owned();
        let frameworks = project.property("TargetFrameworks").or_else(|| project.property("TargetFramework"));
        let frameworks = frameworks.unwrap_or_default().split(';').map(str::trim).filter(|it| !it.is_empty());
        project.frameworks = frameworks.map(str::to_owned).collect();
        project.has_documentation =
            project.property("GenerateDocumentationFile").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let groups = root.children.iter().filter(|it| it.name == "ItemGroup");
        for item in groups.flat_map(|it| &it.children) {
            project.add_item(item, path, tree)?;
        }
        Ok(project)
    }

    fn add_item(&mut self, item: &XmlElement, path: &str, tree: &PackageTree) -> Result<(), String> {
        let Some(include) = item.attribute("Include") else { return Ok(()) };
        if item.name == "PackageReference" {
            // A private package is needed only while the package is built.
            let assets = value_of(item, "PrivateAssets").unwrap_or_default();
            if !assets.eq_ignore_ascii_case("all") {
                let states = |name: &&str| value_of(item, name).is_some();
                self.dependencies.push(ProjectDependency {
                    name: include.to_owned(),
                    version: value_of(item, "Version").filter(|it| !it.contains("$(")),
                    states_assets: ["PrivateAssets", "IncludeAssets", "ExcludeAssets"].iter().any(states),
                });
            }
        }
        if value_of(item, "Pack").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
            let source = relative_path(path, include).filter(|it| tree.in_folder(it).is_some());
            let source =
                source.ok_or_else(|| format!("it packs {include}, which is not a file in its folder"))?;
            let name = source.rsplit('/').next().unwrap_or(&source).to_owned();
            let folder = value_of(item, "PackagePath").unwrap_or_default().replace('\\', "/");
            let target = match folder.trim_matches('/') {
                "" => name,
                folder => format!("{folder}/{name}"),
            };
            self.packed_files.push((source, target));
        }
        Ok(())
    }

    /// Returns the literal value of a property. `None` if the project does not state it, or if the build determines it.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        let mut values = self.properties.iter().filter(|it| it.0 == name).map(|it| it.1.as_str());
        let value = values.next().filter(|it| !it.contains("$("))?;
        values.next().is_none().then_some(value)
    }
}

/// Returns the properties of a project that have no condition, and an empty value for those with one.
fn properties(root: &XmlElement) -> Vec<(String, String)> {
    let groups = root.children.iter().filter(|it| it.name == "PropertyGroup");
    let elements = groups.flat_map(|group| group.children.iter().map(move |it| (group, it)));
    let property = |(group, it): (&XmlElement, &XmlElement)| {
        let is_conditional = [group, it].iter().any(|it| it.attribute("Condition").is_some());
        let value = if is_conditional { "$(a condition)" } else { it.text() };
        (it.name.clone(), value.to_owned())
    };
    elements.map(property).collect()
}

/// Returns a value of an item, which is an attribute or a child element.
fn value_of(item: &XmlElement, name: &str) -> Option<String> {
    let value = item.attribute(name).or_else(|| item.child(name).map(XmlElement::text));
    value.map(|it| it.trim().to_owned())
}

/// Returns the path of a file that is named relative to a project file, without `..`. `None` if it leaves the package's
/// folder, or if it is a pattern.
fn relative_path(project: &str, include: &str) -> Option<String> {
    let mut parts: Vec<&str> = project.split('/').collect();
    parts.pop();
    for part in include.split(['/', '\\']).filter(|it| !matches!(*it, "" | ".")) {
        if part.contains(['*', '?', '$', ';', '@']) {
            return None;
        }
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

/// Returns whether the content of a file in the tree is read, by its name.
pub(super) fn is_read(name: &str) -> bool {
    name.ends_with(PROJECT_ENDING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_folder() {
        assert_eq!(relative_path("src/A/A.csproj", "..\\..\\README.md").as_deref(), Some("README.md"));
        assert_eq!(relative_path("A.csproj", "./x/y.txt").as_deref(), Some("x/y.txt"));
        assert_eq!(relative_path("A.csproj", "..\\x"), None);
        assert_eq!(relative_path("A.csproj", "docs/**"), None);
    }
}
