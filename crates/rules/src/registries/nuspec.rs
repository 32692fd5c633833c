//! The manifest of a NuGet package compared with the project file that it is made of (Microsoft documentation, ".nuspec
//! File Reference").

use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::PackageComparison;
use roxmltree::{Document, Node};

use super::compared_package::{COMMIT, ComparedPackage, MAX_NAMED_DIFFERENCES, METADATA, refute_metadata};
use super::csharp_project::{CsharpProject, without_mark};

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

/// Compares the manifest of a package with its project, and adds the findings.
pub(super) fn compare(
    compared: ComparedPackage<'_>,
    text: &str,
    project: &CsharpProject,
    out: &mut PackageComparison,
) {
    let subject = compared.subject;
    let Ok(document) = Document::parse(without_mark(text)) else {
        return refute_metadata(subject, "the .nuspec file is not XML", out);
    };
    let metadata = document.root_element().children().find(|it| it.tag_name().name() == "metadata");
    let Some(metadata) = metadata else {
        return refute_metadata(subject, "the .nuspec file has no metadata", out);
    };
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

fn element<'a>(metadata: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    metadata.children().find(|it| it.tag_name().name() == name)
}

fn text_of<'a>(metadata: Node<'a, 'a>, name: &str) -> &'a str {
    element(metadata, name).and_then(|it| it.text()).unwrap_or_default().trim()
}

/// Compares the name and the version, whose spelling NuGet ignores.
fn identity_differences(compared: ComparedPackage<'_>, metadata: Node<'_, '_>) -> Vec<String> {
    let id = compared.id;
    let mut differences = Vec::new();
    for (name, expected) in [("id", &id.name), ("version", &id.version)] {
        let found = text_of(metadata, name);
        if !found.eq_ignore_ascii_case(expected) {
            differences.push(format!("states the {name} {found}, expected {expected}"));
        }
    }
    differences
}

/// Compares what the project states literally, and names elements that no project explains.
fn stated_differences(metadata: Node<'_, '_>, project: &CsharpProject) -> Vec<String> {
    let mut differences = Vec::new();
    let mut seen = Vec::new();
    for child in metadata.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        if seen.contains(&name) {
            differences.push(format!("has {name} more than once"));
        }
        seen.push(name);
        if OTHERS.contains(&name) {
            continue;
        }
        let Some((_, property)) = STATED.iter().find(|it| it.0 == name) else {
            differences.push(format!("has {name}, which no project file states"));
            continue;
        };
        let Some(expected) = project.property(property) else { continue };
        if normalized(name, child.text().unwrap_or_default()) != normalized(name, expected) {
            differences.push(format!("has another {name} than {property} of the project file"));
        }
    }
    let url = element(metadata, "repository").and_then(|it| it.attribute("url"));
    if let (Some(found), Some(expected)) = (url, project.property("RepositoryUrl"))
        && found != expected
    {
        differences.push("names another repository than RepositoryUrl of the project file".to_owned());
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
fn dependency_differences(metadata: Node<'_, '_>, project: &CsharpProject) -> Vec<String> {
    let Some(dependencies) = element(metadata, "dependencies") else { return Vec::new() };
    let all = dependencies.descendants().filter(|it| it.tag_name().name() == "dependency");
    let mut differences = Vec::new();
    for dependency in all {
        let name = dependency.attribute("id").unwrap_or_default();
        let version = dependency.attribute("version").unwrap_or_default();
        let mut stated = project.dependencies.iter().filter(|it| it.0.eq_ignore_ascii_case(name)).peekable();
        if stated.peek().is_none() {
            differences.push(format!("has the dependency {name}, which the project file does not have"));
        } else if !stated.any(|it| it.1.as_deref().is_none_or(|it| it == version)) {
            differences.push(format!("wants {name} {version}, the project file another version"));
        }
    }
    differences.dedup();
    differences
}

/// Compares the commit that the package states with the tag's.
fn commit(compared: ComparedPackage<'_>, metadata: Node<'_, '_>) -> Finding {
    let subject = compared.subject;
    let stated = element(metadata, "repository").and_then(|it| it.attribute("commit"));
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
