//! Tags signed with SSH keys. The oracles are the real git and ssh-keygen.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::ssh_signer::{SshTagSigner, TAG};
use crate::support::repository::{CapturedOutput, hermetic_command, run, xtask};

#[test]
fn flipped_byte_breaks_an_ssh_signature() {
    for kind in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
        &["-t", "rsa", "-b", "3072"],
    ] {
        let signer = SshTagSigner::new(kind);
        let output = signer.release_signed().ok();
        assert!(output.stdout.contains("created, signed: object"), "{}", output.stdout);
        assert!(signer.git_accepts(TAG), "{kind:?}");
        signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
        signer.fixture.git(["fsck", "--strict"]);
        let tag_object = signer.fixture.tag_object(TAG);
        let text = String::from_utf8(tag_object.clone()).unwrap();
        for place in [text.find("release: ").unwrap(), text.find("AAAA").unwrap() + 150] {
            let mut flipped = tag_object.clone();
            flipped[place] ^= 1;
            signer.fixture.write_tag_object("flipped", &flipped);
            assert!(!signer.git_accepts("flipped"), "{kind:?} {place}");
            assert_eq!(signer.fixture.verify_tag("flipped").0, "refuted", "{kind:?} {place}");
        }
        let again = signer.release_signed().ok();
        assert!(again.stdout.contains("kept, signed: object"), "{}", again.stdout);
        assert_eq!(signer.fixture.tag_object(TAG), tag_object);
    }
}

#[test]
fn case_68_tag_name_mismatch_is_refuted() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    signer.release_signed().ok();
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    signer.fixture.git(["update-ref", "refs/tags/server/v0.1.2", &format!("refs/tags/{TAG}")]);
    assert!(signer.git_accepts("server/v0.1.2"), "git does not compare names");
    signer.fixture.expect_tag_verdict("server/v0.1.2", "refuted", &["tag-name", "tag-digests"]);
    signer.fixture.git(["tag", "-s", "-m", "nested", "server/v0.1.3", TAG]);
    assert!(signer.git_accepts("server/v0.1.3"), "git accepts any target");
    signer.fixture.expect_tag_verdict("server/v0.1.3", "refuted", &["nested"]);
    let other = signer.xtask(&["verify-tag", TAG, "--commit", "HEAD~1", "--format", "json"]);
    assert_eq!((other.code, other.json()["findings"][1]["reason"].as_str().unwrap()), (10, "commit"));
}

#[test]
fn case_69_unsigned_tags_are_unproven() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    for (make, reason) in [(&["tag", TAG][..], "lightweight"), (&["tag", "-a", "-m", "x", TAG], "unsigned")] {
        signer.fixture.git(make);
        signer.fixture.expect_tag_verdict(TAG, "unproven", &[reason]);
        assert!(!signer.git_accepts(TAG));
        let before = signer.fixture.git(["rev-parse", TAG]);
        let output = signer.release_signed();
        assert!(
            output.code == 1 && output.stdout.contains("[signers] requires a signed tag"),
            "{}",
            output.stdout
        );
        assert_eq!(signer.fixture.git(["rev-parse", TAG]), before);
        signer.fixture.git(["tag", "-d", TAG]);
    }
    signer.release_signed().ok();
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
}

#[test]
fn case_70_malformed_ssh_signatures_are_refuted() {
    let signer = SshTagSigner::new(&["-t", "rsa", "-b", "3072"]);
    let payload = signer.tag_payload("t", 1_700_000_500);
    signer.fixture.write_tag_object("t", &signer.sign_payload(&payload, "git"));
    assert!(signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "proven", &[]);

    let smuggled = "-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----\n";
    signer.fixture.write_tag_object("t", &signer.sign_payload(&format!("{payload}{smuggled}"), "git"));
    assert!(signer.git_accepts("t"), "git checks the last block only");
    signer.fixture.expect_tag_verdict("t", "refuted", &["two-signatures"]);

    let untagged = payload.split('\n').filter(|it| !it.starts_with("tagger")).collect::<Vec<_>>().join("\n");
    signer.fixture.write_tag_object("t", &signer.sign_payload(&untagged, "git"));
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["malformed-tag"]);

    signer.fixture.write_tag_object("t", &signer.sign_payload(&payload, "file"));
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["namespace"]);

    signer
        .fixture
        .write_tag_object("t", &[payload.as_bytes(), sha1_signature(&signer, &payload).as_bytes()].concat());
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["signature"]);
}

/// Returns a signature of the type `ssh-rsa` (RSA with SHA-1), which ssh-keygen no longer creates. Its blob is built as
/// `PROTOCOL.sshsig` describes and signed by openssl.
fn sha1_signature(signer: &SshTagSigner, payload: &str) -> String {
    let script = r#"
import base64, hashlib, struct, subprocess, sys
key, payload = sys.argv[1], sys.stdin.buffer.read()
string = lambda it: struct.pack(">I", len(it)) + it
digest = hashlib.sha512(payload).digest()
signed = b"SSHSIG" + string(b"git") + string(b"") + string(b"sha512") + string(digest)
pem = key + ".pem"
subprocess.run(["cp", key, pem], check=True)
subprocess.run(["ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "", "-f", pem], check=True, stdout=subprocess.DEVNULL)
raw = subprocess.run(["openssl", "dgst", "-sha1", "-sign", pem], input=signed, check=True, capture_output=True).stdout
public = base64.b64decode(open(key + ".pub").read().split()[1])
blob = b"SSHSIG" + struct.pack(">I", 1) + string(public) + string(b"git") + string(b"") + string(b"sha512")
blob += string(string(b"ssh-rsa") + string(raw))
text = base64.b64encode(blob).decode()
print("-----BEGIN SSH SIGNATURE-----")
print("\n".join(text[at:at + 70] for at in range(0, len(text), 70)))
print("-----END SSH SIGNATURE-----")
"#;
    let file = signer.fixture.path().join(".git/payload");
    std::fs::write(&file, payload).unwrap();
    let mut command = hermetic_command("python3", signer.fixture.path());
    run(command.args(["-c", script]).arg(&signer.key).stdin(std::fs::File::open(file).unwrap())).ok().stdout
}

#[test]
fn case_71_ssh_policy_limits_are_enforced() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    // The commit is of November 2023. `window` sets the time in which the policy accepts the key.
    let put_tag_signed_at = |time: u64| {
        signer.fixture.write_tag_object("t", &signer.sign_payload(&signer.tag_payload("t", time), "git"));
    };
    let window = |after: &str, before: &str| {
        signer.allow_key(&format!("valid-after=\"{after}\",valid-before=\"{before}\""), &signer.public_key());
    };
    put_tag_signed_at(1_710_000_000);
    window("20240101Z", "20990101Z");
    assert!(signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "proven", &[]);

    window("20240101Z", "20250101Z");
    assert!(signer.git_accepts("t"), "git trusts the tagger's time: a stolen key that expired can backdate");
    signer.fixture.expect_tag_verdict("t", "refuted", &["expired-no-trusted-time"]);
    window("20240101Z", "20240201Z");
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["expired"]);
    window("20250101Z", "20990101Z");
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["not-yet-valid"]);

    signer.allow_key("", &signer.public_key());
    put_tag_signed_at(1_600_000_000);
    assert!(signer.git_accepts("t"), "git ignores the commit's time");
    signer.fixture.expect_tag_verdict("t", "refuted", &["backdated"]);
    put_tag_signed_at(4_000_000_000);
    assert!(signer.git_accepts("t"), "git ignores the current time");
    signer.fixture.expect_tag_verdict("t", "refuted", &["future"]);
    put_tag_signed_at(1_710_000_000);

    std::fs::write(signer.policy_file(), format!("*@example.com,!ada@* {}\n", signer.public_key())).unwrap();
    signer.fixture.expect_tag_verdict("t", "refuted", &["principal"]);
    std::fs::write(signer.policy_file(), format!("bob@example.com {}\n", signer.public_key())).unwrap();
    assert!(signer.git_accepts("t"), "git does not compare the tagger with the principal");
    signer.fixture.expect_tag_verdict("t", "refuted", &["principal"]);
    signer.allow_key("namespaces=\"file\"", &signer.public_key());
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["namespace"]);
    let other = signer.fixture.path().join(".git/other");
    signer.keygen(&other, &["-t", "ed25519"], "");
    signer.allow_key("", std::fs::read_to_string(other.with_extension("pub")).unwrap().trim());
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["unknown-key"]);
    signer.allow_key("cert-authority", &signer.public_key());
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["unknown-key"]);
}

#[test]
fn case_71_revoked_ssh_key_is_refuted() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    signer.release_signed().ok();
    let revoked = signer.fixture.path().join(".git/revoked");
    let catalog = signer.fixture.path().join(".git/release.toml");
    let text = std::fs::read_to_string(&catalog)
        .unwrap()
        .replace("\"allowed\"", "\"allowed\"\nrevoked = \"revoked\"");
    std::fs::write(&catalog, text).unwrap();
    signer.fixture.git(["config", "gpg.ssh.revocationFile", revoked.to_str().unwrap()]);
    assert!(signer.git_accepts(TAG), "git only warns of a missing revocation file");
    signer.fixture.expect_tag_verdict(TAG, "unproven", &["revocation"]);
    std::fs::write(&revoked, "# empty\n").unwrap();
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    std::fs::write(&revoked, signer.public_key()).unwrap();
    assert!(!signer.git_accepts(TAG));
    signer.fixture.expect_tag_verdict(TAG, "refuted", &["revoked"]);
    let mut krl = hermetic_command("ssh-keygen", signer.fixture.path());
    run(krl.args(["-q", "-k", "-f"]).arg(&revoked).arg(signer.key.with_extension("pub"))).ok();
    assert!(!signer.git_accepts(TAG));
    signer.fixture.expect_tag_verdict(TAG, "unproven", &["revocation"]);
    let output = signer.xtask(&["release", "server/v0.1.2", "--sign-tag"]);
    assert!(output.code == 1 && output.stdout.contains("FAILED   signing"), "{}", output.stdout);
}

#[test]
fn failed_ssh_signing_leaves_no_tag() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    let refused = |evidence: &str| {
        let output = signer.release_signed();
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(output.code == 1 && text.contains(evidence) && text.contains("hint:"), "{evidence}: {text}");
        assert_eq!(signer.fixture.git(["tag", "-l", TAG]), "", "a tag was left behind");
    };
    signer.fixture.git(["config", "--unset", "user.signingKey"]);
    refused("no signing key: neither --sign-tag=KEY nor user.signingKey");
    signer.fixture.git(["config", "user.signingKey", "~/nowhere"]);
    refused("the signing key ~/nowhere cannot be used: No such file or directory");
    signer.fixture.git(["config", "user.signingKey", "README.md"]);
    refused("the signing key README.md cannot be used");
    signer.fixture.git(["config", "user.signingKey", signer.key.to_str().unwrap()]);
    signer.fixture.git(["config", "gpg.format", "x400"]);
    refused("gpg.format is x400");
    signer.fixture.git(["config", "gpg.format", "ssh"]);
    signer.allow_key("valid-before=\"20240101Z\"", &signer.public_key());
    refused("was valid until 2024-01-01T00:00:00Z");
    signer.allow_key("", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti");
    refused("is not among the allowed signers");
    std::fs::write(signer.policy_file(), "nonsense\n").unwrap();
    refused("allowed:1: expected principals, then a key");
    signer.allow_key("", &signer.public_key());
    // The passphrase cannot be entered: there is no terminal and no agent.
    let locked = signer.fixture.path().join(".git/locked");
    signer.keygen(&locked, &["-t", "ed25519"], "secret passphrase");
    signer.allow_key("", std::fs::read_to_string(locked.with_extension("pub")).unwrap().trim());
    signer.fixture.git(["config", "user.signingKey", locked.to_str().unwrap()]);
    refused("ssh-keygen did not sign: ");
    signer.fixture.git(["config", "gpg.ssh.program", "/bin/true"]);
    refused("/bin/true did not sign: ");
    // A program that signs other bytes: the suite checks the signature before it creates the tag.
    let liar = signer.fixture.path().join(".git/liar");
    let script =
        format!("#!/bin/sh\necho other | ssh-keygen -q -Y sign -n git -f {}\n", signer.key.display());
    std::fs::write(&liar, script).unwrap();
    run(Command::new("chmod").arg("+x").arg(&liar)).ok();
    signer.fixture.git(["config", "gpg.ssh.program", liar.to_str().unwrap()]);
    signer.fixture.git(["config", "user.signingKey", signer.key.to_str().unwrap()]);
    signer.allow_key("", &signer.public_key());
    refused("the new signature fails verification: the signature is not valid for this tag");
    signer.fixture.git(["config", "--unset", "gpg.ssh.program"]);
    signer.release_signed().ok();
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
}

#[test]
fn every_git_signing_key_source_is_used() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    let socket = signer.fixture.path().join(".git/agent");
    let mut agent = hermetic_command("ssh-agent", signer.fixture.path());
    let mut agent = agent.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    while !socket.exists() {
        std::thread::yield_now();
    }
    let mut add = hermetic_command("ssh-add", signer.fixture.path());
    run(add.arg("-q").arg(&signer.key).env("SSH_AUTH_SOCK", &socket)).ok();
    let hidden = signer.key.with_extension("hidden");
    std::fs::rename(&signer.key, &hidden).unwrap();
    let release = |arguments: &[&str]| {
        let mut command = xtask(signer.fixture.path());
        command.args(["release", TAG, "--config", ".git/release.toml"]).args(arguments);
        run(command.env("SSH_AUTH_SOCK", &socket))
    };
    let proven = |output: CapturedOutput| {
        output.ok();
        assert!(signer.git_accepts(TAG));
        signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
        signer.fixture.git(["tag", "-d", TAG]);
    };
    let literal = format!("key::{}", signer.public_key());
    proven(release(&[&format!("--sign-tag={literal}")]));
    signer.fixture.git(["config", "user.signingKey", signer.key.with_extension("pub").to_str().unwrap()]);
    proven(release(&["--sign-tag"]));
    signer.fixture.git(["config", "--unset", "user.signingKey"]);
    signer.fixture.git(["config", "gpg.ssh.defaultKeyCommand", &format!("echo '{literal}'")]);
    proven(release(&["--sign-tag"]));
    signer.fixture.git(["config", "tag.gpgSign", "true"]);
    proven(release(&[]));
    agent.kill().unwrap();
    agent.wait().unwrap();
    let output = release(&[]);
    assert!(output.code == 1 && output.stderr.contains("SSH_AUTH_SOCK"), "{}", output.stderr);
    assert_eq!(signer.fixture.git(["tag", "-l", TAG]), "");
}

#[test]
fn signing_without_a_policy_proves_nothing() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    let output = run(xtask(signer.fixture.path()).args(["release", TAG, "--sign-tag"])).ok();
    assert!(
        output.stdout.contains("warning  signing") && output.stdout.contains("config init --signer"),
        "{}",
        output.stdout
    );
    let output = run(xtask(signer.fixture.path()).args(["verify-tag", TAG]));
    assert!(output.code == 11 && output.stdout.contains("no-policy"), "{}", output.stdout);
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
}

#[test]
fn doctor_names_the_signing_key() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    signer.allow_key("valid-before=\"20990101Z\"", &signer.public_key());
    let output = signer.xtask(&["doctor", TAG, "--sign-tag"]).ok();
    let fingerprint =
        run(hermetic_command("ssh-keygen", signer.fixture.path()).arg("-lf").arg(&signer.key)).ok().stdout;
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    let expected = format!("{fingerprint} may sign for ada@example.com, until 2099-01-01T00:00:00Z");
    assert!(output.stdout.contains(&expected), "{expected}\n{}", output.stdout);
    let document: Value = signer.xtask(&["doctor", TAG, "--sign-tag", "--format", "json"]).ok().json();
    assert!(
        document["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["check"] == "signing" && it["outcome"] == "passed")
    );
}
