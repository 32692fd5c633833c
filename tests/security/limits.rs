//! Cases 98, 99, 101 and 104: input without an end, and caches that others could prepare.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use super::record;
use crate::sign::ssh::Signed;
use crate::support::repository::{Fixture, Ran, hermetic, run, say, xtask};
use crate::support::test_bed::{TAG, World};

/// How long any of this may take, on a machine that is busy with other tests.
const MAX_TIME: Duration = Duration::from_secs(60);
/// How much memory it may have, in KiB of address space: the program maps some, and its threads reserve their stacks.
const MAX_ADDRESS_KIB: u64 = 2 << 20;

/// Runs the binary with its address space limited: what has no end ends with an error instead of taking the machine.
#[track_caller]
pub(super) fn bounded(folder: &Path, arguments: &[&str]) -> Ran {
    let begun = Instant::now();
    let mut command = hermetic("bash", folder);
    let script = format!("ulimit -v {MAX_ADDRESS_KIB}; exec timeout 60 \"$0\" \"$@\"");
    command.current_dir(folder).args(["-c", &script, env!("CARGO_BIN_EXE_xtask")]).args(arguments);
    let ran = run(&mut command);
    assert!(begun.elapsed() < MAX_TIME, "{arguments:?} did not end");
    // 124: timeout; 134 and 139: abort and segmentation fault, as of a stack that overflowed.
    assert!([0, 1, 2, 10, 11].contains(&ran.code), "{arguments:?}: {}\n{}", ran.code, ran.stderr);
    ran
}

/// A policy for the tag `t`.
fn policy(fixture: &Fixture, signers: &str) {
    let catalog = format!("{}\n[signers]\n{signers}\n", include_str!("../../release.toml"));
    fixture.write(".git/release.toml", catalog.as_bytes());
}

#[test]
fn case_98_patterns_documents_trees_and_people_without_an_end() {
    patterns_against_long_addresses();
    documents_that_nest_deep();
    // Folders that nest deep.
    for (levels, code) in [(3000, 1), (100, 0)] {
        let fixture = Fixture::new();
        fixture.import(deep_tree(levels).as_bytes());
        let ran = bounded(fixture.path(), &["archive", "server/v0.1.0", "--commit", "main"]);
        assert_eq!((ran.code, ran.stderr.contains("levels deep")), (code, code == 1), "{}", ran.stderr);
    }
    // Forty thousand people.
    let begun = Instant::now();
    let fixture = Fixture::new();
    fixture.import(many_people(40_000).as_bytes());
    let notes = ["notes", "server/v0.1.0", "--commit", "main", "--initial-release", "--format", "json"];
    let people = bounded(fixture.path(), &notes).json()["contributors"].as_array().unwrap().len();
    say(&format!("case 98: {people} contributors in {:?}", begun.elapsed()));
    assert_eq!(people, 40_001);
    // A template without an end.
    for (text, said) in [
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "fuel"),
        ("{% for a in range(9999) %}{{ '%1000000s' | format('x') }}{% endfor %}", "template"),
        ("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "recursion"),
    ] {
        let fixture = Fixture::released();
        fixture.write(".git/template", text.as_bytes());
        let ran = bounded(fixture.path(), &["notes", TAG, "--template", ".git/template"]);
        assert!(ran.code == 1 && ran.stderr.contains(said), "{text}: {}", ran.stderr);
    }
    record(98, "patterns, YAML, trees, people, templates without an end", "clear errors", "in time");
}

/// A pattern of many wildcards against an address that almost matches.
fn patterns_against_long_addresses() {
    let signed = Signed::new(&["-t", "ed25519"]);
    let key = std::fs::read_to_string(signed.fixture.path().join(".git/key.pub")).unwrap();
    let policy = format!("{} {key}", "*a".repeat(24));
    std::fs::write(signed.fixture.path().join(".git/allowed"), policy).unwrap();
    let long = format!("{}b@example.com", "a".repeat(60));
    let commit = signed.fixture.git(["rev-parse", "HEAD"]);
    let payload = format!("object {commit}\ntype commit\ntag t\ntagger A <{long}> 1710000000 +0000\n\nm\n");
    signed.fixture.put_tag("t", &signed.sign(&payload, "git"));
    let ran = bounded(signed.fixture.path(), &["verify-tag", "t", "--config", ".git/release.toml"]);
    assert!(ran.code == 10 && ran.stdout.contains("principal"), "{}", ran.stdout);
}

/// Deep documents as version sources.
fn documents_that_nest_deep() {
    let deep = [
        ("yaml", format!("a: {}", "[".repeat(400_000))),
        ("yaml", format!("a:\n {}", "- ".repeat(400_000))),
        ("json", "[".repeat(900_000)),
        ("xml", "<a>".repeat(300_000)),
    ];
    let catalog = include_str!("../../release.toml");
    let server = catalog.find("id = \"server\"").unwrap();
    let (head, tail) = catalog.split_at(server + catalog[server..].find("channels").unwrap());
    for (format, text) in deep {
        let mut fixture = Fixture::released();
        fixture.commit("feat(server): a version", &[("server/version", &text)]);
        fixture.pushed();
        let source = format!(
            "version_source = {{ file = \"server/version\", format = \"{format}\", keys = [\"version\"] }}\n"
        );
        fixture.write(".git/release.toml", format!("{head}{source}{tail}").as_bytes());
        let ran = bounded(fixture.path(), &["doctor", TAG, "--config", ".git/release.toml"]);
        let said = (ran.code, ran.stdout.contains("server/version"));
        assert_eq!(said, (1, true), "{format}: {}\n{}", ran.stdout, ran.stderr);
    }
}

/// A commit with one file below so many folders.
fn deep_tree(levels: usize) -> String {
    let path = "d/".repeat(levels);
    let head = "commit refs/heads/main\ncommitter A <a@x> 1700000000 +0000\ndata 2\nm\n";
    format!("{head}M 100644 inline {path}f\ndata 2\nx\n\n")
}

/// A commit with so many co-authors.
fn many_people(count: usize) -> String {
    let mut message = "feat(server): by everybody\n\n".to_owned();
    for number in 0..count {
        writeln!(message, "Co-authored-by: Person {number} <person{number}@example.com>").unwrap();
    }
    format!(
        "commit refs/heads/main\nauthor A <a@x> 1700000000 +0000\ncommitter A <a@x> 1700000000 +0000\ndata {}\n{message}M 100644 inline server/f\ndata 2\nx\n\n",
        message.len()
    )
}

/// The lines of `[signers]` that name a file.
const SIGNERS: [&str; 4] = [
    "allowed_signers = \"trap\"",
    "allowed_signers = \"allowed\"\nrevoked = \"trap\"",
    "openpgp_keyring = \"trap\"\nopenpgp_fingerprints = [\"0123456789012345678901234567890123456789\"]",
    "x509_certificates = \"trap\"\nx509_fingerprints = [\"0123456789012345678901234567890123456789\"]",
];

#[test]
fn case_99_policy_and_configuration_files_are_plain_and_bounded() {
    let mut count = 0;
    for trap in ["device", "pipe", "long", "link"] {
        for text in SIGNERS {
            let signed = Signed::new(&["-t", "ed25519"]);
            signed.xtask(&["release", TAG, "--sign-tag"]).ok();
            set_trap(&signed.fixture.path().join(".git/trap"), trap);
            policy(&signed.fixture, text);
            let ran = bounded(signed.fixture.path(), &["verify-tag", TAG, "--config", ".git/release.toml"]);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(ran.code != 0 && said.contains("trap"), "{trap} {text}: {said}");
            count += 1;
        }
        count += traps_that_the_operator_names(trap);
    }
    // The twin: the same files, plain.
    let signed = Signed::new(&["-t", "ed25519"]);
    signed.xtask(&["release", TAG, "--sign-tag"]).ok();
    signed.fixture.expect_tag(TAG, "proven", &[]);
    let outcome = format!("errors, {count} files");
    record(99, "policy files that are devices, pipes, links or endless", &outcome, "read");
}

/// Files of the command line, of git's configuration, and the catalog. What the operator names may be a link to a plain
/// file; a device behind it is none. Returns how many were tried.
fn traps_that_the_operator_names(trap: &str) -> usize {
    let fixture = Fixture::released();
    let file = fixture.path().join(".git/trap");
    set_trap(&file, trap);
    let trapped = file.to_str().unwrap();
    let bundle = ["verify", "README.md", "--bundle", "README.md"];
    let commands = [
        vec!["targets", "--config", trapped],
        vec!["notes", TAG, "--template", trapped],
        [&bundle[..], &["-R", "acme/widgets", "--trusted-root", trapped]].concat(),
        [&bundle[..], &["--key", trapped]].concat(),
        vec!["audit", TAG, "--tuf-url", "http://127.0.0.1:1", "--tuf-root", trapped],
    ];
    for arguments in &commands {
        let ran = bounded(fixture.path(), arguments);
        assert!([1, 2].contains(&ran.code), "{arguments:?}: {}", ran.code);
        assert!(ran.stderr.contains("trap"), "{trap} {arguments:?}: {}", ran.stderr);
    }
    fixture.git(["config", "gpg.format", "ssh"]);
    fixture.git(["config", "user.signingKey", trapped]);
    let ran = bounded(fixture.path(), &["doctor", TAG, "--sign-tag"]);
    assert!(ran.code == 1 && ran.stdout.contains("trap"), "{trap}: {}", ran.stdout);
    std::fs::rename(&file, fixture.path().join("release.toml")).unwrap();
    let ran = bounded(fixture.path(), &["targets"]);
    assert!(ran.code == 2 && ran.stderr.contains("release.toml"), "{trap}: {}", ran.stderr);
    commands.len() + 2
}

fn set_trap(path: &Path, kind: &str) {
    match kind {
        "device" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        "link" => std::os::unix::fs::symlink("/dev/null", path).unwrap(),
        "pipe" => {
            run(hermetic("mkfifo", Path::new("/")).arg(path)).ok();
        }
        _ => {
            let file = std::fs::File::create(path).unwrap();
            file.set_len(20 << 30).unwrap();
        }
    }
}

/// A server that answers every request with a head, and then with a body that never ends, or a byte now and then.
fn endless(head: &'static str, pause: Option<Duration>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                // However the client ends it is an end.
                if stream.read(&mut request).is_err() || stream.write_all(head.as_bytes()).is_err() {
                    return;
                }
                let piece = vec![b' '; if pause.is_some() { 1 } else { 1 << 20 }];
                for _ in 0..100_000 {
                    if stream.write_all(&piece).is_err() {
                        return;
                    }
                    std::thread::sleep(pause.unwrap_or_default());
                }
            });
        }
    });
    address
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

#[test]
fn case_101_answers_without_an_end_or_a_byte_at_a_time_end() {
    let fixture = Fixture::released();
    fixture.write(".git/file", b"x");
    for (what, pause) in [("endless", None), ("a byte at a time", Some(Duration::from_millis(400)))] {
        let address = endless(HEAD, pause);
        let git = format!("{address}/acme/widgets.git");
        fixture.git(["remote", "set-url", "origin", &git]);
        for arguments in [
            &["verify", ".git/file", "-R", "acme/widgets"][..],
            &["audit", TAG, "-R", "acme/widgets"],
            &["doctor", TAG, "--push", "-R", "acme/widgets"],
        ] {
            let begun = Instant::now();
            let mut command = hermetic("bash", fixture.path());
            let script = format!("ulimit -v {MAX_ADDRESS_KIB}; exec timeout 100 \"$0\" \"$@\"");
            command
                .current_dir(fixture.path())
                .args(["-c", &script, env!("CARGO_BIN_EXE_xtask")])
                .args(arguments);
            command.env("GITHUB_API_URL", &address).env("GH_TOKEN", "invented");
            command.env("RELEASE_HTTP_TRIES", "1").env("RELEASE_HTTP_TIMEOUT", "1");
            let ran = run(&mut command);
            assert!([1, 11].contains(&ran.code), "{what} {arguments:?}: {}\n{}", ran.code, ran.stderr);
            assert!(begun.elapsed() < Duration::from_secs(90), "{what} {arguments:?}: {:?}", begun.elapsed());
        }
    }
    an_asset_without_an_end();
    record(101, "answers without an end, or a byte at a time", "unproven, or an error to go on from", "read");
}

/// An asset that is said to be larger than any, and that has no end.
fn an_asset_without_an_end() {
    let world = World::new();
    world.publish().ok();
    let mut release = world.release();
    let address = endless(HEAD, None);
    for asset in release["assets"].as_array_mut().unwrap() {
        asset["size"] = (1_u64 << 60).into();
        asset["browser_download_url"] = address.clone().into();
    }
    let when = emulators::FaultTiming::Before;
    let what = emulators::FaultKind::CannedResponse {
        status: 200,
        headers: vec![],
        body: release.to_string(),
        timing: when,
    };
    world
        .github
        .inject(emulators::Fault { times: 9, ..emulators::Fault::once("GET", "/releases/tags/", what) });
    let begun = Instant::now();
    let ran = world.run(&["audit", TAG]);
    assert!([10, 11].contains(&ran.code), "{}\n{}", ran.stdout, ran.stderr);
    assert!(begun.elapsed() < MAX_TIME, "{:?}", begun.elapsed());
}

#[test]
fn what_comes_slowly_but_comes_is_read() {
    let world = World::new();
    let slow = emulators::FaultKind::SlowResponse(Duration::from_millis(100));
    world.github.inject(emulators::Fault { times: 3, ..emulators::Fault::once("GET", "/releases", slow) });
    world.publish().ok();
}

#[test]
fn case_104_without_a_home_no_cache_is_used() {
    let world = World::new();
    let temporary = tempfile::tempdir().unwrap();
    let mut command = world.command(&["release", TAG, "--push"]);
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME").env("TMPDIR", temporary.path());
    // What another local user could have prepared.
    let prepared = temporary.path().join("opensandbox-release");
    std::fs::create_dir_all(prepared.join("logins/acme")).unwrap();
    let commit = world.clone.git(["rev-parse", "HEAD~1"]);
    std::fs::write(prepared.join("logins/acme/widgets"), format!("{commit} evil\n")).unwrap();
    let before = crate::support::repository::everything(&prepared);
    run(&mut command).ok();
    assert_eq!(crate::support::repository::everything(&prepared), before, "a prepared cache was used");
    assert!(!world.release()["body"].as_str().unwrap().contains("@evil"));
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    // The twin: with a home there is a cache.
    let world = World::new();
    world.publish().ok();
    assert!(world.home.path().join(".cache/opensandbox-release/locks").is_dir());
    record(104, "no HOME: a cache that another user prepared", "no cache", "a cache of one's own");
}

#[test]
fn the_binary_starts_in_the_address_space_that_these_tests_allow() {
    let fixture = Fixture::released();
    assert_eq!(bounded(fixture.path(), &["targets"]).code, 0);
    assert_eq!(run(xtask(fixture.path()).arg("targets")).code, 0);
}
