//! Signed tags, with real git and ssh-keygen as oracles.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::repository::{Fixture, Ran, hermetic, run, xtask};

/// A repository with a key of its own, git configured to sign with it, and a policy that allows it.
pub(crate) struct Signed {
    pub(crate) fixture: Fixture,
    key: PathBuf,
}

const TAG: &str = "server/v0.1.1";

impl Signed {
    pub(crate) fn new(kind: &[&str]) -> Self {
        let fixture = Fixture::released();
        let key = fixture.path().join(".git/key");
        let this = Self { fixture, key };
        this.keygen(&this.key, kind, "");
        this.fixture.git(["config", "gpg.format", "ssh"]);
        this.fixture.git(["config", "user.signingKey", this.key.to_str().unwrap()]);
        this.fixture.git(["config", "gpg.ssh.allowedSignersFile", this.policy_file().to_str().unwrap()]);
        let catalog =
            format!("{}\n[signers]\nallowed_signers = \"allowed\"\n", include_str!("../../release.toml"));
        this.fixture.write(".git/release.toml", catalog.as_bytes());
        this.allow("", &this.public());
        this
    }

    fn keygen(&self, file: &std::path::Path, kind: &[&str], passphrase: &str) {
        let mut command = hermetic("ssh-keygen", self.fixture.path());
        run(command.args(["-q", "-C", "test", "-N", passphrase]).args(kind).arg("-f").arg(file)).ok();
    }

    fn policy_file(&self) -> PathBuf {
        self.fixture.path().join(".git/allowed")
    }

    fn public(&self) -> String {
        std::fs::read_to_string(self.key.with_extension("pub")).unwrap().trim().to_owned()
    }

    /// Allows a key for the tagger of these tests, with options.
    fn allow(&self, options: &str, public: &str) {
        std::fs::write(self.policy_file(), format!("ada@example.com {options} {public}\n")).unwrap();
    }

    /// Runs the binary with the policy.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Ran {
        run(xtask(self.fixture.path()).args(arguments).args(["--config", ".git/release.toml"]))
    }

    fn release(&self) -> Ran {
        self.xtask(&["release", TAG, "--sign-tag"])
    }

    /// Whether `git verify-tag` accepts it.
    pub(crate) fn git_accepts(&self, tag: &str) -> bool {
        let mut command = hermetic("git", self.fixture.path());
        run(command.arg("-C").arg(self.fixture.path()).args(["verify-tag", tag])).code == 0
    }

    /// Signs a payload as git would, in any namespace, and gives the whole object.
    pub(crate) fn sign(&self, payload: &str, namespace: &str) -> Vec<u8> {
        let file = self.fixture.path().join(".git/payload");
        std::fs::write(&file, payload).unwrap();
        let signature = file.with_extension("sig");
        std::fs::remove_file(&signature).ok();
        let mut command = hermetic("ssh-keygen", self.fixture.path());
        run(command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(&self.key).arg(&file)).ok();
        [payload.as_bytes(), &std::fs::read(signature).unwrap()].concat()
    }

    /// The payload of a tag of `HEAD` under a name, made at a time.
    pub(crate) fn payload(&self, name: &str, time: u64) -> String {
        let commit = self.fixture.git(["rev-parse", "HEAD"]);
        format!(
            "object {commit}\ntype commit\ntag {name}\ntagger Ada Example <ada@example.com> {time} +0000\n\nmessage\n"
        )
    }
}

#[test]
fn tags_of_every_kind_of_key_are_accepted_by_git_and_rejected_by_both_after_one_flipped_byte() {
    for kind in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
        &["-t", "rsa", "-b", "3072"],
    ] {
        let signed = Signed::new(kind);
        let ran = signed.release().ok();
        assert!(ran.stdout.contains("made, signed: object"), "{}", ran.stdout);
        assert!(signed.git_accepts(TAG), "{kind:?}");
        signed.fixture.expect_tag(TAG, "proven", &[]);
        signed.fixture.git(["fsck", "--strict"]);
        let whole = signed.fixture.tag_bytes(TAG);
        let text = String::from_utf8(whole.clone()).unwrap();
        for place in [text.find("release: ").unwrap(), text.find("AAAA").unwrap() + 150] {
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            signed.fixture.put_tag("flipped", &flipped);
            assert!(!signed.git_accepts("flipped"), "{kind:?} {place}");
            assert_eq!(signed.fixture.judged("flipped").0, "refuted", "{kind:?} {place}");
        }
        let again = signed.release().ok();
        assert!(again.stdout.contains("kept, signed: object"), "{}", again.stdout);
        assert_eq!(signed.fixture.tag_bytes(TAG), whole);
    }
}

#[test]
fn case_68_another_name_and_a_nested_tag() {
    let signed = Signed::new(&["-t", "ed25519"]);
    signed.release().ok();
    signed.fixture.expect_tag(TAG, "proven", &[]);
    signed.fixture.git(["update-ref", "refs/tags/server/v0.1.2", &format!("refs/tags/{TAG}")]);
    assert!(signed.git_accepts("server/v0.1.2"), "git compares no names");
    signed.fixture.expect_tag("server/v0.1.2", "refuted", &["tag-name"]);
    signed.fixture.git(["tag", "-s", "-m", "nested", "server/v0.1.3", TAG]);
    assert!(signed.git_accepts("server/v0.1.3"), "git takes any target");
    signed.fixture.expect_tag("server/v0.1.3", "refuted", &["nested"]);
    let other = signed.xtask(&["verify-tag", TAG, "--commit", "HEAD~1", "--format", "json"]);
    assert_eq!((other.code, other.json()["findings"][1]["reason"].as_str().unwrap()), (10, "commit"));
}

#[test]
fn case_69_lightweight_and_unsigned_tags_are_unproven_and_never_reused() {
    let signed = Signed::new(&["-t", "ed25519"]);
    for (make, reason) in [(&["tag", TAG][..], "lightweight"), (&["tag", "-a", "-m", "x", TAG], "unsigned")] {
        signed.fixture.git(make);
        signed.fixture.expect_tag(TAG, "unproven", &[reason]);
        assert!(!signed.git_accepts(TAG));
        let before = signed.fixture.git(["rev-parse", TAG]);
        let ran = signed.release();
        assert!(ran.code == 1 && ran.stdout.contains("[signers] names who may sign"), "{}", ran.stdout);
        assert_eq!(signed.fixture.git(["rev-parse", TAG]), before);
        signed.fixture.git(["tag", "-d", TAG]);
    }
    signed.release().ok();
    signed.fixture.expect_tag(TAG, "proven", &[]);
}

#[test]
fn case_70_two_blocks_no_tagger_another_namespace_and_sha_1() {
    let signed = Signed::new(&["-t", "rsa", "-b", "3072"]);
    let payload = signed.payload("t", 1_700_000_500);
    signed.fixture.put_tag("t", &signed.sign(&payload, "git"));
    assert!(signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "proven", &[]);

    let smuggled = "-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----\n";
    signed.fixture.put_tag("t", &signed.sign(&format!("{payload}{smuggled}"), "git"));
    assert!(signed.git_accepts("t"), "git takes the last block");
    signed.fixture.expect_tag("t", "refuted", &["two-signatures"]);

    let untagged = payload.split('\n').filter(|it| !it.starts_with("tagger")).collect::<Vec<_>>().join("\n");
    signed.fixture.put_tag("t", &signed.sign(&untagged, "git"));
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["no-tagger"]);

    signed.fixture.put_tag("t", &signed.sign(&payload, "file"));
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["namespace"]);

    signed.fixture.put_tag("t", &[payload.as_bytes(), sha1_signature(&signed, &payload).as_bytes()].concat());
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["signature"]);
}

/// A signature by `ssh-rsa`, RSA over SHA-1, which ssh-keygen no longer makes: its blob is put together from
/// `PROTOCOL.sshsig`, and signed by openssl.
fn sha1_signature(signed: &Signed, payload: &str) -> String {
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
    let file = signed.fixture.path().join(".git/payload");
    std::fs::write(&file, payload).unwrap();
    let mut command = hermetic("python3", signed.fixture.path());
    run(command.args(["-c", script]).arg(&signed.key).stdin(std::fs::File::open(file).unwrap())).ok().stdout
}

#[test]
fn case_71_windows_revocation_principals_and_backdating() {
    let signed = Signed::new(&["-t", "ed25519"]);
    // The commit is of November 2023; the key counts from 2024 to 2025.
    let at = |time: u64| signed.fixture.put_tag("t", &signed.sign(&signed.payload("t", time), "git"));
    let window = |after: &str, before: &str| {
        signed.allow(&format!("valid-after=\"{after}\",valid-before=\"{before}\""), &signed.public());
    };
    at(1_710_000_000);
    window("20240101Z", "20990101Z");
    assert!(signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "proven", &[]);

    window("20240101Z", "20250101Z");
    assert!(
        signed.git_accepts("t"),
        "git believes the tagger's time: a stolen key that expired can backdate"
    );
    signed.fixture.expect_tag("t", "refuted", &["expired-no-trusted-time"]);
    window("20240101Z", "20240201Z");
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["expired"]);
    window("20250101Z", "20990101Z");
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["not-yet-valid"]);

    signed.allow("", &signed.public());
    at(1_600_000_000);
    assert!(signed.git_accepts("t"), "git does not look at the commit's time");
    signed.fixture.expect_tag("t", "refuted", &["backdated"]);
    at(4_000_000_000);
    assert!(signed.git_accepts("t"), "git does not look at the clock");
    signed.fixture.expect_tag("t", "refuted", &["future"]);
    at(1_710_000_000);

    std::fs::write(signed.policy_file(), format!("*@example.com,!ada@* {}\n", signed.public())).unwrap();
    signed.fixture.expect_tag("t", "refuted", &["principal"]);
    std::fs::write(signed.policy_file(), format!("bob@example.com {}\n", signed.public())).unwrap();
    assert!(signed.git_accepts("t"), "git does not compare the tagger with the principal");
    signed.fixture.expect_tag("t", "refuted", &["principal"]);
    signed.allow("namespaces=\"file\"", &signed.public());
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["namespace"]);
    let other = signed.fixture.path().join(".git/other");
    signed.keygen(&other, &["-t", "ed25519"], "");
    signed.allow("", std::fs::read_to_string(other.with_extension("pub")).unwrap().trim());
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["unknown-key"]);
    signed.allow("cert-authority", &signed.public());
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["unknown-key"]);
}

#[test]
fn case_71_a_revoked_key_and_a_revocation_file_that_is_not_there() {
    let signed = Signed::new(&["-t", "ed25519"]);
    signed.release().ok();
    let revoked = signed.fixture.path().join(".git/revoked");
    let catalog = signed.fixture.path().join(".git/release.toml");
    let text = std::fs::read_to_string(&catalog)
        .unwrap()
        .replace("\"allowed\"", "\"allowed\"\nrevoked = \"revoked\"");
    std::fs::write(&catalog, text).unwrap();
    signed.fixture.git(["config", "gpg.ssh.revocationFile", revoked.to_str().unwrap()]);
    assert!(signed.git_accepts(TAG), "git only warns of a revocation file that is not there");
    signed.fixture.expect_tag(TAG, "unproven", &["revocation"]);
    std::fs::write(&revoked, "# nobody\n").unwrap();
    signed.fixture.expect_tag(TAG, "proven", &[]);
    std::fs::write(&revoked, signed.public()).unwrap();
    assert!(!signed.git_accepts(TAG));
    signed.fixture.expect_tag(TAG, "refuted", &["revoked"]);
    let mut krl = hermetic("ssh-keygen", signed.fixture.path());
    run(krl.args(["-q", "-k", "-f"]).arg(&revoked).arg(signed.key.with_extension("pub"))).ok();
    assert!(!signed.git_accepts(TAG));
    signed.fixture.expect_tag(TAG, "unproven", &["revocation"]);
    let ran = signed.xtask(&["release", "server/v0.1.2", "--sign-tag"]);
    assert!(ran.code == 1 && ran.stdout.contains("REFUSED  signing"), "{}", ran.stdout);
}

#[test]
fn what_cannot_sign_is_refused_with_a_hint_and_leaves_no_tag() {
    let signed = Signed::new(&["-t", "ed25519"]);
    let refused = |evidence: &str| {
        let ran = signed.release();
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 1 && text.contains(evidence) && text.contains("hint:"), "{evidence}: {text}");
        assert_eq!(signed.fixture.git(["tag", "-l", TAG]), "", "a tag was left behind");
    };
    signed.fixture.git(["config", "--unset", "user.signingKey"]);
    refused("no signing key: neither --sign-tag=KEY nor user.signingKey");
    signed.fixture.git(["config", "user.signingKey", "~/nowhere"]);
    refused("the signing key ~/nowhere cannot be used: No such file or directory");
    signed.fixture.git(["config", "user.signingKey", "README.md"]);
    refused("the signing key README.md cannot be used");
    signed.fixture.git(["config", "user.signingKey", signed.key.to_str().unwrap()]);
    signed.fixture.git(["config", "gpg.format", "x400"]);
    refused("gpg.format is x400");
    signed.fixture.git(["config", "gpg.format", "ssh"]);
    signed.allow("valid-before=\"20240101Z\"", &signed.public());
    refused("counted until 2024-01-01T00:00:00Z");
    signed.allow("", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti");
    refused("is not among the allowed signers");
    std::fs::write(signed.policy_file(), "nonsense\n").unwrap();
    refused("allowed:1: want principals, then a key");
    signed.allow("", &signed.public());
    // No terminal, no agent: the passphrase cannot be asked for.
    let locked = signed.fixture.path().join(".git/locked");
    signed.keygen(&locked, &["-t", "ed25519"], "secret passphrase");
    signed.allow("", std::fs::read_to_string(locked.with_extension("pub")).unwrap().trim());
    signed.fixture.git(["config", "user.signingKey", locked.to_str().unwrap()]);
    refused("ssh-keygen did not sign: ");
    signed.fixture.git(["config", "gpg.ssh.program", "/bin/true"]);
    refused("/bin/true did not sign: ");
    // A program that signs something else: caught before anybody sees the tag.
    let liar = signed.fixture.path().join(".git/liar");
    let script =
        format!("#!/bin/sh\necho other | ssh-keygen -q -Y sign -n git -f {}\n", signed.key.display());
    std::fs::write(&liar, script).unwrap();
    run(Command::new("chmod").arg("+x").arg(&liar)).ok();
    signed.fixture.git(["config", "gpg.ssh.program", liar.to_str().unwrap()]);
    signed.fixture.git(["config", "user.signingKey", signed.key.to_str().unwrap()]);
    signed.allow("", &signed.public());
    refused("the signature that was just made does not hold (signature)");
    signed.fixture.git(["config", "--unset", "gpg.ssh.program"]);
    signed.release().ok();
    signed.fixture.expect_tag(TAG, "proven", &[]);
}

#[test]
fn agents_literal_keys_default_commands_and_defaults_of_git_are_honoured() {
    let signed = Signed::new(&["-t", "ed25519"]);
    let socket = signed.fixture.path().join(".git/agent");
    let mut agent = hermetic("ssh-agent", signed.fixture.path());
    let mut agent = agent.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    while !socket.exists() {
        std::thread::yield_now();
    }
    let mut add = hermetic("ssh-add", signed.fixture.path());
    run(add.arg("-q").arg(&signed.key).env("SSH_AUTH_SOCK", &socket)).ok();
    let hidden = signed.key.with_extension("hidden");
    std::fs::rename(&signed.key, &hidden).unwrap();
    let release = |arguments: &[&str]| {
        let mut command = xtask(signed.fixture.path());
        command.args(["release", TAG, "--config", ".git/release.toml"]).args(arguments);
        run(command.env("SSH_AUTH_SOCK", &socket))
    };
    let proven = |ran: Ran| {
        ran.ok();
        assert!(signed.git_accepts(TAG));
        signed.fixture.expect_tag(TAG, "proven", &[]);
        signed.fixture.git(["tag", "-d", TAG]);
    };
    let literal = format!("key::{}", signed.public());
    proven(release(&[&format!("--sign-tag={literal}")]));
    signed.fixture.git(["config", "user.signingKey", signed.key.with_extension("pub").to_str().unwrap()]);
    proven(release(&["--sign-tag"]));
    signed.fixture.git(["config", "--unset", "user.signingKey"]);
    signed.fixture.git(["config", "gpg.ssh.defaultKeyCommand", &format!("echo '{literal}'")]);
    proven(release(&["--sign-tag"]));
    signed.fixture.git(["config", "tag.gpgSign", "true"]);
    proven(release(&[]));
    agent.kill().unwrap();
    agent.wait().unwrap();
    let ran = release(&[]);
    assert!(ran.code == 1 && ran.stderr.contains("SSH_AUTH_SOCK"), "{}", ran.stderr);
    assert_eq!(signed.fixture.git(["tag", "-l", TAG]), "");
}

#[test]
fn without_a_policy_a_tag_is_signed_with_a_note_and_proves_nothing() {
    let signed = Signed::new(&["-t", "ed25519"]);
    let ran = run(xtask(signed.fixture.path()).args(["release", TAG, "--sign-tag"])).ok();
    assert!(
        ran.stdout.contains("note     signing") && ran.stdout.contains("config init --signer"),
        "{}",
        ran.stdout
    );
    let ran = run(xtask(signed.fixture.path()).args(["verify-tag", TAG]));
    assert!(ran.code == 11 && ran.stdout.contains("no-policy"), "{}", ran.stdout);
    signed.fixture.expect_tag(TAG, "proven", &[]);
}

#[test]
fn doctor_tells_which_key_would_sign_of_whom_and_until_when() {
    let signed = Signed::new(&["-t", "ed25519"]);
    signed.allow("valid-before=\"20990101Z\"", &signed.public());
    let ran = signed.xtask(&["doctor", TAG, "--sign-tag"]).ok();
    let fingerprint =
        run(hermetic("ssh-keygen", signed.fixture.path()).arg("-lf").arg(&signed.key)).ok().stdout;
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    let expected = format!("{fingerprint} may sign for ada@example.com, until 2099-01-01T00:00:00Z");
    assert!(ran.stdout.contains(&expected), "{expected}\n{}", ran.stdout);
    let document: Value = signed.xtask(&["doctor", TAG, "--sign-tag", "--format", "json"]).ok().json();
    assert!(
        document["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["check"] == "signing" && it["outcome"] == "passed")
    );
}
