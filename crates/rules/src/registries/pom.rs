//! The description of a Maven artifact (Maven documentation, "POM Reference").

use model::UntrustedText;
use model::base::xml::XmlElement;

use super::gradle_dependencies::{DocumentDifferences, GradleDependencies};

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
/// The elements of a dependency that Gradle writes.
const DEPENDENCY_ELEMENTS: [&str; 7] =
    ["artifactId", "exclusions", "groupId", "optional", "scope", "type", "version"];

/// Adds how a POM differs from what the tag's tree makes.
///
/// # Errors
/// A message if it is not a POM.
pub(super) fn compare(
    text: &str,
    dependencies: &GradleDependencies<'_>,
    out: &mut DocumentDifferences,
) -> Result<(), String> {
    let root = XmlElement::parse(text)?;
    if root.name != "project" || !root.has_one_namespace() {
        return Err("it is not a POM, or has a foreign element".to_owned());
    }
    for child in root.children.iter().filter(|it| !ALLOWED.contains(&it.name.as_str())) {
        let name = UntrustedText::new(&child.name).escaped();
        out.add(format!("it has {name}, which the build does not write"));
    }
    if let Some(name) = root.repeated_child() {
        out.add(format!("it has {name} more than once"));
    }
    let stated = |name: &'static str| (name, root.child_text(name));
    dependencies.compare_coordinates([stated("groupId"), stated("artifactId"), stated("version")], out);
    match (dependencies.has_sources, root.child_text("packaging")) {
        (true, "" | "jar") | (false, "pom") => {}
        (_, packaging) => {
            let packaging = UntrustedText::new(packaging).escaped();
            out.add(format!("it states the packaging '{packaging}', which is not that of the module"));
        }
    }
    for dependency in root.descendants("dependency") {
        compare_dependency(dependency, dependencies, out);
    }
    Ok(())
}

/// Adds how a dependency differs from what the tag's tree names.
fn compare_dependency(
    dependency: &XmlElement,
    dependencies: &GradleDependencies<'_>,
    out: &mut DocumentDifferences,
) {
    let name = format!("{}:{}", dependency.child_text("groupId"), dependency.child_text("artifactId"));
    let version = dependency.child_text("version");
    dependencies.compare(&name, (!version.is_empty()).then_some(version), out);
    let is_known = |it: &XmlElement| DEPENDENCY_ELEMENTS.contains(&it.name.as_str());
    let is_usual = match (dependency.child_text("scope"), dependency.child_text("type")) {
        ("" | "compile" | "runtime", "" | "jar") => true,
        (scope, kind) => scope == "import" && kind == "pom",
    };
    if ["exclusions", "optional"].iter().any(|it| dependency.child(it).is_some()) {
        let name = UntrustedText::new(&name).escaped();
        out.uncertain.insert(format!("it uses only a part of {name}"));
    }
    if !is_usual || !dependency.children.iter().all(is_known) || dependency.repeated_child().is_some() {
        let name = UntrustedText::new(&name).escaped();
        out.add(format!("it depends on a special file of {name}"));
    }
}
