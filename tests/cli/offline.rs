//! Nothing of the operator's is read, and without the network there is no network.

use std::path::Path;

use crate::support::attested_file::{Minted, POLICY, verdict};
use crate::support::repository::{hermetic, run, say};

/// Whether strace is there and may look at other processes. Where it is missing, that is said aloud, and fails in CI; some machines
/// forbid it.
pub(crate) fn may_trace(test: &str) -> bool {
    let there = std::process::Command::new("strace").arg("-V").output().is_ok();
    let allowed =
        there && run(hermetic("strace", Path::new("/")).args(["-o", "/dev/null", "true"])).code == 0;
    if !allowed {
        assert!(there || std::env::var_os("CI").is_none(), "strace is missing: run scripts/setup.sh");
        say(&format!("SKIPPED {test}: strace is missing (scripts/setup.sh installs it) or not allowed here"));
    }
    allowed
}

/// What opens files and sockets in a run, as strace tells it.
fn traced(minted: &Minted, arguments: &[&str]) -> String {
    let log = minted.path("trace");
    let command = minted.command(
        &std::fs::read_to_string(minted.path("bundle.json")).unwrap(),
        "bundle.json",
        arguments,
    );
    let mut strace = hermetic("strace", minted.folder.path());
    strace.args(["-f", "-e", "trace=%network,openat,open", "-o"]).arg(&log);
    strace.arg(command.get_program()).args(command.get_args());
    let ran = run(&mut strace);
    assert_eq!(verdict(&ran).0, "proven", "{}", ran.stderr);
    std::fs::read_to_string(log).unwrap()
}

#[test]
fn offline_there_is_no_socket_and_nothing_of_the_operators_is_read() {
    let mut minted = Minted::new();
    let bundle = minted.bundle();
    // A home that would be found out: a keyring, configuration, caches, all of them broken.
    for (path, text) in [
        (".gnupg/pubring.kbx", "broken"),
        (".gitconfig", "[broken"),
        (".config/gh/hosts.yml", "broken"),
        (".config/git/config", "[broken"),
        (".sigstore/root/tuf.db", "broken"),
        (".netrc", "broken"),
    ] {
        let file = minted.path(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let root = minted.path("root.json");
    let offline = [&POLICY[..], &["--offline", "--trusted-root", root.to_str().unwrap()]].concat();
    assert_eq!(verdict(&minted.verify(&bundle, &offline)).0, "proven");
    if !may_trace("offline_there_is_no_socket") {
        return;
    }
    let trace = traced(&minted, &offline);
    let sockets: Vec<&str> =
        trace.lines().filter(|it| it.contains("socket(") || it.contains("connect(")).collect();
    assert!(sockets.is_empty(), "{sockets:#?}");
    let home = minted.folder.path().to_str().unwrap();
    let own = |line: &&str| {
        [".gnupg", ".gitconfig", ".config", ".sigstore", ".netrc", ".cache"]
            .iter()
            .any(|it| line.contains(&format!("{home}/{it}")))
    };
    let read: Vec<&str> = trace.lines().filter(own).filter(|it| !it.contains("ENOENT")).collect();
    assert!(read.is_empty(), "{read:#?}");
}

#[test]
fn in_an_empty_network_namespace_everything_that_is_here_is_proven() {
    let mut minted = Minted::new();
    let bundle = minted.bundle().to_string();
    let command = minted.command(&bundle, "bundle.json", &[&POLICY[..], &["--offline"]].concat());
    let allowed = run(hermetic("unshare", minted.folder.path()).args(["-rn", "true"])).code == 0;
    if !allowed {
        say("SKIPPED in_an_empty_network_namespace: this machine allows none");
        return;
    }
    let inside = |command: &std::process::Command| {
        let mut unshare = hermetic("unshare", minted.folder.path());
        unshare.arg("-rn").arg(command.get_program()).args(command.get_args());
        run(unshare.env("RELEASE_HTTP_TRIES", "1").env("RELEASE_HTTP_TIMEOUT", "2"))
    };
    // The built-in roots do not know our authority: it is refused, and nobody was asked.
    assert_eq!(verdict(&inside(&command)), ("refuted".to_owned(), "trust-root".to_owned()));
    let command = minted.command(&bundle, "bundle.json", &POLICY);
    assert_eq!(verdict(&inside(&command)).0, "proven");
    // Without --offline the roots are looked for over TUF; where nobody answers, those of this program count.
    let mut online = crate::support::repository::xtask(minted.folder.path());
    online.args(["verify", &minted.file(), "-R", "acme/widgets", "--format", "json", "--bundle"]);
    online.arg(minted.path("bundle.json"));
    let ran = inside(&online);
    assert_eq!(verdict(&ran), ("refuted".to_owned(), "trust-root".to_owned()));
    assert!(
        ran.json()["trusted_root"].as_str().unwrap().contains("built-in trusted roots"),
        "{}",
        ran.stdout
    );
    // And what only GitHub has is unproven.
    let mut online = crate::support::repository::xtask(minted.folder.path());
    online.args(["verify", &minted.file(), "-R", "acme/widgets", "--format", "json", "--trusted-root"]);
    online.arg(minted.path("root.json"));
    assert_eq!(verdict(&inside(&online)), ("unproven".to_owned(), "unreachable".to_owned()));
}
