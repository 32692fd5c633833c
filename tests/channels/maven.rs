//! Maven artifacts compared with the tree of their tag.

use crate::channels::maven_package::{GROUP, MavenArtifacts, TAG, built_file};
use crate::channels::published_packages::PLAIN_WORKFLOW;
use crate::support::repository::{print_note, run, xtask};

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
 84 | a manifest that loads code         | set META-INF/MANIFEST.MF Manifest-Version: 1.0\r\nClass-Path: evil.jar\r\n | Class-Path, which may load
 84 | the same after another line end    | set META-INF/MANIFEST.MF Manifest-Version: 1.0\rClass-Path: evil.jar\r | Class-Path, which may load
 84 | classes for a newer Java           | set META-INF/versions/9/com/acme/code/Interpreter.class x | no source in the tag's tree
",
    );
    assert_eq!(bed.compare(&built_file(bed, "-javadoc.jar")).0, "proven");
    let added = bed.edited(&built_file(bed, "-javadoc.jar"), &["set", "Evil.class", "x"]);
    let (verdict, findings) = bed.compare(&added);
    assert_eq!(verdict, "refuted", "{findings:?}");
}

/// The name of a file decides which artifact it is of.
#[test]
fn files_with_other_names_are_refused() {
    let artifacts = MavenArtifacts::build(PLAIN_WORKFLOW);
    let bed = &artifacts.bed;
    for (name, expected) in [
        (
            "code-interpreter-1.2.2.jar",
            "expected code-interpreter-1.2.3.jar or code-interpreter-bom-1.2.3.jar",
        ),
        ("evil.pom", "expected code-interpreter-1.2.3.pom"),
        ("a.tgz", "java/code-interpreter publishes no npm package and no Helm chart"),
        ("code-interpreter-1.2.3.jar.asc", "audit checks signatures (.asc, .prov)"),
    ] {
        let file = bed.folder.path().join(name);
        std::fs::write(&file, "x").unwrap();
        let mut command = xtask(bed.repository.path());
        let output = run(command.arg("compare").arg(&file).arg(TAG));
        assert_eq!(output.code, 2, "{name}: {output:?}");
        assert!(output.stderr.contains(expected), "{name}: {output:?}");
    }
}

/// The file, the attack, a text with its replacement, and a text that a finding must contain. Empty for the twin.
const DOCUMENT_EDITS: [(&str, &str, &str, &str, &str); 30] = [
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
    (".pom", "another packaging", "<name>", "<packaging>war</packaging><name>", "packaging 'war'"),
    (".pom", "no jar", "<name>", "<packaging>pom</packaging><name>", "packaging 'pom'"),
    (".pom", "not XML", "<project", "project", "unknown token"),
    (".pom", "a comment in a text", "kotlin-stdlib<", "kotlin-stdlib<!-- -->-jdk8<", "not in one piece"),
    (".pom", "an instruction in a text", "2.2.21<", "2.2.21<?x?>-evil<", "not in one piece"),
    (
        ".pom",
        "foreign elements beside others",
        "<dependency><groupId>",
        "<dependency xmlns:x=\"urn:x\"><x:groupId>org.jetbrains.kotlin</x:groupId><groupId>",
        "a foreign element",
    ),
    (".pom", "another encoding", "UTF-8", "Shift_JIS", "not declared as XML 1.0 in UTF-8"),
    (".pom", "another file", "<scope>", "<classifier>x</classifier><scope>", "a special file"),
    (".pom", "an element twice", "<scope>", "<groupId>evil</groupId><scope>", "a special file"),
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
    (
        ".module",
        "a preferred version",
        "\"requires\": \"2.2.21\"",
        "\"prefers\": \"1.0\"",
        "kotlin-stdlib 1.0",
    ),
    (".module", "two versions", "\"requires\"", "\"prefers\": \"1.0\", \"requires\"", "kotlin-stdlib 1.0"),
    (".module", "another format", "\"1.1\"", "\"9.9\"", "the format version 9.9"),
    (
        ".module",
        "the place of a library",
        "\"name\": \"apiElements\"",
        "\"capabilities\": [{\"group\": \"org.slf4j\", \"name\": \"slf4j-api\", \"version\": \"9\"}], \"name\": \"a\"",
        "the place of org.slf4j:slf4j-api",
    ),
    (
        ".module",
        "an escaped path",
        "\"url\": \"code-interpreter-1.2.3.jar\"",
        "\"url\": \"code-interpreter-1.2.3.%2e%2e%2fevil.jar\"",
        "%2e%2e%2fevil.jar, which is not",
    ),
    (
        ".module",
        "a special file",
        "\"module\": \"kotlin-stdlib\",",
        "\"module\": \"kotlin-stdlib\", \"thirdPartyCompatibility\": {},",
        "a special file",
    ),
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
