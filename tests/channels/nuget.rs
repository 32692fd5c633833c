//! NuGet packages compared with the tree of their tag, and the registry's signature in them.

use std::path::Path;

use crate::channels::nuget_package::{
    FILE, NAME, NugetPackage, VERSION, digest_of_cms, packed_project, sha256,
};
use crate::channels::published_packages::{ATTESTING_WORKFLOW, PLAIN_WORKFLOW};
use crate::support::repository::{hermetic_command, print_note, run, xtask};

#[test]
fn packages_are_compared_with_their_project() {
    let (bed, package) = packed_project(PLAIN_WORKFLOW);
    bed.check_edits(
        &package,
        &format!(
            r#"
 84 | changed file                          | set README.md other                    | README.md: differs
 84 | added build script                    | set build/{NAME}.targets <Project/>     | {NAME}.targets: not in
 84 | added install script                  | set tools/install.ps1 evil             | install.ps1: not in
 84 | added assembly                        | set lib/net8.0/Evil.dll x              | Evil.dll: not in
 84 | added framework                       | set lib/net9.0/OpenSandbox.dll x       | net9.0/OpenSandbox.dll: not in
 84 | removed file                          | remove README.md                       | README.md: missing
 84 | removed assembly                      | remove lib/net8.0/OpenSandbox.dll      | OpenSandbox.dll: missing
 50 | another name                          | sub {NAME}.nuspec <id>{NAME} => <id>Evil | states the id Evil
 50 | another version                       | sub {NAME}.nuspec <version>1.2.3 => <version>1.2.4 | states the version 1.2.4
 75 | another dependency                    | sub {NAME}.nuspec id="System.Text.Json" => id="Evil" | the dependency Evil
 75 | another version of a dependency       | sub {NAME}.nuspec 8.0.5 => 8.0.4        | System.Text.Json 8.0.4
 75 | a private package as dependency       | sub {NAME}.nuspec System.Text.Json => PolySharp | the dependency PolySharp
 75 | another author                        | sub {NAME}.nuspec Acme Group => Evil    | another authors
 75 | another license                       | sub {NAME}.nuspec >Apache-2.0</license> => >MIT</license> | another license
 75 | another repository                    | sub {NAME}.nuspec acme/widgets => evil/widgets | another repository
 75 | a package type                        | sub {NAME}.nuspec <tags> => <packageTypes><packageType name="DotnetTool"/></packageTypes><tags> | packageTypes
 75 | attributes with a prefix              | sub {NAME}.nuspec id="System.Text.Json" => xmlns:x="urn:x" x:id="System.Text.Json" id="Evil" | with a prefix
 75 | a comment in a text                   | sub {NAME}.nuspec <id>{NAME} => <id>{NAME}<!-- -->.Evil | not in one piece
 75 | another encoding                      | sub {NAME}.nuspec utf-8 => Shift_JIS   | not declared as XML 1.0 in UTF-8
 75 | other parts of a dependency           | sub {NAME}.nuspec exclude="Build,Analyzers" => include="All" | other parts of System.Text.Json
 75 | a license file                        | sub {NAME}.nuspec type="expression" => type="file" | another kind of license
 48 | relationships outside                 | sub _rels/.rels Type="manifest" => TargetMode="External" Type="manifest" | points to other files
 82 | another commit                        | sub {NAME}.nuspec commit=" => commit="0 | states the commit 0
 48 | relationships to another file         | sub _rels/.rels /{NAME}.nuspec => /README.md | points to other files
 48 | no list of content types              | set [Content_Types].xml x               | not a list of content types
"#
        ),
    );
    let without = bed.edited(&package, &["sub", &format!("{NAME}.nuspec"), "commit= => title="]);
    let (verdict, findings) = bed.compare(&without);
    assert_eq!((verdict.as_str(), findings.len()), ("unproven", 1), "{findings:?}");
    assert!(findings[0].starts_with("commit-missing"), "{findings:?}");
}

/// Cases 49 and 81: the package is restored to the attested bytes, and nothing else is.
#[test]
fn case_49_packages_are_restored_to_the_attested_form() {
    let package = NugetPackage::publish(PLAIN_WORKFLOW);
    let folder = package.published.packages.folder.path();
    let registries = &package.published.registries;
    let signature = registries.package_signature(&package.package, &registries.package_signing()).unwrap();
    // openssl accepts the emulated signature, and its content is the digest of the package that was built.
    assert_eq!(digest_of_cms(&signature, folder), sha256(&package.package));
    let mut changed = signature.clone();
    let at = changed.windows(6).position(|it| it == b"-Hash:").unwrap() + 8;
    changed[at] ^= 1;
    std::fs::write(folder.join("changed.p7s"), &changed).unwrap();
    let mut openssl = hermetic_command("openssl", folder);
    let refused = openssl.args(["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in"]);
    assert_ne!(run(refused.arg(folder.join("changed.p7s"))).code, 0);
    // The signed package differs from the built one, and is equal to it without the signature.
    assert_ne!(sha256(&package.signed), sha256(&package.package));
    let file = folder.join(FILE);
    std::fs::write(&file, &package.signed).unwrap();
    assert_eq!(package.published.packages.compare(&file).0, "proven");
}

/// Real packages of nuget.org: the bytes without the signature have the digest that the registry signed. `NUGET_SAMPLES`
/// names a directory of packages, as NuGet's own repository has them.
#[test]
fn real_packages_are_restored_to_the_signed_digest() {
    let Some(folder) = std::env::var_os("NUGET_SAMPLES") else {
        print_note("SKIPPED real_packages_are_restored: NUGET_SAMPLES names no directory of packages");
        return;
    };
    let (mut agreeing, mut others) = (0, Vec::new());
    for file in packages_below(Path::new(&folder)) {
        let mut command = xtask(Path::new("/"));
        let arguments = ["-R", "acme/widgets", "--bundle", "/dev/null", "--offline", "--format", "json"];
        let output = run(command.arg("verify").arg(&file).args(arguments));
        let text = format!("{}{}", output.stdout, output.stderr);
        if text.contains("registry-signature") {
            others.push(file.display().to_string());
        } else if text.contains("without the registry's signature") {
            agreeing += 1;
        }
    }
    print_note(&format!("{agreeing} packages agree; not valid: {others:#?}"));
    assert!(agreeing > 0);
}

fn packages_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(packages_below(&path));
        } else if path.extension().is_some_and(|it| it == "nupkg") {
            found.push(path);
        }
    }
    found
}

#[test]
fn opensandbox_verify_restores_signed_packages() {
    let mut package = NugetPackage::publish(ATTESTING_WORKFLOW);
    let built = package.package.clone();
    package.attest(&built);
    let file = package.published.packages.folder.path().join(FILE);
    let mut table = Vec::new();
    let other = package.published.packages.edited(&package.path, &["set", "README.md", "other"]);
    let other =
        package.published.registries.publish_nuget(NAME, VERSION, &std::fs::read(other).unwrap()).unwrap();
    let mut broken = package.signed.clone();
    let at = broken.windows(6).position(|it| it == b"-Hash:").unwrap() + 10;
    broken[at] ^= 1;
    for (name, bytes, verdict, text) in [
        ("the package as it was built", &package.package, "proven", ""),
        ("the package with the signature", &package.signed, "proven", "without the registry's signature"),
        ("another package, signed", &other, "unproven", "missing"),
        ("a changed signature", &broken, "unproven", "missing"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let root = package.published.bed.home.path().join("root.json");
        let mut command = package.published.bed.command(&["verify"]);
        let output = run(command
            .arg(&file)
            .args(["-R", "acme/widgets", "--format", "json", "--trusted-root"])
            .arg(root)
            .args(["--source-ref", "refs/tags/csharp/sandbox/v1.2.3"]));
        let (document, found) = output.verdict();
        assert_eq!(found, verdict, "{name}: {document:#}");
        assert!(document.to_string().contains(text), "{name}: {document:#}");
        table.push(format!("{name:<40} {found}"));
    }
    print_note(&table.join("\n"));
}
