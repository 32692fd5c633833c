//! The audit of Go modules on an emulated proxy and checksum database, beside the real `go`.

use emulators::GoModuleHashes;
use serde_json::json;

use crate::channels::go::{HOST, MODULE, TAG};
use crate::channels::package_bed::PackageBed;
use crate::channels::published_packages::{PublishedPackages, edited_json, unproven};
use crate::support::external_tools::fetched_tool;
use crate::support::repository::{CapturedOutput, hermetic_command, print_note, run};

const VERSION: &str = "v1.2.3";
const INFO: &str = "/go/github.com/alibaba/!open!sandbox/sdks/sandbox/go/@v/v1.2.3.info";
const ZIP: &str = "/go/github.com/alibaba/!open!sandbox/sdks/sandbox/go/@v/v1.2.3.zip";
const LOOKUP: &str = "/sumdb/lookup/github.com/alibaba/!open!sandbox/sdks/sandbox/go@v1.2.3";
const OTHER_COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A published Go module.
struct GoModule {
    published: PublishedPackages,
    hashes: GoModuleHashes,
    zip: Vec<u8>,
    go_mod: String,
}

impl GoModule {
    /// Publishes the module of a new repository. `None` if `go` is missing.
    fn publish(test: &str) -> Option<Self> {
        let path = |name: &str| format!("sdks/sandbox/go/{name}");
        let go_mod = format!("module {MODULE}\n\ngo 1.20\n");
        let mut packages = PackageBed::commit(
            &[
                ("LICENSE", "license\n"),
                (&path("go.mod"), &go_mod),
                (&path("a.go"), "package sandbox\n"),
                (&path("b.go"), "package sandbox\n\nconst B = 2\n"),
            ],
            TAG,
        );
        let hashes = packages.build_with_go(MODULE, HOST, VERSION, test)?;
        let zip = std::fs::read(&packages.packages[0]).unwrap();
        let mut module = Self { published: PublishedPackages::new(packages), hashes, zip, go_mod };
        module.serve(&module.hashes.clone());
        Some(module)
    }

    /// Publishes the version with these hashes in the checksum database.
    fn serve(&mut self, hashes: &GoModuleHashes) {
        let (zip, go_mod) = (&self.zip, self.go_mod.as_bytes());
        self.published.registries.publish_go(hashes, zip, go_mod, &self.published.commit).unwrap();
    }

    /// Downloads the module with the real `go`, which verifies it with the checksum database.
    fn download_with_go(&self) -> CapturedOutput {
        let go = fetched_tool("go-1.27.3/go/bin/go", "download_with_go").unwrap();
        let home = tempfile::tempdir().unwrap();
        let mut command = hermetic_command(go, home.path());
        command
            .current_dir(home.path())
            .env("GOPATH", home.path().join("go"))
            .env("GOCACHE", home.path().join("cache"))
            .env("GOPROXY", self.published.registries.go_proxy())
            .env("GOSUMDB", self.published.registries.checksum_database())
            .env("GOFLAGS", "-modcacherw")
            .env("GOTOOLCHAIN", "local");
        run(command.args(["mod", "download", "-json", &format!("{MODULE}@{VERSION}")]))
    }

    fn other_hashes(&self) -> GoModuleHashes {
        let hash = &self.hashes.module_hash;
        GoModuleHashes { module_hash: format!("h1:{}=", "A".repeat(hash.len() - 4)), ..self.hashes.clone() }
    }
}

#[test]
fn modules_in_the_checksum_database_are_proven() {
    let Some(mut module) = GoModule::publish("modules_in_the_checksum_database") else { return };
    // Other entries before and after it, so that the proof needs more than one hash.
    for number in 0..300 {
        let other = GoModuleHashes { module: format!("example.com/m{number}"), ..module.hashes.clone() };
        module.published.registries.record_checksums(&other).unwrap();
    }
    drop(module.published.registries.take_requests());
    let output = module.published.audit("go", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    assert!(output.stdout.contains(&module.hashes.module_hash), "{}", output.stdout);
    let requests = module.published.registries.take_requests();
    print_note(&format!("requests: {:#?}", requests.iter().map(|(path, _)| path).collect::<Vec<_>>()));
    for (path, headers) in &requests {
        let reads_only = headers.iter().any(|it| it == "disable-module-fetch: true");
        assert!(!path.starts_with("/go/") || reads_only, "{path}: {headers:?}");
    }
    let mut paths: Vec<&String> = requests.iter().map(|(path, _)| path).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), requests.len(), "a request was sent twice");
    let downloaded = module.download_with_go().ok().json();
    assert_eq!(downloaded["Sum"], json!(module.hashes.module_hash));
}

#[test]
fn case_83_a_moved_tag_is_refuted_by_the_checksum_database() {
    let Some(mut module) = GoModule::publish("a_moved_tag_is_refuted") else { return };
    module.published.expect_proven("go");
    let mut table = Vec::new();
    // Another version of the module was recorded first: the tag was moved afterwards.
    module.serve(&module.other_hashes());
    let reason = "checksum-database: checksum-database";
    table.push(module.published.expect("go", "another hash of the module", "refuted", &[reason]));
    let refused = module.download_with_go();
    assert!(refused.code != 0 && refused.stdout.contains("SECURITY ERROR"), "{}", refused.stdout);
    let manifest_hash = module.other_hashes().module_hash;
    module.serve(&GoModuleHashes { manifest_hash, ..module.hashes.clone() });
    table.push(module.published.expect("go", "another hash of go.mod", "refuted", &[reason, "for go.mod"]));
    module.serve(&module.hashes.clone());
    module.published.expect_proven("go");
    let registries = &module.published.registries;
    let info = registries.document(INFO).unwrap();
    let other = edited_json(&info, |it| it["Origin"]["Hash"] = json!(OTHER_COMMIT));
    registries.set_document(INFO, "application/json", other);
    table.push(module.published.expect("go", "another commit", "refuted", &["origin: commit"]));
    let other = edited_json(&info, |it| it["Version"] = json!("v1.2.4"));
    registries.set_document(INFO, "application/json", other);
    table.push(module.published.expect("go", "another version", "refuted", &["published: metadata"]));
    let silent = edited_json(&info, |it| it["Origin"] = json!(null));
    registries.set_document(INFO, "application/json", silent);
    module.published.expect_proven("go");
    let go_mod = registries.document(&INFO.replace(".info", ".mod")).unwrap();
    let other = [&go_mod, &b"\nrequire example.com/evil v1.0.0\n"[..]].concat();
    registries.set_document(&INFO.replace(".info", ".mod"), "text/plain", other);
    table.push(module.published.expect("go", "another go.mod", "refuted", &["metadata"]));
    registries.remove_documents(".mod");
    table.push(module.published.expect("go", "no go.mod", "unproven", &["metadata: stale-index"]));
    print_note(&table.join("\n"));
}

#[test]
fn false_proofs_of_the_checksum_database_are_refuted() {
    let Some(mut module) = GoModule::publish("false_proofs_of_the_checksum_database") else { return };
    for number in 0..3 {
        let other = GoModuleHashes { module: format!("example.com/m{number}"), ..module.hashes.clone() };
        module.published.registries.record_checksums(&other).unwrap();
    }
    module.serve(&module.hashes.clone());
    module.published.expect_proven("go");
    let answer = String::from_utf8(module.published.registries.document(LOOKUP).unwrap()).unwrap();
    let other_hash = module.other_hashes().module_hash;
    let mut table = Vec::new();
    for (attack, changed, oracle) in [
        // The entry is another one than the tree has.
        ("a hash that is not in the tree", answer.replace(&module.hashes.module_hash, &other_hash), true),
        ("the number of another entry", format!("1{}", &answer[1..]), true),
        ("a number beyond the tree", format!("99{}", &answer[1..]), false),
        ("a tree head of another size", answer.replace("\n5\n", "\n4\n"), true),
        ("an entry of another module", answer.replace(MODULE, "example.com/other"), true),
        ("no signature", answer[..answer.find('—').unwrap()].to_owned(), true),
        ("nothing but a number", "7\n".to_owned(), true),
    ] {
        assert_ne!(changed, answer, "{attack}");
        module.published.registries.set_document(LOOKUP, "text/plain", changed.into_bytes());
        let reason = "checksum-database: checksum-proof";
        table.push(module.published.expect("go", attack, "refuted", &[reason]));
        assert!(!oracle || module.download_with_go().code != 0, "{attack}: go accepts it");
    }
    module.published.registries.set_document(LOOKUP, "text/plain", answer.clone().into_bytes());
    let tile = "/sumdb/tile/8/0/000.p/5";
    let good = module.published.registries.document(tile).unwrap();
    let mut bad = good.clone();
    bad[40] ^= 1;
    module.published.registries.set_document(tile, "application/octet-stream", bad);
    let reason = "checksum-database: checksum-proof";
    table.push(module.published.expect("go", "a changed tile", "refuted", &[reason]));
    assert_ne!(module.download_with_go().code, 0, "go accepts a changed tile");
    module.published.registries.set_document(tile, "application/octet-stream", good[..64].to_vec());
    let reason = "checksum-database: unreachable";
    table.push(module.published.expect("go", "half a tile", "unproven", &[reason]));
    module.published.registries.set_document(tile, "application/octet-stream", good);
    module.published.expect_proven("go");
    print_note(&table.join("\n"));
}

#[test]
fn case_90_the_database_is_asked_only_about_public_versions() {
    let Some(module) = GoModule::publish("asked_only_about_public_versions") else { return };
    module.published.expect_proven("go");
    let registries = &module.published.registries;
    let mut table = Vec::new();
    for (part, status, reason) in [
        (".info", 403, "published: forbidden"),
        (".info", 429, "published: rate-limited"),
        (".zip", 503, "digest: unreachable"),
        ("/lookup/", 429, "checksum-database: rate-limited"),
        ("/lookup/", 404, "checksum-database: unreachable"),
        ("/tile/", 500, "checksum-database: unreachable"),
    ] {
        registries.refuse(part, status, Vec::new(), 2);
        let attack = format!("status {status} for {part}");
        table.push(module.published.expect("go", &attack, "unproven", &[reason]));
        registries.accept_all();
    }
    // A proxy without the version: the database records what it is asked about, so it is not asked.
    let info = registries.document(INFO).unwrap();
    registries.remove_documents("/go/");
    drop(registries.take_requests());
    table.push(module.published.expect("go", "not on the proxy", "unproven", &["published: not-published"]));
    let asked: Vec<String> = registries.take_requests().into_iter().map(|(path, _)| path).collect();
    assert_eq!(asked, [INFO]);
    // A tag that is not public: nothing is asked.
    registries.set_document(INFO, "application/json", info);
    let git_dir = module.published.bed.github.git_dir().to_owned();
    let mut git = hermetic_command("git", module.published.bed.home.path());
    run(git.arg("-C").arg(git_dir).args(["update-ref", "-d", &format!("refs/tags/{TAG}")])).ok();
    table.push(module.published.expect("go", "no public tag", "refuted", &["tag: tag-missing"]));
    assert_eq!(registries.take_requests(), []);
    print_note(&table.join("\n"));
}

#[test]
fn changed_modules_are_refuted() {
    let Some(mut module) = GoModule::publish("changed_modules_are_refuted") else { return };
    let path = module.published.packages.packages[0].clone();
    let root = format!("{MODULE}@{VERSION}");
    for (attack, operation, text) in [
        ("a changed file", format!("set {root}/b.go package evil"), "b.go: differs"),
        ("a file more", format!("set {root}/evil.go package evil"), "evil.go: not in"),
        ("a file less", format!("remove {root}/b.go"), "b.go: missing"),
    ] {
        let words: Vec<&str> = operation.splitn(3, ' ').collect();
        let changed = std::fs::read(module.published.packages.edited(&path, &words)).unwrap();
        module.published.registries.set_document(ZIP, "application/zip", changed);
        print_note(&module.published.expect("go", attack, "refuted", &[text]));
        assert_ne!(module.download_with_go().code, 0, "go accepts {attack}");
    }
    module.serve(&module.hashes.clone());
    module.published.expect_proven("go");
}
