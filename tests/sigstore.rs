//! What our Sigstore instance mints is accepted by verifiers that nobody here wrote, and refused by them when tampered with.

use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use rehearsal::{Run, Sigstore};
use serde_json::Value;

use crate::support::{Ran, hermetic, run};
use crate::tools::fetched;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// An attested file, with what verifies it.
struct Minted {
    folder: tempfile::TempDir,
    bundle: Value,
}

impl Minted {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("archive.tar.gz"), "invented bytes\n").unwrap();
        let sum =
            run(hermetic("sha256sum", folder.path()).arg(folder.path().join("archive.tar.gz"))).ok().stdout;
        let run = release_run();
        let statement = run.provenance(&[("archive.tar.gz", &sum[..64])]);
        let mut sigstore = Sigstore::new(1_780_000_000).unwrap();
        let bundle = sigstore.attest(&run.claims(), &statement).unwrap();
        let root = sigstore.trusted_root().unwrap();
        std::fs::write(folder.path().join("root.json"), format!("{root}\n")).unwrap();
        std::fs::write(folder.path().join("config.json"), sigstore.trust_config().unwrap().to_string())
            .unwrap();
        let this = Self { folder, bundle };
        this.write(&this.bundle);
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, bundle: &Value) {
        std::fs::write(self.path("bundle.json"), bundle.to_string()).unwrap();
    }

    /// The tampered twins: one thing is other than it was signed.
    fn twins(&self) -> Vec<(&'static str, Value)> {
        let flipped = |pointer: &str, at: usize| {
            let mut twin = self.bundle.clone();
            let text = twin.pointer_mut(pointer).unwrap();
            let mut bytes = BASE64.decode(text.as_str().unwrap()).unwrap();
            let last = bytes.len() - 1;
            bytes[at.min(last)] ^= 1;
            *text = Value::from(BASE64.encode(bytes));
            twin
        };
        let entry = "/verificationMaterial/tlogEntries/0";
        let mut other_time = self.bundle.clone();
        *other_time.pointer_mut(&format!("{entry}/integratedTime")).unwrap() = Value::from("1780000002");
        vec![
            ("payload", flipped("/dsseEnvelope/payload", 40)),
            ("signature", flipped("/dsseEnvelope/signatures/0/sig", 20)),
            ("certificate", flipped("/verificationMaterial/certificate/rawBytes", 500)),
            ("promise", flipped(&format!("{entry}/inclusionPromise/signedEntryTimestamp"), 20)),
            ("body", flipped(&format!("{entry}/canonicalizedBody"), 60)),
            ("proof", flipped(&format!("{entry}/inclusionProof/hashes/0"), 3)),
            ("time", other_time),
        ]
    }
}

fn release_run() -> Run {
    Run {
        repository: "acme/widgets".to_owned(),
        workflow: "release-generic.yml".to_owned(),
        reference: "refs/heads/main".to_owned(),
        commit: COMMIT.to_owned(),
        event: "workflow_dispatch".to_owned(),
        repository_id: 424_242,
        owner_id: 4242,
    }
}

#[test]
fn gh_takes_what_is_minted_and_refuses_what_is_tampered_with() {
    let Some(gh) = fetched("gh-2.103.3/bin/gh", "gh_takes_what_is_minted") else { return };
    let minted = Minted::new();
    let verify = || -> Ran {
        let mut command = hermetic(&gh, minted.folder.path());
        command
            .env("GH_TOKEN", "invented")
            .env("GH_CONFIG_DIR", minted.path("gh"))
            .env("GH_NO_UPDATE_NOTIFIER", "1");
        command.args(["attestation", "verify"]).arg(minted.path("archive.tar.gz"));
        command.args([
            "--repo",
            "acme/widgets",
            "--signer-workflow",
            "acme/widgets/.github/workflows/release-generic.yml",
        ]);
        command
            .arg("--bundle")
            .arg(minted.path("bundle.json"))
            .arg("--custom-trusted-root")
            .arg(minted.path("root.json"));
        run(command.args(["--format", "json"]))
    };
    let seen = verify().ok().json();
    assert_eq!(seen[0]["verificationResult"]["signature"]["certificate"]["sourceRepositoryDigest"], COMMIT);
    refuses(&minted, verify);
}

#[test]
fn sigstore_python_takes_what_is_minted_and_refuses_what_is_tampered_with() {
    let Some(python) = fetched("sigstore-4.5.1/bin/sigstore", "sigstore_python_takes_what_is_minted") else {
        return;
    };
    let minted = Minted::new();
    let verify = || -> Ran {
        let mut command = hermetic("python3", minted.folder.path());
        command.env("PYTHONPATH", python.parent().unwrap().parent().unwrap()).args(["-m", "sigstore"]);
        command.arg("--trust-config").arg(minted.path("config.json"));
        command.args(["verify", "identity", "--offline", "--bundle"]).arg(minted.path("bundle.json"));
        command.args(["--cert-identity", &release_run().claims().names[0]]);
        command.args(["--cert-oidc-issuer", "https://token.actions.githubusercontent.com"]);
        run(command.arg(minted.path("archive.tar.gz")))
    };
    verify().ok();
    refuses(&minted, verify);
}

/// Each tampered twin is refused, and the right bundle is taken again.
fn refuses(minted: &Minted, verify: impl Fn() -> Ran) {
    for (what, twin) in minted.twins() {
        minted.write(&twin);
        assert_ne!(verify().code, 0, "{what} was tampered with, and nobody sees it");
    }
    minted.write(&minted.bundle);
    verify().ok();
}
