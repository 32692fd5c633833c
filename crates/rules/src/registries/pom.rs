//! The description of a Maven artifact (Maven documentation, "POM Reference").

use model::UntrustedText;
use model::package::PackageId;
use roxmltree::{Document, Node};

use super::gradle_dependencies::GradleDependencies;
use super::maven_artifact::artifact;

/// The elements that have no effect on what a client downloads, or that are compared.
const ALLOWED: [&str; 15] = [
    "artifactId",
    "dependencies",
    "dependencyManagement",
    "description",
    "developers",
    "groupId",
    "inceptionYear",
    "issueManagement",
    "licenses",
    "modelVersion",
    "name",
    "packaging",
    "scm",
    "url",
    "version",
];
/// The types of artifacts that Gradle publishes: a library, and a platform.
const PACKAGINGS: [&str; 3] = ["", "jar", "pom"];

/// Returns how a POM differs from what the tag's tree makes.
///
/// # Errors
/// A message if it is not a POM.
pub(super) fn differences(
    text: &str,
    id: &PackageId,
    dependencies: &GradleDependencies,
) -> Result<Vec<String>, String> {
    let document = Document::parse(text).map_err(|error| format!("it is not XML: {error}"))?;
    let root = document.root_element();
    if root.tag_name().name() != "project" {
        return Err("it is not a POM".to_owned());
    }
    let mut differences = Vec::new();
    let mut seen = Vec::new();
    for child in root.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        if !ALLOWED.contains(&name) {
            differences.push(format!("it has {name}, which the build does not write"));
        }
        if seen.contains(&name) {
            differences.push(format!("it has {name} more than once"));
        }
        seen.push(name);
    }
    let group = id.name.split_once(':').map_or("", |(group, _)| group);
    for (name, expected) in [("groupId", group), ("artifactId", artifact(id)), ("version", &id.version)] {
        let found = text_of(root, name);
        if found != expected {
            let found = UntrustedText::new(found).escaped();
            differences.push(format!("it states the {name} {found}, expected {expected}"));
        }
    }
    if !PACKAGINGS.contains(&text_of(root, "packaging")) {
        differences.push("it states another packaging than jar or pom".to_owned());
    }
    for dependency in root.descendants().filter(|it| it.tag_name().name() == "dependency") {
        let name = format!("{}:{}", text_of(dependency, "groupId"), text_of(dependency, "artifactId"));
        let version = text_of(dependency, "version");
        differences.extend(dependencies.difference(&name, (!version.is_empty()).then_some(version)));
        if dependency.children().any(|it| matches!(it.tag_name().name(), "systemPath" | "classifier")) {
            let name = UntrustedText::new(&name).escaped();
            differences.push(format!("it depends on a special file of {name}"));
        }
    }
    Ok(differences)
}

fn text_of<'a>(node: Node<'a, 'a>, name: &str) -> &'a str {
    let child = node.children().find(|it| it.tag_name().name() == name);
    child.and_then(|it| it.text()).unwrap_or_default().trim()
}
