//! Cases 94, 95, 102, 103 and 107: trusted signers, the expected repository, and ambiguous names on GitHub.

use serde_json::json;

use super::record_case;
use crate::sign::ssh_signer::SshTagSigner;
use crate::sign::{openpgp_signer, x509};
use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS, SIGNING_TIME};
use crate::support::published_release::{PublishedRelease, unproven_findings};
use crate::support::repository::{hermetic_command, run, xtask};
use crate::support::test_bed::{TAG, TestBed};

/// Flags for the policy of [`SshTagSigner`], which names one SSH key.
const POLICY_FLAGS: [&str; 2] = ["--config", ".git/release.toml"];

/// Returns a test bed whose release configuration names one trusted signer.
fn bed_with_signers() -> TestBed {
    TestBed::with_clone(SshTagSigner::new(&["-t", "ed25519"]).fixture)
}

/// Returns everything that a release could have written or sent: releases, refs of the remote, tags, and whether `dist`
/// exists.
fn release_state(bed: &TestBed) -> (Vec<serde_json::Value>, String, String, bool) {
    let (releases, origin) = bed.remote_state();
    let tags = bed.clone.git(["for-each-ref", "refs/tags"]);
    (releases, origin, tags, bed.clone.path().join("dist").exists())
}

/// Releases with every combination of flags, and asserts that each is refused for this reason before anything is
/// written.
#[track_caller]
fn expect_refused_with_any_flags(bed: &TestBed, reason: &str, flags: &[&[&str]]) {
    let before = release_state(bed);
    for push in [&[][..], &["--push"], &["--push", "--draft"]] {
        for flags in flags {
            for dry_run in [&["--dry-run"][..], &[]] {
                let arguments =
                    [&["release", TAG, "--format", "json"], push, flags, dry_run, &POLICY_FLAGS].concat();
                let output = bed.run(&arguments);
                assert_eq!(output.code, 1, "{arguments:?}: {}\n{}", output.stdout, output.stderr);
                let refusals = output.json()["refusals"].clone();
                assert_eq!(refusals[0]["check"], "signing", "{arguments:?}: {refusals:#}");
                assert_eq!(refusals[0]["reason"], reason, "{arguments:?}");
                assert_eq!(release_state(bed), before, "{arguments:?} changed something");
            }
        }
    }
}

#[test]
fn case_94_untrusted_tag_is_not_released() {
    // No tag exists, and the run would not sign one.
    expect_refused_with_any_flags(&bed_with_signers(), "unsigned", &[&[]]);
    let every: &[&[&str]] = &[&[], &["--sign-tag"]];
    for make in [&["tag", TAG][..], &["tag", "-a", "-m", "x", TAG]] {
        let bed = bed_with_signers();
        bed.clone.git(make);
        expect_refused_with_any_flags(&bed, "unsigned", every);
    }
    // Signed by another key.
    let bed = bed_with_signers();
    let other = bed.home.path().join("other");
    run(hermetic_command("ssh-keygen", bed.home.path())
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(&other))
    .ok();
    bed.clone.git(["-c", &format!("user.signingKey={}", other.display()), "tag", "-s", "-m", "x", TAG]);
    expect_refused_with_any_flags(&bed, "tag-refuted", every);
    // The configured signing key is not the trusted one.
    let bed = bed_with_signers();
    bed.clone.git(["config", "user.signingKey", other.to_str().unwrap()]);
    expect_refused_with_any_flags(&bed, "unsigned", &[&[]]);
    // The twin: signed by the key that the policy names, by the run or before it.
    let bed = bed_with_signers();
    bed.run(&[&["release", TAG, "--push", "--sign-tag"][..], &POLICY_FLAGS].concat()).ok();
    let bed = bed_with_signers();
    bed.clone.git(["tag", "-s", "-m", "x", TAG]);
    bed.run(&[&["release", TAG, "--push"][..], &POLICY_FLAGS].concat()).ok();
    let audit =
        bed.run(&[&["audit", TAG, "--channel", "source", "--format", "json"][..], &POLICY_FLAGS].concat());
    assert!(
        !unproven_findings(&audit).1.iter().any(|it| it.starts_with("signature")),
        "{:?}",
        unproven_findings(&audit)
    );
    record_case(94, "a tag that no trusted signer made", "refused before anything is written", "published");
}

#[test]
fn audit_never_proves_an_untrusted_tag() {
    for (make, expected) in [
        (&["tag", TAG][..], "signature: unsigned"),
        (&["tag", "-a", "-m", "x", TAG], "signature: unsigned"),
        (&["-c", "user.signingKey=OTHER", "tag", "-s", "-m", "x", TAG], "signer: unknown-key"),
    ] {
        let bed = bed_with_signers();
        let other = bed.home.path().join("other");
        let mut keygen = hermetic_command("ssh-keygen", bed.home.path());
        run(keygen.args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&other)).ok();
        bed.clone.git(make.iter().map(|it| it.replace("OTHER", other.to_str().unwrap())));
        // Published by a run without a policy.
        bed.run(&["release", TAG, "--push"]).ok();
        bed.github.reset_rate_limit();
        let audit = bed
            .run(&[&["audit", TAG, "--channel", "source", "--format", "json"][..], &POLICY_FLAGS].concat());
        let (verdict, unproven) = unproven_findings(&audit);
        assert!(
            verdict != "proven" && unproven.contains(&expected.to_owned()),
            "{make:?}: {verdict} {unproven:?}"
        );
        // Without a policy the audit only warns, and shows the command that creates one.
        bed.github.reset_rate_limit();
        let audit = bed.run(&["audit", TAG, "--channel", "source", "--format", "json"]).json();
        let notes = audit["notes"].to_string();
        assert!(notes.contains("cargo xtask config init --signer"), "{notes}");
    }
}

#[test]
fn case_95_the_repository_is_named_with_its_source() {
    let mut attested_file = AttestedFile::new();
    std::fs::write(attested_file.path("bundle.json"), attested_file.bundle().to_string()).unwrap();
    let verify = |arguments: &[&str]| {
        let mut command = xtask(attested_file.folder.path());
        command.args([
            "verify",
            &attested_file.file_path(),
            "--bundle",
            "bundle.json",
            "--trusted-root",
            "root.json",
        ]);
        run(command.args(arguments))
    };
    // The working directory may be a clone of the attacker's. Its remote must not decide which repository is expected.
    let mut git = hermetic_command("git", attested_file.folder.path());
    run(git.arg("-C").arg(attested_file.folder.path()).args(["init", "-q"])).ok();
    let mut git = hermetic_command("git", attested_file.folder.path());
    let url = "https://github.com/acme/widgets.git";
    run(git.arg("-C").arg(attested_file.folder.path()).args(["remote", "add", "origin", url])).ok();
    let output = verify(&[]);
    assert_eq!(output.code, 2, "{}", output.stdout);
    assert!(output.stderr.contains("-R acme/widgets"), "{}", output.stderr);
    let proven = |output: &crate::support::repository::CapturedOutput, source: &str| {
        assert_eq!(output.code, 0, "{}\n{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(&format!("for acme/widgets ({source})")), "{}", output.stdout);
    };
    proven(&verify(&["-R", "acme/widgets"]), "from -R");
    proven(&verify(&RELEASE_POLICY_FLAGS), "from --signer-workflow");
    let bed = TestBed::new();
    bed.clone.git(["remote", "set-url", "origin", url]);
    let output = run(bed.command(&["audit", TAG, "--channel", "source"]).env("RELEASE_HTTP_TRIES", "1"));
    assert!(output.stdout.contains("for acme/widgets (from -R)"), "{}", output.stdout);
    let mut command = xtask(bed.clone.path());
    let output =
        run(command.env("GITHUB_API_URL", bed.github.api_url()).args(["audit", TAG, "--channel", "source"]));
    assert!(output.stdout.contains("for acme/widgets (from the remote origin)"), "{}", output.stdout);
    let mut command = xtask(bed.home.path());
    let output =
        run(command.env("GITHUB_API_URL", bed.github.api_url()).args(["audit", TAG, "--channel", "source"]));
    assert!(
        output.stdout.contains("for alibaba/OpenSandbox (from the built-in release.toml)"),
        "{}",
        output.stdout
    );
    record_case(
        95,
        "the working directory names the repository",
        "usage error",
        "proven with -R, source named",
    );
}

#[test]
fn case_102_rsa_keys_below_2048_bits_are_refuted() {
    for (bits, expected) in [(1024, "refuted"), (2048, "proven")] {
        let reasons: &[&str] = if bits < 2048 { &["weak-key"] } else { &[] };
        openpgp_signer::OpenPgpTagSigner::with_rsa(bits).expect_signed_tag(expected, reasons);
        x509::X509TagSigner::with_rsa(bits).expect_signed_tag(expected, reasons);
    }
    record_case(102, "RSA keys of 1024 bits (OpenPGP, X.509)", "refuted (weak-key)", "proven (2048 bits)");
}

#[test]
fn case_103_unplanned_asset_is_not_published() {
    let bed = TestBed::new();
    let draft = bed.create_release(true);
    bed.upload_asset(draft, "opensandbox-server-linux-amd64", b"malware");
    bed.expect_refused(&[], "release", "unplanned-asset");
    let stdout = bed.run(&["release", TAG, "--push", "--dry-run"]).stdout;
    assert!(stdout.contains("opensandbox-server-linux-amd64"), "{stdout}");
    // An asset that is added while the draft is being filled is noticed before publishing.
    let bed = std::sync::Arc::new(TestBed::new());
    let hook = {
        let (api, home) = (bed.github.api_url(), bed.home.path().to_owned());
        emulators::Hook::new(move || upload_extra_asset(&api, &home))
    };
    let fault = emulators::Fault::once("GET", "/git/ref/tags/", emulators::FaultKind::Hook(hook));
    bed.github.inject(fault);
    let output = bed.run(&["release", TAG, "--push"]);
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stderr.contains("assets that this release does not make: extra.bin"), "{}", output.stderr);
    assert_eq!(bed.only_release()["draft"], true);
    // The twin: a draft without such an asset is reused.
    let bed = TestBed::new();
    bed.create_release(true);
    bed.publish().ok();
    record_case(103, "an unplanned asset in a draft", "refused, in a dry run too", "published");
}

/// Adds an asset to the only draft.
fn upload_extra_asset(api: &str, home: &std::path::Path) {
    let all = crate::support::test_bed::rest_request(api, "GET", "/releases", None);
    let id = &all[0]["id"];
    let file = home.join("extra");
    std::fs::write(&file, "malware").unwrap();
    let to = format!("{api}/api/uploads/repos/acme/widgets/releases/{id}/assets?name=extra.bin");
    let mut curl = hermetic_command("curl", home);
    curl.args([
        "-sS",
        "-f",
        "-X",
        "POST",
        "-H",
        &format!("Authorization: Bearer {}", crate::support::test_bed::TOKEN),
    ]);
    run(curl.args(["-H", "Content-Type: application/octet-stream", "-T"]).arg(file).arg(to)).ok();
}

#[test]
fn case_107_tag_named_like_the_branch_is_refuted() {
    // Released from a side branch, whose commit only a tag named `main` contains.
    let side = |decoy: bool| {
        let mut bed = TestBed::new();
        bed.github.configure(|it| it.now = SIGNING_TIME);
        if decoy {
            bed.clone.git(["checkout", "-q", "-b", "side"]);
            bed.clone.commit("feat(server): not on main", &[("server/main.py", "evil()\n")]);
        }
        bed.clone.git(["tag", "-a", "-m", "release", TAG]);
        bed.clone.git(["push", "-q", "origin", TAG, &format!("{TAG}^{{commit}}:refs/tags/main")]);
        let commit = bed.clone.git(["rev-parse", "HEAD"]);
        let sigstore = emulators::Sigstore::new(SIGNING_TIME).unwrap();
        let root = sigstore.trusted_root().unwrap().to_string();
        std::fs::write(bed.home.path().join("root.json"), root).unwrap();
        let mut published_release = PublishedRelease { bed, sigstore, commit };
        let archive = published_release.archive();
        published_release.publish_attested(&archive);
        unproven_findings(&published_release.audit(&[]))
    };
    let (verdict, unproven) = side(true);
    assert_eq!(verdict, "refuted");
    assert!(unproven.contains(&"branch: unreachable-from-main".to_owned()), "{unproven:?}");
    assert_eq!(side(false), ("proven".to_owned(), Vec::new()));
    // A tag of a tree, and a tag of a tag.
    for target in ["HEAD^{tree}", "server/v0.1.0-nested"] {
        let bed = TestBed::new();
        bed.clone.git(["tag", "-a", "-m", "inner", "server/v0.1.0-nested"]);
        bed.clone.git(["tag", "-a", "-m", "release", TAG, target]);
        bed.clone.git(["push", "-q", "origin", TAG]);
        let body = json!({ "tag_name": TAG, "name": "by hand" });
        bed.rest_request("POST", "/releases", Some(&body));
        let mut audit = xtask(bed.home.path());
        audit.env("GITHUB_API_URL", bed.github.api_url());
        let (verdict, unproven) = unproven_findings(&run(audit.args([
            "audit",
            TAG,
            "--channel",
            "source",
            "-R",
            "acme/widgets",
            "--format",
            "json",
        ])));
        assert_eq!(verdict, "refuted", "{target}");
        assert!(unproven.contains(&"tag: not-a-commit".to_owned()), "{target}: {unproven:?}");
    }
    record_case(107, "a tag named like the branch; a tag of a tree", "refuted", "proven");
}
