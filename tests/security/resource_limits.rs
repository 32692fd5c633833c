//! Cases 98, 99, 101 and 104: inputs and responses without an end, and caches that other users could prepare.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use super::record_case;
use crate::sign::ssh_signer::SshTagSigner;
use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, print_note, run, xtask};
use crate::support::test_bed::{TAG, TestBed};

/// Time limit of one command, on a machine that runs other tests at the same time.
const MAX_TIME: Duration = Duration::from_secs(60);
/// Limit of the address space, in KiB. It includes mapped files and the reserved stacks of the threads.
const MAX_ADDRESS_KIB: u64 = 2 << 20;

/// Runs the binary with a limited address space: an endless input ends in an error and cannot exhaust the machine.
#[track_caller]
pub(super) fn run_bounded(folder: &Path, arguments: &[&str]) -> CapturedOutput {
    let begun = Instant::now();
    let mut command = hermetic_command("bash", folder);
    let script = format!("ulimit -v {MAX_ADDRESS_KIB}; exec timeout 60 \"$0\" \"$@\"");
    command.current_dir(folder).args(["-c", &script, env!("CARGO_BIN_EXE_xtask")]).args(arguments);
    let output = run(&mut command);
    assert!(begun.elapsed() < MAX_TIME, "{arguments:?} did not end in time");
    // Not allowed: 124 (timeout), 134 and 139 (abort and segmentation fault, as after a stack overflow).
    assert!([0, 1, 2, 10, 11].contains(&output.code), "{arguments:?}: {}\n{}", output.code, output.stderr);
    output
}

/// Writes a release configuration with these lines in `[signers]`.
fn write_policy(fixture: &TestRepository, signers: &str) {
    let catalog = format!("{}\n[signers]\n{signers}\n", include_str!("../../release.toml"));
    fixture.write_file(".git/release.toml", catalog.as_bytes());
}

#[test]
fn case_98_unbounded_inputs_end_with_an_error() {
    check_wildcard_patterns();
    check_nested_documents();
    // Deeply nested directories.
    for (levels, code) in [(3000, 1), (100, 0)] {
        let fixture = TestRepository::new();
        fixture.fast_import(nested_tree_stream(levels).as_bytes());
        let output = run_bounded(fixture.path(), &["archive", "server/v0.1.0", "--commit", "main"]);
        assert_eq!(
            (output.code, output.stderr.contains("levels deep")),
            (code, code == 1),
            "{}",
            output.stderr
        );
    }
    // 40,000 contributors.
    let begun = Instant::now();
    let fixture = TestRepository::new();
    fixture.fast_import(co_authors_stream(40_000).as_bytes());
    let notes = ["notes", "server/v0.1.0", "--commit", "main", "--initial-release", "--format", "json"];
    let people = run_bounded(fixture.path(), &notes).json()["contributors"].as_array().unwrap().len();
    print_note(&format!("case 98: {people} contributors in {:?}", begun.elapsed()));
    assert_eq!(people, 40_001);
    // Templates that do not end.
    for (text, expected_error) in [
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "fuel"),
        ("{% for a in range(9999) %}{{ '%1000000s' | format('x') }}{% endfor %}", "template"),
        ("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "recursion"),
    ] {
        let fixture = TestRepository::with_release();
        fixture.write_file(".git/template", text.as_bytes());
        let output = run_bounded(fixture.path(), &["notes", TAG, "--template", ".git/template"]);
        assert!(output.code == 1 && output.stderr.contains(expected_error), "{text}: {}", output.stderr);
    }
    record_case(98, "endless patterns, YAML, trees, people, templates", "clear errors", "in time");
}

/// Checks a pattern with many wildcards against an address that almost matches.
fn check_wildcard_patterns() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    let key = std::fs::read_to_string(signer.fixture.path().join(".git/key.pub")).unwrap();
    let policy = format!("{} {key}", "*a".repeat(24));
    std::fs::write(signer.fixture.path().join(".git/allowed"), policy).unwrap();
    let long = format!("{}b@example.com", "a".repeat(60));
    let commit = signer.fixture.git(["rev-parse", "HEAD"]);
    let payload = format!("object {commit}\ntype commit\ntag t\ntagger A <{long}> 1710000000 +0000\n\nm\n");
    signer.fixture.write_tag_object("t", &signer.sign_payload(&payload, "git"));
    let output = run_bounded(signer.fixture.path(), &["verify-tag", "t", "--config", ".git/release.toml"]);
    assert!(output.code == 10 && output.stdout.contains("principal"), "{}", output.stdout);
}

/// Checks deeply nested documents as version sources.
fn check_nested_documents() {
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
        let mut fixture = TestRepository::with_release();
        fixture.commit("feat(server): a version", &[("server/version", &text)]);
        fixture.push_main();
        let source = format!(
            "version_source = {{ file = \"server/version\", format = \"{format}\", keys = [\"version\"] }}\n"
        );
        fixture.write_file(".git/release.toml", format!("{head}{source}{tail}").as_bytes());
        let output = run_bounded(fixture.path(), &["doctor", TAG, "--config", ".git/release.toml"]);
        let result = (output.code, output.stdout.contains("server/version"));
        assert_eq!(result, (1, true), "{format}: {}\n{}", output.stdout, output.stderr);
    }
}

/// Returns a fast-import stream of a commit with one file below `levels` directories.
fn nested_tree_stream(levels: usize) -> String {
    let path = "d/".repeat(levels);
    let head = "commit refs/heads/main\ncommitter A <a@x> 1700000000 +0000\ndata 2\nm\n";
    format!("{head}M 100644 inline {path}f\ndata 2\nx\n\n")
}

/// Returns a fast-import stream of a commit with `count` co-authors.
fn co_authors_stream(count: usize) -> String {
    let mut message = "feat(server): by everybody\n\n".to_owned();
    for number in 0..count {
        writeln!(message, "Co-authored-by: Person {number} <person{number}@example.com>").unwrap();
    }
    format!(
        "commit refs/heads/main\nauthor A <a@x> 1700000000 +0000\ncommitter A <a@x> 1700000000 +0000\ndata {}\n{message}M 100644 inline server/f\ndata 2\nx\n\n",
        message.len()
    )
}

/// Lines of `[signers]` that name a file.
const POLICY_FILE_LINES: [&str; 4] = [
    "allowed_signers = \"trap\"",
    "allowed_signers = \"allowed\"\nrevoked = \"trap\"",
    "openpgp_keyring = \"trap\"\nopenpgp_fingerprints = [\"0123456789012345678901234567890123456789\"]",
    "x509_certificates = \"trap\"\nx509_fingerprints = [\"0123456789012345678901234567890123456789\"]",
];

#[test]
fn case_99_special_policy_files_are_refused() {
    let mut count = 0;
    for trap in ["device", "pipe", "long", "link"] {
        for text in POLICY_FILE_LINES {
            let signer = SshTagSigner::new(&["-t", "ed25519"]);
            signer.xtask(&["release", TAG, "--sign-tag"]).ok();
            create_trap(&signer.fixture.path().join(".git/trap"), trap);
            write_policy(&signer.fixture, text);
            let output =
                run_bounded(signer.fixture.path(), &["verify-tag", TAG, "--config", ".git/release.toml"]);
            let output_text = format!("{}{}", output.stdout, output.stderr);
            assert!(output.code != 0 && output_text.contains("trap"), "{trap} {text}: {output_text}");
            count += 1;
        }
        count += check_operator_files(trap);
    }
    // The twin: the same files as regular files.
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    signer.xtask(&["release", TAG, "--sign-tag"]).ok();
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    let outcome = format!("errors, {count} files");
    record_case(99, "policy files that are devices, pipes, links or endless", &outcome, "read");
}

/// Checks files of the command line and of git's configuration, and the release configuration. A file that the operator
/// names may be a link to a regular file, but not to a device. Returns the number of files.
fn check_operator_files(trap: &str) -> usize {
    let fixture = TestRepository::with_release();
    let file = fixture.path().join(".git/trap");
    create_trap(&file, trap);
    let trapped = file.to_str().unwrap();
    let bundle = ["verify", "README.md", "--bundle", "README.md"];
    let commands = [
        vec!["targets", "--config", trapped],
        vec!["notes", TAG, "--template", trapped],
        [&bundle[..], &["-R", "acme/widgets", "--trusted-root", trapped]].concat(),
        [&bundle[..], &["--key", trapped]].concat(),
        vec!["audit", TAG, "--channel", "source", "--tuf-url", "http://127.0.0.1:1", "--tuf-root", trapped],
    ];
    for arguments in &commands {
        let output = run_bounded(fixture.path(), arguments);
        assert!([1, 2].contains(&output.code), "{arguments:?}: {}", output.code);
        assert!(output.stderr.contains("trap"), "{trap} {arguments:?}: {}", output.stderr);
    }
    fixture.git(["config", "gpg.format", "ssh"]);
    fixture.git(["config", "user.signingKey", trapped]);
    let output = run_bounded(fixture.path(), &["doctor", TAG, "--sign-tag"]);
    assert!(output.code == 1 && output.stdout.contains("trap"), "{trap}: {}", output.stdout);
    std::fs::rename(&file, fixture.path().join("release.toml")).unwrap();
    let output = run_bounded(fixture.path(), &["targets"]);
    assert!(output.code == 2 && output.stderr.contains("release.toml"), "{trap}: {}", output.stderr);
    commands.len() + 2
}

fn create_trap(path: &Path, kind: &str) {
    match kind {
        "device" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        "link" => std::os::unix::fs::symlink("/dev/null", path).unwrap(),
        "pipe" => {
            run(hermetic_command("mkfifo", Path::new("/")).arg(path)).ok();
        }
        _ => {
            let file = std::fs::File::create(path).unwrap();
            file.set_len(20 << 30).unwrap();
        }
    }
}

/// Starts a server that answers every request with a head and a body without an end, or with one byte after each
/// `pause`. Returns its URL.
fn endless_server(head: &'static str, pause: Option<Duration>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                // An error means that the client closed the connection, which ends the thread.
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

const RESPONSE_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

#[test]
fn case_101_endless_responses_end_with_an_error() {
    let fixture = TestRepository::with_release();
    fixture.write_file(".git/file", b"x");
    for (what, pause) in [("endless", None), ("a byte at a time", Some(Duration::from_millis(400)))] {
        let address = endless_server(RESPONSE_HEAD, pause);
        let git = format!("{address}/acme/widgets.git");
        fixture.git(["remote", "set-url", "origin", &git]);
        for arguments in [
            &["verify", ".git/file", "-R", "acme/widgets"][..],
            &["audit", TAG, "--channel", "source", "-R", "acme/widgets"],
            &["doctor", TAG, "--push", "-R", "acme/widgets"],
        ] {
            let begun = Instant::now();
            let mut command = hermetic_command("bash", fixture.path());
            let script = format!("ulimit -v {MAX_ADDRESS_KIB}; exec timeout 100 \"$0\" \"$@\"");
            command
                .current_dir(fixture.path())
                .args(["-c", &script, env!("CARGO_BIN_EXE_xtask")])
                .args(arguments);
            command.env("GITHUB_API_URL", &address).env("GH_TOKEN", "invented");
            command.env("RELEASE_HTTP_TRIES", "1").env("RELEASE_HTTP_TIMEOUT", "1");
            let output = run(&mut command);
            assert!(
                [1, 11].contains(&output.code),
                "{what} {arguments:?}: {}\n{}",
                output.code,
                output.stderr
            );
            assert!(begun.elapsed() < Duration::from_secs(90), "{what} {arguments:?}: {:?}", begun.elapsed());
        }
    }
    check_endless_asset();
    record_case(101, "endless responses, or one byte at a time", "unproven, or an error", "read");
}

/// Checks an asset whose size is reported as 1 EiB and whose content does not end.
fn check_endless_asset() {
    let bed = TestBed::new();
    bed.publish().ok();
    let mut release = bed.only_release();
    let address = endless_server(RESPONSE_HEAD, None);
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
    bed.github
        .inject(emulators::Fault { times: 9, ..emulators::Fault::once("GET", "/releases/tags/", what) });
    let begun = Instant::now();
    let output = bed.run(&["audit", TAG, "--channel", "source"]);
    assert!([10, 11].contains(&output.code), "{}\n{}", output.stdout, output.stderr);
    assert!(begun.elapsed() < MAX_TIME, "{:?}", begun.elapsed());
}

#[test]
fn slow_responses_are_read() {
    let bed = TestBed::new();
    let slow = emulators::FaultKind::SlowResponse(Duration::from_millis(100));
    bed.github.inject(emulators::Fault { times: 3, ..emulators::Fault::once("GET", "/releases", slow) });
    bed.publish().ok();
}

#[test]
fn case_104_no_cache_is_used_without_a_home() {
    let bed = TestBed::new();
    let temporary = tempfile::tempdir().unwrap();
    let mut command = bed.command(&["release", TAG, "--push"]);
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME").env("TMPDIR", temporary.path());
    // A cache that another local user could have prepared.
    let prepared = temporary.path().join("opensandbox-release");
    std::fs::create_dir_all(prepared.join("logins/acme")).unwrap();
    let commit = bed.clone.git(["rev-parse", "HEAD~1"]);
    std::fs::write(prepared.join("logins/acme/widgets"), format!("{commit} evil\n")).unwrap();
    let before = crate::support::repository::directory_snapshot(&prepared);
    run(&mut command).ok();
    assert_eq!(
        crate::support::repository::directory_snapshot(&prepared),
        before,
        "a prepared cache was used"
    );
    assert!(!bed.only_release()["body"].as_str().unwrap().contains("@evil"));
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    // The twin: with a home directory there is a cache.
    let bed = TestBed::new();
    bed.publish().ok();
    assert!(bed.home.path().join(".cache/opensandbox-release/locks").is_dir());
    record_case(104, "no HOME: a cache that another user prepared", "no cache", "a cache below HOME");
}

#[test]
fn binary_starts_within_the_address_space_limit() {
    let fixture = TestRepository::with_release();
    assert_eq!(run_bounded(fixture.path(), &["targets"]).code, 0);
    assert_eq!(run(xtask(fixture.path()).arg("targets")).code, 0);
}
