//! Maven artifacts compared with the tree of their tag.

use crate::channels::maven_package::{GROUP, MavenArtifacts, built_file};
use crate::channels::published_packages::PLAIN_WORKFLOW;
use crate::support::repository::print_note;

#[test]
fn jars_are_compared_with_their_module() {
    let artifacts = MavenArtifacts::build(PLAIN_WORKFLOW);
    let bed = &artifacts.bed;
    bed.check_edits(
        &built_file(bed, "-sources.jar"),
        r"
 84 | changed source   | set com/acme/code/Interpreter.kt evil | Interpreter.kt: differs
 84 | added source     | set com/acme/code/Evil.kt x           | Evil.kt: not in
 84 | removed source   | remove com/acme/code/Interpreter.kt   | Interpreter.kt: missing
 84 | changed license  | set META-INF/LICENSE other            | META-INF/LICENSE: differs
 84 | test source      | set com/acme/code/T.kt class T        | T.kt: not in
",
    );
    let classes = built_file(bed, ".jar");
    bed.check_edits(
        &classes,
        r"
 84 | class in a package without sources | set evil/Evil.class x                   | no source in the tag's tree
 84 | changed resource                   | set limits.properties a=2               | limits.properties: differs
 84 | removed resource                   | remove limits.properties                | limits.properties: missing
 84 | added service                      | set META-INF/services/java.sql.Driver E | java.sql.Driver: not in
 84 | added native library               | set lib/evil.so x                       | evil.so: not in
 84 | a manifest that loads code         | set META-INF/MANIFEST.MF Manifest-Version: 1.0\r\nClass-Path: evil.jar\r\n | Class-Path, which loads
",
    );
    assert_eq!(bed.compare(&built_file(bed, "-javadoc.jar")).0, "proven");
    let added = bed.edited(&built_file(bed, "-javadoc.jar"), &["set", "Evil.class", "x"]);
    let (verdict, findings) = bed.compare(&added);
    assert_eq!(verdict, "refuted", "{findings:?}");
}

/// The file, the attack, a text with its replacement, and a text that a finding must contain. Empty for the twin.
const DOCUMENT_EDITS: [(&str, &str, &str, &str, &str); 17] = [
    (".pom", "none", "", "", ""),
    (".pom", "another group", GROUP, "evil", "states the groupId evil"),
    (
        ".pom",
        "another artifact",
        "<artifactId>code-interpreter<",
        "<artifactId>evil<",
        "states the artifactId evil",
    ),
    (".pom", "another version", "<version>1.2.3<", "<version>1.2.4<", "states the version 1.2.4"),
    (
        ".pom",
        "another dependency",
        "<artifactId>kotlin-stdlib</artifactId>",
        "<artifactId>evil</artifactId>",
        "kotlin:evil, which the tag's tree",
    ),
    (".pom", "another version of a dependency", "2.2.21", "2.2.20", "kotlin-stdlib 2.2.20"),
    (".pom", "a parent", "<name>", "<parent/><name>", "it has parent"),
    (".pom", "a repository", "<name>", "<repositories/><name>", "it has repositories"),
    (".pom", "another packaging", "<name>", "<packaging>war</packaging><name>", "another packaging"),
    (".pom", "not XML", "<project", "project", "not XML"),
    (".module", "none", "", "", ""),
    (".module", "another group", "\"com.alibaba.opensandbox\"", "\"evil\"", "states the group evil"),
    (".module", "another dependency", "kotlin-stdlib", "evil", "kotlin:evil, which the tag's tree"),
    (".module", "another version of a dependency", "2.2.21", "2.2.20", "kotlin-stdlib 2.2.20"),
    (
        ".module",
        "another file",
        "\"url\": \"code-interpreter-1.2.3.jar\"",
        "\"url\": \"../evil.jar\"",
        "lists ../evil.jar",
    ),
    (
        ".module",
        "another module",
        "\"name\": \"apiElements\"",
        "\"available-at\": {\"url\": \"x\"}, \"name\": \"a\"",
        "another module",
    ),
    (".module", "not JSON", "{", "", "not module metadata"),
];

/// Case 50, and dependencies that the tag's tree does not name, in the POM and in the module metadata.
#[test]
fn case_50_documents_are_compared_with_the_build() {
    let artifacts = MavenArtifacts::build(PLAIN_WORKFLOW);
    let bed = &artifacts.bed;
    let mut table = Vec::new();
    for (ending, attack, from, to, text) in DOCUMENT_EDITS {
        let bytes = &artifacts.library.iter().find(|it| it.0 == ending).unwrap().1;
        let changed = String::from_utf8(bytes.clone()).unwrap().replacen(from, to, 1);
        let file = built_file(bed, ending);
        std::fs::write(&file, changed).unwrap();
        let (verdict, findings) = bed.compare(&file);
        let expected = if text.is_empty() { "proven" } else { "refuted" };
        assert_eq!(verdict, expected, "{ending}, {attack}: {findings:?}");
        assert!(text.is_empty() || findings.iter().any(|it| it.contains(text)), "{attack}: {findings:?}");
        table.push(format!("{ending:<8} {attack:<34} {}", findings.join(" | ")));
    }
    print_note(&table.join("\n"));
}
