//! `opensandbox-verify`: the verb `verify` by itself says what the suite says.

use std::path::Path;
use std::process::Command;

use crate::support::attested_file::{Minted, POLICY};
use crate::support::repository::{hermetic, run};

const VERIFIER: &str = env!("CARGO_BIN_EXE_opensandbox-verify");
const SUITE: &str = env!("CARGO_BIN_EXE_xtask");

/// The same run, of the program by itself.
fn alone(suite: &Command, folder: &Path) -> Command {
    let mut command = hermetic(VERIFIER, folder);
    let arguments: Vec<_> = suite.get_args().collect();
    assert_eq!(arguments[0], "verify");
    command.current_dir(folder).args(&arguments[1..]);
    command
}

#[test]
fn it_says_what_the_suite_says() {
    let mut minted = Minted::new();
    let right = minted.bundle();
    let mut forged = right.clone();
    forged["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA".into();
    let (right, forged) = (right.to_string(), forged.to_string());
    let other = ["--signer-workflow", "acme/widgets/.github/workflows/other.yml"];
    let person =
        ["--certificate-identity", "ada@example.com", "--certificate-oidc-issuer", "https://example.com"];
    let typed = ["--predicate-type", "https://example.com/other"];
    let mut codes = Vec::new();
    for (bundle, arguments) in [
        (&right, &POLICY[..]),
        (&right, &other),
        (&right, &person),
        (&forged, &POLICY),
        (&right, &typed),
        (&right, &["--predicate-type", ""]),
        (&right, &["--certificate-identity", "ada@example.com"]),
    ] {
        let mut suite = minted.command(bundle, "bundle.json", arguments);
        let mut by_itself = alone(&suite, minted.folder.path());
        let (theirs, ours) = (run(&mut suite), run(&mut by_itself));
        assert_eq!(
            (ours.code, &ours.stdout),
            (theirs.code, &theirs.stdout),
            "{arguments:?}\n{}",
            ours.stderr
        );
        assert_eq!(ours.stdout.is_empty(), ours.code == 2, "{arguments:?}");
        codes.push(ours.code);
    }
    assert_eq!(codes, [0, 10, 10, 10, 11, 2, 2]);
}

#[test]
fn it_takes_the_flags_of_the_suite() {
    let flags = |command: &mut Command| {
        let help = run(command.arg("--help")).ok().stdout;
        let mut flags: Vec<String> = help
            .lines()
            .filter_map(|line| Some(format!("--{}", line.split_once("--")?.1.split(' ').next()?)))
            .collect();
        flags.sort();
        flags
    };
    let home = tempfile::tempdir().unwrap();
    let suite = flags(hermetic(SUITE, home.path()).arg("verify"));
    let by_itself = flags(&mut hermetic(VERIFIER, home.path()));
    assert!(suite.contains(&"--signer-workflow".to_owned()), "{suite:?}");
    let (own, shared): (Vec<_>, Vec<_>) = by_itself.into_iter().partition(|it| it == "--version");
    assert_eq!((own.len(), shared), (1, suite));
}

#[test]
fn it_links_nothing_of_what_signs() {
    let names = |program| {
        let bytes = std::fs::read(program).unwrap();
        bytes.windows(9).any(|it| it == b"libgpgme.")
    };
    assert!(names(SUITE), "what is looked for is not what the suite links");
    assert!(!names(VERIFIER));
}
