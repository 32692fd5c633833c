//! Cases 94, 95, 102, 103 and 107: who signed, whose release it is, and what the host calls by a name.

use serde_json::json;

use super::record;
use crate::sign::ssh::Signed;
use crate::sign::{openpgp, x509};
use crate::support::attested_file::{Minted, NOW, POLICY};
use crate::support::published_release::{Released, open};
use crate::support::repository::{hermetic, run, xtask};
use crate::support::test_bed::{TAG, World};

/// The policy of [`Signed`], which names one SSH key.
const SIGNERS: [&str; 2] = ["--config", ".git/release.toml"];

/// A world whose catalog names one trusted signer.
fn with_signers() -> World {
    World::of(Signed::new(&["-t", "ed25519"]).fixture)
}

/// Everything that a release could have written or sent.
fn state(world: &World) -> (Vec<serde_json::Value>, String, String, bool) {
    let (releases, origin) = world.state();
    let tags = world.clone.git(["for-each-ref", "refs/tags"]);
    (releases, origin, tags, world.clone.path().join("dist").exists())
}

/// Releases with every combination of flags: refused before anything is written, for this reason.
#[track_caller]
fn refused_with_any_flags(world: &World, reason: &str, flags: &[&[&str]]) {
    let before = state(world);
    for push in [&[][..], &["--push"], &["--push", "--draft"]] {
        for flags in flags {
            for dry_run in [&["--dry-run"][..], &[]] {
                let arguments =
                    [&["release", TAG, "--format", "json"], push, flags, dry_run, &SIGNERS].concat();
                let ran = world.run(&arguments);
                assert_eq!(ran.code, 1, "{arguments:?}: {}\n{}", ran.stdout, ran.stderr);
                let refusals = ran.json()["refusals"].clone();
                assert_eq!(refusals[0]["check"], "signing", "{arguments:?}: {refusals:#}");
                assert_eq!(refusals[0]["reason"], reason, "{arguments:?}");
                assert_eq!(state(world), before, "{arguments:?} changed something");
            }
        }
    }
}

#[test]
fn case_94_a_tag_that_no_trusted_signer_made_is_not_released() {
    // No tag, and none would be signed.
    refused_with_any_flags(&with_signers(), "unsigned", &[&[]]);
    let every: &[&[&str]] = &[&[], &["--sign-tag"]];
    for make in [&["tag", TAG][..], &["tag", "-a", "-m", "x", TAG]] {
        let world = with_signers();
        world.clone.git(make);
        refused_with_any_flags(&world, "unsigned", every);
    }
    // Signed, by somebody else.
    let world = with_signers();
    let other = world.home.path().join("other");
    run(hermetic("ssh-keygen", world.home.path()).args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&other))
        .ok();
    world.clone.git(["-c", &format!("user.signingKey={}", other.display()), "tag", "-s", "-m", "x", TAG]);
    refused_with_any_flags(&world, "tag-refuted", every);
    // The key that would sign is somebody else's.
    let world = with_signers();
    world.clone.git(["config", "user.signingKey", other.to_str().unwrap()]);
    refused_with_any_flags(&world, "unsigned", &[&[]]);
    // The twin: signed by the key that the policy names, by the run or before it.
    let world = with_signers();
    world.run(&[&["release", TAG, "--push", "--sign-tag"][..], &SIGNERS].concat()).ok();
    let world = with_signers();
    world.clone.git(["tag", "-s", "-m", "x", TAG]);
    world.run(&[&["release", TAG, "--push"][..], &SIGNERS].concat()).ok();
    let audit = world.run(&[&["audit", TAG, "--format", "json"][..], &SIGNERS].concat());
    assert!(!open(&audit).1.iter().any(|it| it.starts_with("signature")), "{:?}", open(&audit));
    record(94, "a tag that no trusted signer made", "refused before anything is written", "published");
}

#[test]
fn an_audit_never_proves_a_tag_that_no_trusted_signer_made() {
    for (make, expected) in [
        (&["tag", TAG][..], "signature: unsigned"),
        (&["tag", "-a", "-m", "x", TAG], "signature: unsigned"),
        (&["-c", "user.signingKey=OTHER", "tag", "-s", "-m", "x", TAG], "signer: unknown-key"),
    ] {
        let world = with_signers();
        let other = world.home.path().join("other");
        let mut keygen = hermetic("ssh-keygen", world.home.path());
        run(keygen.args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&other)).ok();
        world.clone.git(make.iter().map(|it| it.replace("OTHER", other.to_str().unwrap())));
        // Published by a tool that has no policy.
        world.run(&["release", TAG, "--push"]).ok();
        world.github.reset_rate_limit();
        let audit = world.run(&[&["audit", TAG, "--format", "json"][..], &SIGNERS].concat());
        let (verdict, bad) = open(&audit);
        assert!(verdict != "proven" && bad.contains(&expected.to_owned()), "{make:?}: {verdict} {bad:?}");
        // Without a policy it is a warning, with the command that makes one.
        world.github.reset_rate_limit();
        let audit = world.run(&["audit", TAG, "--format", "json"]).json();
        let notes = audit["notes"].to_string();
        assert!(notes.contains("cargo xtask config init --signer"), "{notes}");
    }
}

#[test]
fn case_95_the_repository_is_named_with_its_source() {
    let mut minted = Minted::new();
    std::fs::write(minted.path("bundle.json"), minted.bundle().to_string()).unwrap();
    let verify = |arguments: &[&str]| {
        let mut command = xtask(minted.folder.path());
        command.args(["verify", &minted.file(), "--bundle", "bundle.json", "--trusted-root", "root.json"]);
        run(command.args(arguments))
    };
    // A clone of the attacker's around the working directory must not say whose file it is.
    let mut git = hermetic("git", minted.folder.path());
    run(git.arg("-C").arg(minted.folder.path()).args(["init", "-q"])).ok();
    let mut git = hermetic("git", minted.folder.path());
    let url = "https://github.com/acme/widgets.git";
    run(git.arg("-C").arg(minted.folder.path()).args(["remote", "add", "origin", url])).ok();
    let ran = verify(&[]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("-R acme/widgets"), "{}", ran.stderr);
    let proven = |ran: &crate::support::repository::Ran, source: &str| {
        assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(&format!("for acme/widgets ({source})")), "{}", ran.stdout);
    };
    proven(&verify(&["-R", "acme/widgets"]), "from -R");
    proven(&verify(&POLICY), "from --signer-workflow");
    let world = World::new();
    world.clone.git(["remote", "set-url", "origin", url]);
    let ran = run(world.command(&["audit", TAG]).env("RELEASE_HTTP_TRIES", "1"));
    assert!(ran.stdout.contains("for acme/widgets (from -R)"), "{}", ran.stdout);
    let mut command = xtask(world.clone.path());
    let ran = run(command.env("GITHUB_API_URL", world.github.api_url()).args(["audit", TAG]));
    assert!(ran.stdout.contains("for acme/widgets (from the remote origin)"), "{}", ran.stdout);
    let mut command = xtask(world.home.path());
    let ran = run(command.env("GITHUB_API_URL", world.github.api_url()).args(["audit", TAG]));
    assert!(
        ran.stdout.contains("for alibaba/OpenSandbox (from the built-in release.toml)"),
        "{}",
        ran.stdout
    );
    record(95, "the working directory says whose file it is", "usage error", "proven with -R, source named");
}

#[test]
fn case_102_keys_below_2048_bits_are_refuted() {
    for (bits, expected) in [(1024, "refuted"), (2048, "proven")] {
        let reasons: &[&str] = if bits < 2048 { &["weak-key"] } else { &[] };
        openpgp::Signed::rsa(bits).expect_own_tag(expected, reasons);
        x509::Signed::rsa(bits).expect_own_tag(expected, reasons);
    }
    record(102, "RSA keys of 1024 bits (OpenPGP, X.509)", "refuted (weak-key)", "proven (2048 bits)");
}

#[test]
fn case_103_an_asset_that_nobody_planned_is_not_published() {
    let world = World::new();
    let draft = world.made(true);
    world.put(draft, "opensandbox-server-linux-amd64", b"malware");
    world.refused(&[], "release", "unplanned-asset");
    let said = world.run(&["release", TAG, "--push", "--dry-run"]).stdout;
    assert!(said.contains("opensandbox-server-linux-amd64"), "{said}");
    // Added while the draft is being filled: noticed before it is published.
    let world = std::sync::Arc::new(World::new());
    let hook = {
        let (api, home) = (world.github.api_url(), world.home.path().to_owned());
        emulators::Hook::new(move || put(&api, &home))
    };
    let fault = emulators::Fault::once("GET", "/git/ref/tags/", emulators::FaultKind::Hook(hook));
    world.github.inject(fault);
    let ran = world.run(&["release", TAG, "--push"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stderr.contains("assets that nobody planned: extra.bin"), "{}", ran.stderr);
    assert_eq!(world.release()["draft"], true);
    // The twin: a draft without such an asset is taken.
    let world = World::new();
    world.made(true);
    world.publish().ok();
    record(103, "an asset that nobody planned, in a draft", "refused, in a dry run too", "published");
}

/// Adds an asset to the one draft that there is.
fn put(api: &str, home: &std::path::Path) {
    let all = crate::support::test_bed::rest(api, "GET", "/releases", None);
    let id = &all[0]["id"];
    let file = home.join("extra");
    std::fs::write(&file, "malware").unwrap();
    let to = format!("{api}/api/uploads/repos/acme/widgets/releases/{id}/assets?name=extra.bin");
    let mut curl = hermetic("curl", home);
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
fn case_107_a_tag_named_like_the_branch_and_tags_that_name_no_commit() {
    // Released from a side branch; a tag called main has it.
    let side = |decoy: bool| {
        let mut world = World::new();
        world.github.configure(|it| it.now = NOW);
        if decoy {
            world.clone.git(["checkout", "-q", "-b", "side"]);
            world.clone.commit("feat(server): not on main", &[("server/main.py", "evil()\n")]);
        }
        world.clone.git(["tag", "-a", "-m", "release", TAG]);
        world.clone.git(["push", "-q", "origin", TAG, &format!("{TAG}^{{commit}}:refs/tags/main")]);
        let commit = world.clone.git(["rev-parse", "HEAD"]);
        let sigstore = emulators::Sigstore::new(NOW).unwrap();
        let root = sigstore.trusted_root().unwrap().to_string();
        std::fs::write(world.home.path().join("root.json"), root).unwrap();
        let mut released = Released { world, sigstore, commit };
        let archive = released.archive();
        released.publish(&archive);
        open(&released.audit(&[]))
    };
    let (verdict, bad) = side(true);
    assert_eq!(verdict, "refuted");
    assert!(bad.contains(&"branch: unreachable-from-main".to_owned()), "{bad:?}");
    assert_eq!(side(false), ("proven".to_owned(), Vec::new()));
    // A tag of a tree, and of a tag.
    for target in ["HEAD^{tree}", "server/v0.1.0-nested"] {
        let world = World::new();
        world.clone.git(["tag", "-a", "-m", "inner", "server/v0.1.0-nested"]);
        world.clone.git(["tag", "-a", "-m", "release", TAG, target]);
        world.clone.git(["push", "-q", "origin", TAG]);
        let body = json!({ "tag_name": TAG, "name": "by hand" });
        world.rest("POST", "/releases", Some(&body));
        let mut audit = xtask(world.home.path());
        audit.env("GITHUB_API_URL", world.github.api_url());
        let (verdict, bad) = open(&run(audit.args(["audit", TAG, "-R", "acme/widgets", "--format", "json"])));
        assert_eq!(verdict, "refuted", "{target}");
        assert!(bad.contains(&"tag: not-a-commit".to_owned()), "{target}: {bad:?}");
    }
    record(107, "a tag named like the branch; a tag of a tree", "refuted", "proven");
}
