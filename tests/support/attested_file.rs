//! A file attested by an emulated Sigstore instance, and the `verify` command for it.

use std::path::PathBuf;
use std::process::Command;

use emulators::{ActionsRun, BundleContent, BundleSigner, BundleSpec, CertificateClaims, Sigstore};
use serde_json::Value;

use crate::support::repository::{CapturedOutput, hermetic_command, run, xtask};

/// The commit that the release workflow ran on. Invented.
pub(crate) const SOURCE_COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// Signing time, in seconds since 1970-01-01 UTC: 2026-05-28.
pub(crate) const SIGNING_TIME: i64 = 1_780_000_000;
/// Name of the attested file.
pub(crate) const FILE_NAME: &str = "widgets-server-v0.1.1.tar.gz";

/// The attested file in a temporary folder, and the Sigstore instance that attests it.
pub(crate) struct AttestedFile {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) sigstore: Sigstore,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub(crate) sha256_hex: String,
}

/// Returns the run of the release workflow, on [`SOURCE_COMMIT`].
pub(crate) fn release_workflow_run() -> ActionsRun {
    ActionsRun { commit: SOURCE_COMMIT.to_owned(), ..ActionsRun::example() }
}

/// Returns the SHA-256 of a file in hexadecimal digits, computed by `sha256sum`.
pub(crate) fn sha256sum(path: &std::path::Path) -> String {
    run(hermetic_command("sha256sum", std::path::Path::new("/")).arg(path)).ok().stdout[..64].to_owned()
}

impl AttestedFile {
    pub(crate) fn new() -> Self {
        Self::with_sigstore(Sigstore::new(SIGNING_TIME).unwrap())
    }

    /// Creates the file and writes the trusted root to `root.json`. `config.json` is the `ClientTrustConfig` that
    /// other Sigstore clients read.
    pub(crate) fn with_sigstore(sigstore: Sigstore) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "invented bytes\n").unwrap();
        let hex = sha256sum(&folder.path().join(FILE_NAME));
        let root = sigstore.trusted_root().unwrap();
        std::fs::write(folder.path().join("root.json"), format!("{root}\n")).unwrap();
        let config = sigstore.client_trust_config().unwrap();
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        Self { folder, sigstore, sha256_hex: hex }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file_path(&self) -> String {
        self.path(FILE_NAME).to_str().unwrap().to_owned()
    }

    /// Returns the SLSA provenance statement that the release workflow makes for the file.
    pub(crate) fn statement(&self) -> Value {
        release_workflow_run().provenance(&[(FILE_NAME, &self.sha256_hex)])
    }

    /// Returns a valid bundle, signed by the release workflow.
    pub(crate) fn bundle(&mut self) -> Value {
        let statement = self.statement();
        self.attest(&release_workflow_run().claims(), &statement)
    }

    /// Returns a bundle for a statement, signed with a certificate that has these claims.
    pub(crate) fn attest(&mut self, claims: &CertificateClaims, statement: &Value) -> Value {
        self.attest_with(claims, statement, |it| it)
    }

    /// Returns a bundle as [`Self::attest`] does; `change` edits the specification before it is signed.
    pub(crate) fn attest_with<'a>(
        &mut self,
        claims: &'a CertificateClaims,
        statement: &'a Value,
        change: impl FnOnce(BundleSpec<'a>) -> BundleSpec<'a>,
    ) -> Value {
        let mint = BundleSpec::new(BundleSigner::Certificate(claims), BundleContent::Statement(statement));
        self.sigstore.create_bundle(&change(mint)).unwrap()
    }

    /// Returns the command `verify FILE --bundle NAME`, with `bundles` written to the file `name`. The trusted root and
    /// the repository are added unless `arguments` replace them.
    pub(crate) fn command(&self, bundles: &str, name: &str, arguments: &[&str]) -> Command {
        std::fs::write(self.path(name), bundles).unwrap();
        let mut command = xtask(self.folder.path());
        command.args(["verify", &self.file_path(), "--format", "json", "--bundle"]).arg(self.path(name));
        if !arguments.contains(&"--trusted-root") && !arguments.contains(&"--offline") {
            command.arg("--trusted-root").arg(self.path("root.json"));
        }
        if !arguments.contains(&"--config") {
            command.args(["-R", "acme/widgets"]);
        }
        command.args(arguments);
        command
    }

    pub(crate) fn verify(&self, bundle: &Value, arguments: &[&str]) -> CapturedOutput {
        run(&mut self.command(&bundle.to_string(), "bundle.json", arguments))
    }
}

/// Returns the verdict of `verify` and the reason of its last finding. Panics if the exit code is not that of the
/// verdict.
#[track_caller]
pub(crate) fn verify_verdict(output: &CapturedOutput) -> (String, String) {
    let (document, verdict) = output.verdict();
    let subject = document["subjects"].as_array().map_or(&document, |it| &it[0]);
    let findings = subject["findings"].as_array().unwrap();
    let last = findings.last().expect("the verdict has no finding");
    (verdict, last["reason"].as_str().unwrap().to_owned())
}

/// The release policy as arguments: the signer workflow, and the branch it was dispatched on.
pub(crate) const RELEASE_POLICY_FLAGS: [&str; 4] = [
    "--signer-workflow",
    "acme/widgets/.github/workflows/release-generic.yml",
    "--source-ref",
    "refs/heads/main",
];
