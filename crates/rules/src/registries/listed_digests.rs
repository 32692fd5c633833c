//! The digests of files that another signed file of the version lists: the metadata of a Gradle module, and the provenance
//! file of a chart.

use std::collections::BTreeSet;

use model::base::xml::XmlElement;
use model::evidence::package::{FileEvidence, PackageEvidence};
use model::evidence::reason::Reason;
use model::evidence::verdict::{Finding, Verdict};

use super::compared_package::METADATA;
use super::gradle_module::listed_files;
use crate::attestation::attestation_finding;
use crate::yaml_tree::YamlNode;

/// The check of digests.
const DIGEST: &str = "digest";

/// The endings of a POM, of the metadata of a module, and of jars.
const POM: &str = ".pom";
const MODULE: &str = ".module";
const JAR: &str = ".jar";
/// The endings of jars that no program loads.
const DERIVED_JARS: [&str; 2] = ["-sources.jar", "-javadoc.jar"];

/// Compares the digests in the metadata of a Gradle module with those of the downloaded files, and names a jar
/// that they do not list.
pub(super) fn module_findings(purl: &str, evidence: &PackageEvidence) -> Vec<Finding> {
    let modules = evidence.files.iter().filter(|it| it.name.ends_with(MODULE));
    let of = |it: &FileEvidence| Some((it.name.clone(), it.document.clone()?));
    let mut findings: Vec<Finding> = modules
        .filter_map(of)
        .flat_map(|(name, document)| module_finding(purl, &name, &document, evidence))
        .collect();
    findings.extend(evidence.files.iter().filter_map(|it| unlisted_jar(it, evidence)));
    findings.extend(missing_jar(purl, evidence));
    findings
}

/// Returns the finding that nothing binds a jar to its version: a signature is of bytes without a name, so a repository could
/// serve the jar of another version with its signature. `None` if a module's metadata list it, or if it is attested.
fn unlisted_jar(file: &FileEvidence, evidence: &PackageEvidence) -> Option<Finding> {
    let is_jar = file.name.ends_with(JAR) && !DERIVED_JARS.iter().any(|it| file.name.ends_with(it));
    let was_read = |it: &&FileEvidence| it.comparison.is_some() && it.document.is_some();
    let documents: Vec<_> = evidence.files.iter().filter(was_read).collect();
    let lists = |it: &&FileEvidence| {
        let text = String::from_utf8_lossy(it.document.as_deref().unwrap_or_default());
        it.name.ends_with(MODULE)
            && listed_files(&text)
                .is_ok_and(|listed| listed.iter().any(|it| it.name == file.name && it.is_strong()))
    };
    let is_attested = || match &file.attestations {
        Some(Ok(verdicts)) => attestation_finding(&file.name, verdicts).verdict == Verdict::Proven,
        _ => false,
    };
    if !is_jar || documents.is_empty() || documents.iter().any(lists) || is_attested() {
        return None;
    }
    let evidence = "no module metadata of the version lists it, so it could be the file of another version";
    Some(Finding::unproven(DIGEST, &file.name, Reason::UnlistedFile, evidence))
}

/// Returns the finding that the repository does not serve the jar that the POM describes.
fn missing_jar(purl: &str, evidence: &PackageEvidence) -> Option<Finding> {
    let (pom, stem) = evidence.files.iter().find_map(|it| Some((it, it.name.strip_suffix(POM)?)))?;
    let root = XmlElement::parse(&String::from_utf8_lossy(pom.document.as_deref()?)).ok()?;
    let jar = format!("{stem}{JAR}");
    if root.child_text("packaging") == "pom" || evidence.files.iter().any(|it| it.name == jar) {
        return None;
    }
    let evidence = format!("the POM describes {jar}, which the repository does not serve");
    Some(Finding::unproven(METADATA, purl, Reason::StaleIndex, evidence))
}

fn module_finding(purl: &str, name: &str, document: &[u8], evidence: &PackageEvidence) -> Vec<Finding> {
    // The comparison of the document reports that it cannot be read.
    let Ok(listed) = listed_files(&String::from_utf8_lossy(document)) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut agreeing = BTreeSet::new();
    for file in listed {
        let shown = model::UntrustedText::new(&file.name).escaped();
        let found = evidence.files.iter().find(|it| it.name == file.name);
        let Some(content) = found.and_then(|it| it.content.as_ref().ok()) else {
            let text = format!("{name} lists {shown}, which was not downloaded");
            findings.push(Finding::unproven(DIGEST, purl, Reason::StatedDigest, text));
            continue;
        };
        let differs = |it: &&_| content.like(it).as_ref() != Some(*it);
        if let Some(kind) = file.unreadable {
            let text = format!("{name} states a {kind} for {shown} that cannot be read");
            findings.push(Finding::unproven(DIGEST, &shown, Reason::StatedDigest, text));
        } else if let Some(stated) = file.digests.iter().find(differs) {
            let text = format!("{name} states {stated} for {shown}");
            findings.push(Finding::refuted(DIGEST, &shown, Reason::StatedDigest, text));
        } else if file.size.is_some_and(|it| it != content.size) {
            let text = format!("{name} states another size for {shown}");
            findings.push(Finding::refuted(DIGEST, &shown, Reason::StatedDigest, text));
        } else if !file.digests.is_empty() {
            agreeing.insert(shown);
        }
    }
    if findings.is_empty() && !agreeing.is_empty() {
        let names: Vec<String> = agreeing.into_iter().collect();
        let text = format!("it states the digests of {}", names.join(", "));
        findings.push(Finding::proven(METADATA, name, text));
    }
    findings
}

/// The line between the parts of a provenance file.
const PART_END: &str = "\n...\n";

/// Compares the digest in the provenance file of a chart with that of the chart. `None` if there is no provenance file, or
/// if its signature is not valid. The text is `Chart.yaml`, and then a document that lists files (Helm documentation, "Helm
/// Provenance and Integrity").
pub(super) fn provenance_finding(file: &FileEvidence) -> Option<Finding> {
    let text = String::from_utf8_lossy(file.document.as_deref()?).replace("\r\n", "\n");
    let content = file.content.as_ref().ok()?;
    let expected = content.sha256.to_string();
    Some(match stated_digest(&text, &file.name) {
        Ok(stated) if stated == expected => {
            Finding::proven(DIGEST, &file.name, format!("{expected}, as the provenance file states"))
        }
        Ok(stated) => {
            let stated = model::UntrustedText::new(stated).escaped();
            let evidence = format!("downloaded {expected}, the provenance file states {stated}");
            Finding::refuted(DIGEST, &file.name, Reason::StatedDigest, evidence)
        }
        Err(problem) => {
            let problem = model::UntrustedText::new(problem).escaped();
            let evidence = format!("the provenance file states no digest of the chart: {problem}");
            Finding::refuted(DIGEST, &file.name, Reason::StatedDigest, evidence)
        }
    })
}

/// Returns the digest of a file in the second part of a provenance file.
fn stated_digest(text: &str, name: &str) -> Result<String, String> {
    let mut parts = text.split(PART_END);
    let (Some(_), Some(files), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err("expected two parts with a line `...` between them".to_owned());
    };
    let files = YamlNode::parse(files)?;
    let stated = files.get("files").and_then(|it| it.get(name)).and_then(YamlNode::text);
    stated.map(str::to_owned).ok_or_else(|| "it does not list the chart".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_list_of_files_states_digests() {
        let stated = |text: &str| stated_digest(text, "a-1.tgz");
        for text in [
            "name: a\n\n...\nfiles:\n  a-1.tgz: sha256:1\n",
            "name: a\n...\nfiles: {\"a-1.tgz\": 'sha256:1'} # x\n",
            "\n...\nimages:\n  a-1.tgz: sha256:0\nfiles:\n  b-1.tgz: sha256:2\n  a-1.tgz: sha256:1\n",
        ] {
            assert_eq!(stated(text).as_deref(), Ok("sha256:1"), "{text}");
        }
        for text in [
            "files:\n  a-1.tgz: sha256:1\n",
            "\n...\nimages:\n  a-1.tgz: sha256:1\n",
            "\n...\nfiles:\n  b: sha256:1\n\n...\nfiles:\n  a-1.tgz: sha256:1\n",
            "\n...\nfiles:\n  a-1.tgz: sha256:1\n  a-1.tgz: sha256:2\n",
            "\n...\nfiles:\n  a-1.tgz: [sha256:1]\n",
        ] {
            assert!(stated(text).is_err(), "{text}");
        }
    }
}
