//! The manifest of a NuGet package compared with the project file that it is made of (Microsoft documentation, ".nuspec
//! File Reference").

use model::base::xml::XmlElement;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::PackageComparison;

use super::compared_package::{COMMIT, ComparedPackage, MAX_NAMED_DIFFERENCES, METADATA, refute_metadata};
use super::csharp_project::CsharpProject;

/// The elements with the property of the project that states the same.
const STATED: [(&str, &str); 7] = [
    ("authors", "Authors"),
    ("copyright", "Copyright"),
    ("description", "Description"),
    ("license", "PackageLicenseExpression"),
    ("projectUrl", "PackageProjectUrl"),
    ("readme", "PackageReadmeFile"),
    ("tags", "PackageTags"),
];
/// The other elements that `dotnet pack` writes, which are checked below or have no effect.
const OTHERS: [&str; 6] =
    ["id", "version", "licenseUrl", "repository", "dependencies", "requireLicenseAcceptance"];

/// The parts of a dependency that `dotnet pack` does not pass on, if the project says nothing about them.
const USUAL_EXCLUDE: &str = "Build,Analyzers";

/// Compares the manifest of a package with its project, and adds the findings.
pub(super) fn compare(
    compared: ComparedPackage<'_>,
    text: &str,
    project: &CsharpProject,
    out: &mut PackageComparison,
) {
    let subject = compared.subject;
    let document = match XmlElement::parse(text) {
        Ok(document) => document,
        Err(error) => {
            return refute_metadata(subject, format!("the .nuspec file cannot be read: {error}"), out);
        }
    };
    let [metadata] = &document.children[..] else {
        return refute_metadata(subject, "the .nuspec file has other elements than metadata", out);
    };
    if metadata.name != "metadata" || !document.has_one_namespace() {
        return refute_metadata(subject, "the .nuspec file has no metadata, or a foreign element", out);
    }
    let mut differences = stated_differences(metadata, project);
    differences.extend(identity_differences(compared, metadata));
    differences.extend(dependency_differences(metadata, project));
    if differences.is_empty() {
        let evidence = "the .nuspec file states what the project file states";
        out.findings.push(Finding::proven(METADATA, subject, evidence));
    }
    let more = differences.len().saturating_sub(MAX_NAMED_DIFFERENCES);
    for difference in differences.into_iter().take(MAX_NAMED_DIFFERENCES) {
        refute_metadata(subject, format!("the .nuspec file {difference}"), out);
    }
    if more > 0 {
        refute_metadata(subject, format!("the .nuspec file has {more} more differences"), out);
    }
    out.findings.push(commit(compared, metadata));
}

/// Compares the name and the version, whose spelling NuGet ignores.
fn identity_differences(compared: ComparedPackage<'_>, metadata: &XmlElement) -> Vec<String> {
    let id = compared.id;
    let mut differences = Vec::new();
    for (name, expected) in [("id", &id.name), ("version", &id.version)] {
        let found = metadata.child_text(name);
        if !found.eq_ignore_ascii_case(expected) {
            differences.push(format!("states the {name} {found}, expected {expected}"));
        }
    }
    differences
}

/// Compares what the project states literally, and names elements that no project explains.
fn stated_differences(metadata: &XmlElement, project: &CsharpProject) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some(name) = metadata.repeated_child() {
        differences.push(format!("has {name} more than once"));
    }
    for child in &metadata.children {
        let name = child.name.as_str();
        if OTHERS.contains(&name) {
            continue;
        }
        let Some((_, property)) = STATED.iter().find(|it| it.0 == name) else {
            differences.push(format!("has {name}, which no project file states"));
            continue;
        };
        let Some(expected) = project.property(property) else { continue };
        if normalized(name, child.text()) != normalized(name, expected) {
            differences.push(format!("has another {name} than {property} of the project file"));
        }
    }
    differences.extend(attribute_differences(metadata, project));
    let url = metadata.child("repository").and_then(|it| it.attribute("url"));
    if let (Some(found), Some(expected)) = (url, project.property("RepositoryUrl"))
        && found != expected
    {
        differences.push("names another repository than RepositoryUrl of the project file".to_owned());
    }
    differences
}

/// Names attributes that change the meaning of an element, and that the project does not state.
fn attribute_differences(metadata: &XmlElement, project: &CsharpProject) -> Vec<String> {
    let mut differences = Vec::new();
    let minimum = project.property("MinClientVersion");
    let is_expected = |name: &str| name == "minClientVersion" && metadata.attribute(name) == minimum;
    if metadata.attribute_names().any(|it| !is_expected(it)) {
        differences.push("has an attribute of metadata, which the project file does not state".to_owned());
    }
    let is_text = |it: &XmlElement| it.attribute("type") == Some("expression");
    let has_expression = project.property("PackageLicenseExpression").is_some();
    if has_expression && metadata.child("license").is_some_and(|it| !is_text(it)) {
        differences.push("has another kind of license than the project file".to_owned());
    }
    differences
}

/// Returns a text in which white space does not matter. Tags are separated by semicolons in a project, and by spaces in a
/// package.
fn normalized(name: &str, text: &str) -> String {
    let text = if name == "tags" { text.replace([';', ','], " ") } else { text.to_owned() };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Compares the packages that installers fetch, too. The build leaves out those that a framework contains, so that one
/// that is missing is no difference.
fn dependency_differences(metadata: &XmlElement, project: &CsharpProject) -> Vec<String> {
    let Some(dependencies) = metadata.child("dependencies") else { return Vec::new() };
    let mut differences = Vec::new();
    let has_others = |parent: &XmlElement, name: &str| parent.children.iter().any(|it| it.name != name);
    let groups = || dependencies.children.iter().filter(|it| it.name == "group");
    let is_flat = !has_others(dependencies, "dependency");
    if !is_flat && has_others(dependencies, "group") || groups().any(|it| has_others(it, "dependency")) {
        differences.push("has something else than dependencies in its list".to_owned());
    }
    for dependency in dependencies.descendants("dependency") {
        differences.extend(dependency_difference(dependency, project));
    }
    differences.dedup();
    differences
}

/// Compares one dependency.
fn dependency_difference(dependency: &XmlElement, project: &CsharpProject) -> Option<String> {
    let name = dependency.attribute("id").unwrap_or_default();
    let version = dependency.attribute("version").unwrap_or_default();
    let stated = || project.dependencies.iter().filter(|it| it.name.eq_ignore_ascii_case(name));
    if stated().next().is_none() {
        return Some(format!("has the dependency {name}, which the project file does not have"));
    }
    if !stated().any(|it| it.version.as_deref().is_none_or(|it| it == version)) {
        return Some(format!("wants {name} {version}, the project file another version"));
    }
    let is_usual = |it: &str| match it {
        "id" | "version" => true,
        "exclude" => dependency.attribute(it) == Some(USUAL_EXCLUDE),
        _ => false,
    };
    let is_stated = stated().any(|it| it.states_assets);
    let other = dependency.attribute_names().find(|it| !is_usual(it)).filter(|_| !is_stated)?;
    Some(format!("uses other parts of {name} than the project file ({other})"))
}

/// Compares the commit that the package states with the tag's.
fn commit(compared: ComparedPackage<'_>, metadata: &XmlElement) -> Finding {
    let subject = compared.subject;
    let stated = metadata.child("repository").and_then(|it| it.attribute("commit"));
    match (stated, compared.tree.commit) {
        (Some(stated), Some(commit)) if stated == commit.to_string() => Finding::proven(
            COMMIT,
            subject,
            format!("built from {}, as the .nuspec file states", commit.short()),
        ),
        (Some(stated), Some(commit)) => {
            let stated = model::UntrustedText::new(stated).escaped();
            let evidence =
                format!("the .nuspec file states the commit {stated}, the tag is at {}", commit.short());
            Finding::refuted(COMMIT, subject, Reason::WrongCommit, evidence)
        }
        _ => {
            let evidence = "the .nuspec file states no commit";
            Finding::unproven(COMMIT, subject, Reason::CommitMissing, evidence)
        }
    }
}
