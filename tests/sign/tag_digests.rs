//! The digests in the message of a signed tag. The oracles are git, git-evtag and sha256sum.

use crate::sign::openpgp_signer::OpenPgpTagSigner;
use crate::sign::ssh_signer::{SshTagSigner, TAG};
use crate::support::published_release::sha256_hex;
use crate::support::repository::{TestRepository, hermetic_command, print_note, run, xtask};

const ARCHIVE: &str = "opensandbox-server-v0.1.1.tar.gz";

/// Returns the value of a trailer as git reads it.
fn trailer(fixture: &TestRepository, name: &str) -> String {
    fixture.git([
        "for-each-ref",
        &format!("--format=%(contents:trailers:key={name},valueonly)"),
        &format!("refs/tags/{TAG}"),
    ])
}

/// Whether `git-evtag verify` accepts the digest of the tag, in a clean checkout.
fn evtag_accepts(fixture: &TestRepository, gnupg_home: Option<&std::path::Path>) -> bool {
    let checkout = tempfile::tempdir().unwrap();
    fixture.git([
        "clone",
        "-q",
        "-c",
        "advice.detachedHead=false",
        "-b",
        TAG,
        ".",
        checkout.path().to_str().unwrap(),
    ]);
    let mut command = hermetic_command("git-evtag", checkout.path());
    command.envs(gnupg_home.map(|it| ("GNUPGHOME", it)));
    run(command.current_dir(checkout.path()).args(["verify", "--no-signature", TAG])).code == 0
}

/// Compares the trailers of the tag with what git and sha256sum compute.
fn check_trailers(fixture: &TestRepository) {
    let archive =
        std::fs::read(fixture.path().join("dist").join(TAG.replace('/', "-")).join(ARCHIVE)).unwrap();
    assert_eq!(trailer(fixture, "Archive-SHA256"), format!("{}  {ARCHIVE}", sha256_hex(&archive)));
    let tar = fixture.path().join(".git/archive.tar");
    let prefix = format!("--prefix={}/", ARCHIVE.trim_end_matches(".tar.gz"));
    fixture.git(["archive", &prefix, "-o", tar.to_str().unwrap(), TAG]);
    assert_eq!(trailer(fixture, "Tar-SHA256"), sha256_hex(&std::fs::read(&tar).unwrap()));
    assert!(evtag_accepts(fixture, None), "git-evtag");
    let title = fixture.git(["for-each-ref", "--format=%(contents:subject)", &format!("refs/tags/{TAG}")]);
    assert_eq!(title, "release: OpenSandbox Server v0.1.1");
}

#[test]
fn signed_tags_state_the_digests_of_the_release() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    signer.release_signed().ok();
    assert!(signer.git_accepts(TAG));
    check_trailers(&signer.fixture);
    let output = signer.xtask(&["verify-tag", TAG]).ok();
    assert!(output.stdout.contains("Archive-SHA256, Tar-SHA256, Git-EVTag-v0-SHA512"), "{}", output.stdout);
    let object = signer.fixture.git(["rev-parse", TAG]);
    signer.release_signed().ok();
    assert_eq!(signer.fixture.git(["rev-parse", TAG]), object);
    // Without the flag the signed tag is kept and compared, too.
    signer.xtask(&["release", TAG]).ok();
    assert_eq!(signer.fixture.git(["rev-parse", TAG]), object);
    let openpgp = OpenPgpTagSigner::with_rsa(2048);
    openpgp.release_signed().ok();
    assert!(openpgp.git_accepts(TAG));
    check_trailers(&openpgp.fixture);
}

/// Digests that do not fit are refuted, with a valid signature, and a release does not go on with such a tag.
#[test]
fn other_digests_are_refuted() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    signer.release_signed().ok();
    let object = signer.fixture.git(["cat-file", "tag", TAG]);
    let payload = format!("{}\n", object.split("\n-----BEGIN").next().unwrap());
    let changed = |name: &str| {
        let value = trailer(&signer.fixture, name);
        let first = if value.starts_with('0') { "1" } else { "0" };
        payload.replace(&value, &format!("{first}{}", &value[1..]))
    };
    let last = payload.rfind("Archive-SHA256").unwrap();
    let mut table = Vec::new();
    for (attack, payload, verdict) in [
        ("none", payload.clone(), "proven"),
        ("no digests", format!("{}\n", payload[..last].trim_end()), "proven"),
        ("another archive", changed("Archive-SHA256"), "proven"),
        ("another tar stream", changed("Tar-SHA256"), "refuted"),
        ("another tree", changed("Git-EVTag-v0-SHA512"), "refuted"),
        ("another name", payload.replace(ARCHIVE, "opensandbox-server-v0.1.2.tar.gz"), "refuted"),
        ("upper case", payload.replace("Tar-SHA256", "TAR-SHA256"), "refuted"),
        (
            "a trailer twice",
            format!("{payload}Tar-SHA256: {}\n", trailer(&signer.fixture, "Tar-SHA256")),
            "refuted",
        ),
        ("outside of the last paragraph", format!("{payload}\nmore\n"), "refuted"),
        (
            "carriage returns",
            format!("{}{}", &payload[..last], payload[last..].replace('\n', "\r\n")),
            "refuted",
        ),
    ] {
        signer.fixture.write_tag_object(TAG, &signer.sign_payload(&payload, "git"));
        assert!(signer.git_accepts(TAG), "{attack}");
        let output = signer.xtask(&["verify-tag", TAG]);
        table.push(format!("{attack:<30} {verdict:<9} {}", output.stdout.lines().last().unwrap_or_default()));
        assert_eq!(output.stdout.lines().last(), Some(verdict), "{attack}: {}", output.stdout);
        assert_eq!(output.stdout.contains("tag-digests"), verdict != "proven", "{attack}: {}", output.stdout);
        if !attack.starts_with("no") {
            let release = signer.release_signed();
            assert_ne!(release.code, 0, "{attack}: {}", release.stdout);
            let mut without_policy = xtask(signer.fixture.path());
            let release = run(without_policy.args(["release", TAG, "--sign-tag"]));
            assert_ne!(release.code, 0, "{attack}: {}", release.stdout);
        }
    }
    print_note(&table.join("\n"));
}
