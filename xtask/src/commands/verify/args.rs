//! The arguments of `verify`.

use std::path::PathBuf;

use clap::Args;

use crate::args::TrustArgs;

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The files to verify, or digests as sha256:HEX
    #[arg(value_name = "FILE", required_unless_present = "sums")]
    pub(crate) subjects: Vec<String>,
    /// Verify every file that this SHA256SUMS lists, in the same folder
    #[arg(long, value_name = "SHA256SUMS")]
    pub(crate) sums: Option<PathBuf>,
    /// The file of bundles, in JSON or JSON lines [default: fetch them from GitHub]
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Do not use the network
    #[arg(long)]
    pub(crate) offline: bool,
    /// The workflow that signed [default: any workflow of the repository]
    #[arg(long, value_name = "[HOST/]OWNER/NAME/PATH[@REF]")]
    pub(crate) signer_workflow: Option<String>,
    /// The repository that was built, if the workflow belongs to another repository
    #[arg(long, value_name = "[HOST/]OWNER/NAME", requires = "signer_workflow")]
    pub(crate) source_uri: Option<String>,
    /// The ref that was built, as in refs/heads/main
    #[arg(long, value_name = "REF")]
    pub(crate) source_ref: Option<String>,
    /// The commit that was built
    #[arg(long, value_name = "COMMIT")]
    pub(crate) source_digest: Option<String>,
    /// The predicate type [default: SLSA provenance v1; with --source-uri also v0.2; with cosign's flags: any]
    #[arg(long, value_name = "URI")]
    pub(crate) predicate_type: Option<String>,
    /// Reject attestations from self-hosted runners
    #[arg(long)]
    pub(crate) deny_self_hosted_runners: bool,
    /// Verify as cosign does: the exact identity in the certificate
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "certificate_identity_regexp",
        requires = "certificate_oidc_issuer"
    )]
    pub(crate) certificate_identity: Option<String>,
    /// Regex matched against the identity (unanchored)
    #[arg(long, value_name = "PATTERN", requires = "certificate_oidc_issuer")]
    pub(crate) certificate_identity_regexp: Option<String>,
    /// The OIDC issuer in the certificate [default: GitHub Actions]
    #[arg(long, value_name = "URL")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// Verify as cosign does: with this public key in PEM
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate_identity", "certificate_identity_regexp", "certificate_oidc_issuer"])]
    pub(crate) key: Option<PathBuf>,
}
