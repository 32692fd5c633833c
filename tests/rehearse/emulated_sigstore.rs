//! What our Sigstore instance mints is accepted by verifiers that nobody here wrote, and refused by them when tampered with.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{BundleSpec, RekorVersion};
use serde_json::Value;

use crate::support::attested_file::{COMMIT, Minted, release_run};
use crate::support::external_tools::fetched;
use crate::support::repository::{Ran, hermetic, run};

/// A bundle, and what it was signed with.
struct Signed {
    minted: Minted,
    bundle: Value,
}

impl Signed {
    /// With a log of either kind, and seen by a timestamp authority or not.
    fn new(log: RekorVersion, stamped: Option<i64>) -> Self {
        let mut minted = Minted::new();
        let (claims, statement) = (release_run().claims(), minted.statement());
        let bundle = minted.mint(&claims, &statement, |it| BundleSpec {
            rekor_version: Some(log),
            timestamped_after_seconds: stamped,
            ..it
        });
        let this = Self { minted, bundle };
        this.write(&this.bundle);
        this
    }

    fn all() -> [Self; 3] {
        [
            Self::new(RekorVersion::V1, None),
            Self::new(RekorVersion::V1, Some(2)),
            Self::new(RekorVersion::V2, Some(2)),
        ]
    }

    fn write(&self, bundle: &Value) {
        std::fs::write(self.minted.path("bundle.json"), bundle.to_string()).unwrap();
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
        let mut twins = vec![
            ("payload", flipped("/dsseEnvelope/payload", 40)),
            ("signature", flipped("/dsseEnvelope/signatures/0/sig", 20)),
            ("certificate", flipped("/verificationMaterial/certificate/rawBytes", 500)),
            ("body", flipped(&format!("{entry}/canonicalizedBody"), 60)),
            ("proof", flipped(&format!("{entry}/inclusionProof/hashes/0"), 3)),
        ];
        let promise = format!("{entry}/inclusionPromise/signedEntryTimestamp");
        if self.bundle.pointer(&promise).is_some() {
            let mut other_time = self.bundle.clone();
            *other_time.pointer_mut(&format!("{entry}/integratedTime")).unwrap() = Value::from("1780000002");
            twins.extend([("promise", flipped(&promise, 20)), ("time", other_time)]);
        } else {
            let stamp = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
            twins.push(("stamp", flipped(stamp, 90)));
        }
        twins
    }
}

#[test]
fn gh_takes_what_is_minted_and_refuses_what_is_tampered_with() {
    let Some(gh) = fetched("gh-2.103.3/bin/gh", "gh_takes_what_is_minted") else { return };
    for signed in Signed::all() {
        let verify = || by_gh(&gh, &signed.minted);
        let seen = verify().ok().json();
        let commit = &seen[0]["verificationResult"]["signature"]["certificate"]["sourceRepositoryDigest"];
        assert_eq!(*commit, COMMIT);
        refuses(&signed, verify);
    }
}

/// `gh attestation verify`, without anything of the network.
pub(crate) fn by_gh(gh: &std::path::Path, minted: &Minted) -> Ran {
    let mut command = hermetic(gh, minted.folder.path());
    command
        .env("GH_TOKEN", "invented")
        .env("GH_CONFIG_DIR", minted.path("gh"))
        .env("GH_NO_UPDATE_NOTIFIER", "1");
    command.args(["attestation", "verify"]).arg(minted.file());
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
}

#[test]
fn sigstore_python_takes_what_is_minted_and_refuses_what_is_tampered_with() {
    let Some(python) = fetched("sigstore-4.5.1/bin/sigstore", "sigstore_python_takes_what_is_minted") else {
        return;
    };
    for signed in Signed::all() {
        let minted = &signed.minted;
        let verify = || -> Ran {
            let mut command = hermetic("python3", minted.folder.path());
            command.env("PYTHONPATH", python.parent().unwrap().parent().unwrap()).args(["-m", "sigstore"]);
            command.arg("--trust-config").arg(minted.path("config.json"));
            command.args(["verify", "identity", "--offline", "--bundle"]).arg(minted.path("bundle.json"));
            command.args(["--cert-identity", &release_run().build_signer_uri()]);
            command.args(["--cert-oidc-issuer", "https://token.actions.githubusercontent.com"]);
            run(command.arg(minted.file()))
        };
        refuses(&signed, verify);
    }
}

/// The right bundle is taken, and each tampered twin refused.
fn refuses(signed: &Signed, verify: impl Fn() -> Ran) {
    verify().ok();
    for (what, twin) in signed.twins() {
        signed.write(&twin);
        assert_ne!(verify().code, 0, "{what} was tampered with, and nobody sees it");
    }
}
