//! Independent verifiers accept the bundles of the emulated Sigstore instance, and reject tampered ones.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{BundleSpec, RekorVersion};
use serde_json::Value;

use crate::support::attested_file::{AttestedFile, SOURCE_COMMIT, release_workflow_run};
use crate::support::external_tools::fetched_tool;
use crate::support::repository::{CapturedOutput, hermetic_command, run};

/// A bundle, and the file and the instance that it was created with.
struct SignedBundle {
    attested_file: AttestedFile,
    bundle: Value,
}

impl SignedBundle {
    /// With a log entry of this version. `stamped` is the time of a timestamp, in seconds after the certificate's
    /// start; `None` for no timestamp.
    fn new(log: RekorVersion, stamped: Option<i64>) -> Self {
        let mut attested_file = AttestedFile::new();
        let (claims, statement) = (release_workflow_run().claims(), attested_file.statement());
        let bundle = attested_file.attest_with(&claims, &statement, |it| BundleSpec {
            rekor_version: Some(log),
            timestamped_after_seconds: stamped,
            ..it
        });
        let this = Self { attested_file, bundle };
        this.write_bundle(&this.bundle);
        this
    }

    fn variants() -> [Self; 3] {
        [
            Self::new(RekorVersion::V1, None),
            Self::new(RekorVersion::V1, Some(2)),
            Self::new(RekorVersion::V2, Some(2)),
        ]
    }

    fn write_bundle(&self, bundle: &Value) {
        std::fs::write(self.attested_file.path("bundle.json"), bundle.to_string()).unwrap();
    }

    /// Returns tampered copies of the bundle. Each differs from it in one signed value.
    fn tampered_bundles(&self) -> Vec<(&'static str, Value)> {
        let flipped = |pointer: &str, index: usize| {
            let mut twin = self.bundle.clone();
            let text = twin.pointer_mut(pointer).unwrap();
            let mut bytes = BASE64.decode(text.as_str().unwrap()).unwrap();
            let last = bytes.len() - 1;
            bytes[index.min(last)] ^= 1;
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
fn gh_agrees_on_emulated_bundles() {
    let Some(gh) = fetched_tool("gh-2.103.3/bin/gh", "gh_agrees_on_emulated_bundles") else { return };
    for signed in SignedBundle::variants() {
        let verify = || verify_with_gh(&gh, &signed.attested_file);
        let seen = verify().ok().json();
        let commit = &seen[0]["verificationResult"]["signature"]["certificate"]["sourceRepositoryDigest"];
        assert_eq!(*commit, SOURCE_COMMIT);
        expect_tampering_refused(&signed, verify);
    }
}

/// Runs `gh attestation verify` with a local bundle and trusted root, without the network.
pub(crate) fn verify_with_gh(gh: &std::path::Path, attested_file: &AttestedFile) -> CapturedOutput {
    let mut command = hermetic_command(gh, attested_file.folder.path());
    command
        .env("GH_TOKEN", "invented")
        .env("GH_CONFIG_DIR", attested_file.path("gh"))
        .env("GH_NO_UPDATE_NOTIFIER", "1");
    command.args(["attestation", "verify"]).arg(attested_file.file_path());
    command.args([
        "--repo",
        "acme/widgets",
        "--signer-workflow",
        "acme/widgets/.github/workflows/release-generic.yml",
    ]);
    command
        .arg("--bundle")
        .arg(attested_file.path("bundle.json"))
        .arg("--custom-trusted-root")
        .arg(attested_file.path("root.json"));
    run(command.args(["--format", "json"]))
}

#[test]
fn sigstore_python_agrees_on_emulated_bundles() {
    let Some(python) =
        fetched_tool("sigstore-4.5.1/bin/sigstore", "sigstore_python_agrees_on_emulated_bundles")
    else {
        return;
    };
    for signed in SignedBundle::variants() {
        let attested_file = &signed.attested_file;
        let verify = || -> CapturedOutput {
            let mut command = hermetic_command("python3", attested_file.folder.path());
            command.env("PYTHONPATH", python.parent().unwrap().parent().unwrap()).args(["-m", "sigstore"]);
            command.arg("--trust-config").arg(attested_file.path("config.json"));
            command
                .args(["verify", "identity", "--offline", "--bundle"])
                .arg(attested_file.path("bundle.json"));
            command.args(["--cert-identity", &release_workflow_run().build_signer_uri()]);
            command.args(["--cert-oidc-issuer", "https://token.actions.githubusercontent.com"]);
            run(command.arg(attested_file.file_path()))
        };
        expect_tampering_refused(&signed, verify);
    }
}

/// Asserts that the bundle is accepted, and that each tampered copy is rejected.
fn expect_tampering_refused(signed_bundle: &SignedBundle, verify: impl Fn() -> CapturedOutput) {
    verify().ok();
    for (what, twin) in signed_bundle.tampered_bundles() {
        signed_bundle.write_bundle(&twin);
        assert_ne!(verify().code, 0, "a tampered {what} is accepted");
    }
}
