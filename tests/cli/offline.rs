//! `verify` reads no file of the operator, and with `--offline` it does not use the network.

use std::path::Path;

use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS, verify_verdict};
use crate::support::repository::{hermetic_command, print_note, run};

/// Whether strace is installed and may trace processes, which some machines do not allow. If not, a note reports that
/// the test was skipped. In CI a missing strace is a failure.
pub(crate) fn strace_is_available(test: &str) -> bool {
    let installed = std::process::Command::new("strace").arg("-V").output().is_ok();
    let allowed = installed
        && run(hermetic_command("strace", Path::new("/")).args(["-o", "/dev/null", "true"])).code == 0;
    if !allowed {
        assert!(installed || std::env::var_os("CI").is_none(), "strace is missing: run scripts/setup.sh");
        print_note(&format!(
            "SKIPPED {test}: strace is missing (scripts/setup.sh installs it) or not allowed here"
        ));
    }
    allowed
}

/// Verifies the file under strace. Returns the calls that open files and sockets.
fn trace_syscalls(attested_file: &AttestedFile, arguments: &[&str]) -> String {
    let log = attested_file.path("trace");
    let command = attested_file.command(
        &std::fs::read_to_string(attested_file.path("bundle.json")).unwrap(),
        "bundle.json",
        arguments,
    );
    let mut strace = hermetic_command("strace", attested_file.folder.path());
    strace.args(["-f", "-e", "trace=%network,openat,open", "-o"]).arg(&log);
    strace.arg(command.get_program()).args(command.get_args());
    let output = run(&mut strace);
    assert_eq!(verify_verdict(&output).0, "proven", "{}", output.stderr);
    std::fs::read_to_string(log).unwrap()
}

#[test]
fn offline_verify_opens_no_socket() {
    let mut attested_file = AttestedFile::new();
    let bundle = attested_file.bundle();
    // A home full of broken files, so that reading any of them is noticed: a keyring, configuration, caches.
    for (path, text) in [
        (".gnupg/pubring.kbx", "broken"),
        (".gitconfig", "[broken"),
        (".config/gh/hosts.yml", "broken"),
        (".config/git/config", "[broken"),
        (".sigstore/root/tuf.db", "broken"),
        (".netrc", "broken"),
    ] {
        let file = attested_file.path(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let root = attested_file.path("root.json");
    let offline =
        [&RELEASE_POLICY_FLAGS[..], &["--offline", "--trusted-root", root.to_str().unwrap()]].concat();
    assert_eq!(verify_verdict(&attested_file.verify(&bundle, &offline)).0, "proven");
    if !strace_is_available("offline_verify_opens_no_socket") {
        return;
    }
    let trace = trace_syscalls(&attested_file, &offline);
    let sockets: Vec<&str> =
        trace.lines().filter(|it| it.contains("socket(") || it.contains("connect(")).collect();
    assert!(sockets.is_empty(), "{sockets:#?}");
    let home = attested_file.folder.path().to_str().unwrap();
    let is_user_file = |line: &&str| {
        [".gnupg", ".gitconfig", ".config", ".sigstore", ".netrc", ".cache"]
            .iter()
            .any(|it| line.contains(&format!("{home}/{it}")))
    };
    let read: Vec<&str> = trace.lines().filter(is_user_file).filter(|it| !it.contains("ENOENT")).collect();
    assert!(read.is_empty(), "{read:#?}");
}

#[test]
fn offline_verify_works_without_a_network() {
    let mut attested_file = AttestedFile::new();
    let bundle = attested_file.bundle().to_string();
    let command =
        attested_file.command(&bundle, "bundle.json", &[&RELEASE_POLICY_FLAGS[..], &["--offline"]].concat());
    let allowed =
        run(hermetic_command("unshare", attested_file.folder.path()).args(["-rn", "true"])).code == 0;
    if !allowed {
        print_note("SKIPPED offline_verify_works_without_a_network: no network namespace allowed");
        return;
    }
    let inside = |command: &std::process::Command| {
        let mut unshare = hermetic_command("unshare", attested_file.folder.path());
        unshare.arg("-rn").arg(command.get_program()).args(command.get_args());
        run(unshare.env("RELEASE_HTTP_TRIES", "1").env("RELEASE_HTTP_TIMEOUT", "2"))
    };
    // The built-in roots do not contain this authority: the bundle is refuted without any request.
    assert_eq!(verify_verdict(&inside(&command)), ("refuted".to_owned(), "trust-root".to_owned()));
    let command = attested_file.command(&bundle, "bundle.json", &RELEASE_POLICY_FLAGS);
    assert_eq!(verify_verdict(&inside(&command)).0, "proven");
    // Without --offline the roots are fetched over TUF. If that fails, the built-in ones are used.
    let mut online = crate::support::repository::xtask(attested_file.folder.path());
    online.args(["verify", &attested_file.file_path(), "-R", "acme/widgets", "--format", "json", "--bundle"]);
    online.arg(attested_file.path("bundle.json"));
    let output = inside(&online);
    assert_eq!(verify_verdict(&output), ("refuted".to_owned(), "trust-root".to_owned()));
    assert!(
        output.json()["trusted_root"].as_str().unwrap().contains("built-in trusted roots"),
        "{}",
        output.stdout
    );
    // Attestations that only GitHub has are unproven.
    let mut online = crate::support::repository::xtask(attested_file.folder.path());
    online.args([
        "verify",
        &attested_file.file_path(),
        "-R",
        "acme/widgets",
        "--format",
        "json",
        "--trusted-root",
    ]);
    online.arg(attested_file.path("root.json"));
    assert_eq!(verify_verdict(&inside(&online)), ("unproven".to_owned(), "unreachable".to_owned()));
}
