//! What a C# project file says about the NuGet package that is made of it (Microsoft documentation, "NuGet pack and
//! restore as `MSBuild` targets"). Only literal values are read: a value with `$(` depends on the build.

use model::package::PackageTree;
use roxmltree::{Document, Node};

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
    /// The packages that the project depends on, with their version. `None` if the build determines it.
    pub(super) dependencies: Vec<(String, Option<String>)>,
    properties: Vec<(String, String)>,
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
        let document = Document::parse(without_mark(text)).map_err(|error| error.to_string())?;
        let root = document.root_element();
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(PROJECT_ENDING);
        let mut project = Self { properties: properties(root), ..Self::default() };
        project.assembly = project.property("AssemblyName").unwrap_or(stem).to_owned();
        let frameworks = project.property("TargetFrameworks").or_else(|| project.property("TargetFramework"));
        let frameworks = frameworks.unwrap_or_default().split(';').map(str::trim).filter(|it| !it.is_empty());
        project.frameworks = frameworks.map(str::to_owned).collect();
        project.has_documentation =
            project.property("GenerateDocumentationFile").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let items = root.children().filter(|it| it.has_tag_name("ItemGroup")).flat_map(|it| it.children());
        for item in items.filter(Node::is_element) {
            project.add_item(item, path, tree)?;
        }
        Ok(project)
    }

    fn add_item(&mut self, item: Node<'_, '_>, path: &str, tree: &PackageTree) -> Result<(), String> {
        let Some(include) = item.attribute("Include") else { return Ok(()) };
        if item.tag_name().name() == "PackageReference" {
            // A private package is needed only while the package is built.
            let assets = value_of(item, "PrivateAssets").unwrap_or_default();
            if !assets.eq_ignore_ascii_case("all") {
                let version = value_of(item, "Version").filter(|it| !it.contains("$("));
                self.dependencies.push((include.to_owned(), version));
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
fn properties(root: Node<'_, '_>) -> Vec<(String, String)> {
    let groups = root.children().filter(|it| it.has_tag_name("PropertyGroup"));
    let elements = groups.flat_map(|group| group.children().map(move |it| (group, it)));
    let property = |(group, it): (Node<'_, '_>, Node<'_, '_>)| {
        let is_conditional = group.has_attribute("Condition") || it.has_attribute("Condition");
        let value = it.text().unwrap_or_default().trim().to_owned();
        let value = if is_conditional { "$(a condition)".to_owned() } else { value };
        (it.tag_name().name().to_owned(), value)
    };
    elements.filter(|(_, it)| it.is_element()).map(property).collect()
}

/// Returns a value of an item, which is an attribute or a child element.
fn value_of(item: Node<'_, '_>, name: &str) -> Option<String> {
    let child = || item.children().find(|it| it.has_tag_name(name)).and_then(|it| it.text());
    item.attribute(name).or_else(child).map(|it| it.trim().to_owned())
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

/// Returns a text without a byte order mark.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
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
