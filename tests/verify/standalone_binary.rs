//! `opensandbox-verify` has the output and the flags of `xtask verify`, and does not link gpgme.

use std::path::Path;
use std::process::Command;

use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS};
use crate::support::repository::{hermetic_command, run};

const VERIFIER_PROGRAM: &str = env!("CARGO_BIN_EXE_opensandbox-verify");
const XTASK_PROGRAM: &str = env!("CARGO_BIN_EXE_xtask");

/// Returns the same command for `opensandbox-verify`.
fn verifier_command(suite: &Command, folder: &Path) -> Command {
    let mut command = hermetic_command(VERIFIER_PROGRAM, folder);
    let arguments: Vec<_> = suite.get_args().collect();
    assert_eq!(arguments[0], "verify");
    command.current_dir(folder).args(&arguments[1..]);
    command
}

#[test]
fn verifier_output_equals_xtask_verify() {
    let mut attested_file = AttestedFile::new();
    let right = attested_file.bundle();
    let mut forged = right.clone();
    forged["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA".into();
    let (right, forged) = (right.to_string(), forged.to_string());
    let other = ["--signer-workflow", "acme/widgets/.github/workflows/other.yml"];
    let person =
        ["--certificate-identity", "ada@example.com", "--certificate-oidc-issuer", "https://example.com"];
    let typed = ["--predicate-type", "https://example.com/other"];
    let mut codes = Vec::new();
    for (bundle, arguments) in [
        (&right, &RELEASE_POLICY_FLAGS[..]),
        (&right, &other),
        (&right, &person),
        (&forged, &RELEASE_POLICY_FLAGS),
        (&right, &typed),
        (&right, &["--predicate-type", ""]),
        (&right, &["--certificate-identity", "ada@example.com"]),
    ] {
        let mut suite = attested_file.command(bundle, "bundle.json", arguments);
        let mut by_itself = verifier_command(&suite, attested_file.folder.path());
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
fn verifier_flags_equal_xtask_verify() {
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
    let suite = flags(hermetic_command(XTASK_PROGRAM, home.path()).arg("verify"));
    let by_itself = flags(&mut hermetic_command(VERIFIER_PROGRAM, home.path()));
    assert!(suite.contains(&"--signer-workflow".to_owned()), "{suite:?}");
    let (verifier_only, shared): (Vec<_>, Vec<_>) = by_itself.into_iter().partition(|it| it == "--version");
    assert_eq!((verifier_only.len(), shared), (1, suite));
}

#[test]
fn verifier_does_not_link_gpgme() {
    let names = |program| {
        let bytes = std::fs::read(program).unwrap();
        bytes.windows(9).any(|it| it == b"libgpgme.")
    };
    assert!(names(XTASK_PROGRAM), "xtask does not contain the name of the library");
    assert!(!names(VERIFIER_PROGRAM));
}
