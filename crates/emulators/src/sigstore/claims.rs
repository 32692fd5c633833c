//! The claims of a Fulcio certificate, and the provenance of a workflow run.

use serde_json::{Value, json};

/// A run of a GitHub Actions workflow, with the values that its certificate claims.
#[derive(Debug, Clone)]
pub struct ActionsRun {
    /// The repository, as `OWNER/NAME`.
    pub repository: String,
    /// The name of the workflow file under `.github/workflows/`.
    pub workflow: String,
    /// The ref that the run was started on, as in `refs/heads/main`.
    pub reference: String,
    /// The commit that the run was started on, as a full object ID.
    pub commit: String,
    /// The event that triggered the run: `push` or `workflow_dispatch`.
    pub event: String,
    /// The numeric ID of the repository.
    pub repository_id: u64,
    /// The numeric ID of the repository's owner.
    pub owner_id: u64,
}

/// The names and extensions of a certificate. They are encoded as given, so that tests can create invalid ones.
#[derive(Debug, Clone)]
pub struct CertificateClaims {
    /// The subject alternative names.
    pub subject_alternative_names: Vec<SubjectAlternativeName>,
    /// Fulcio's extensions as the last number of their OID under 1.3.6.1.4.1.57264.1 (`fulcio:docs/oid-info.md`) and
    /// their text. Numbers below 8 are encoded as raw bytes, the others as a DER `UTF8String`.
    pub extensions: Vec<(u32, String)>,
    /// More extensions under the same OID, with their raw bytes. They are added after `extensions`.
    pub raw_extensions: Vec<(u32, Vec<u8>)>,
    /// The certificate log that signs the SCT of the certificate.
    pub certificate_log: CertificateLog,
    /// Whether the extended key usage is code signing. If false, it is time stamping.
    pub code_signing: bool,
    /// Whether a random key signs the certificate instead of the intermediate's key.
    pub forged: bool,
}

/// A subject alternative name (RFC 5280, 4.2.1.6).
#[derive(Debug, Clone)]
pub enum SubjectAlternativeName {
    /// A URI, as for workflows.
    Uri(String),
    /// An e-mail address, as for people.
    Email(String),
}

impl SubjectAlternativeName {
    /// Returns the URI or the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let (Self::Uri(text) | Self::Email(text)) = self;
        text
    }
}

/// The log that signs the SCT of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateLog {
    /// A log that the trusted root lists.
    Listed,
    /// A log that the trusted root does not list.
    Unlisted,
    /// No log: the certificate has no SCT.
    None,
}

impl CertificateClaims {
    /// Replaces the text of an extension, or adds the extension if it is missing.
    #[must_use]
    pub fn with_extension(mut self, number: u32, text: &str) -> Self {
        self.extensions.retain(|it| it.0 != number);
        self.extensions.push((number, text.to_owned()));
        self
    }

    /// Returns the claims for a person with this e-mail address and an OIDC token of this issuer.
    #[must_use]
    pub fn for_email(address: &str, issuer: &str) -> Self {
        Self {
            subject_alternative_names: vec![SubjectAlternativeName::Email(address.to_owned())],
            extensions: vec![(1, issuer.to_owned()), (8, issuer.to_owned())],
            raw_extensions: Vec::new(),
            certificate_log: CertificateLog::Listed,
            code_signing: true,
            forged: false,
        }
    }
}

impl ActionsRun {
    /// Returns a run of the release workflow of an invented repository.
    #[must_use]
    pub fn example() -> Self {
        Self {
            repository: "acme/widgets".to_owned(),
            workflow: "release-generic.yml".to_owned(),
            reference: "refs/heads/main".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            event: "workflow_dispatch".to_owned(),
            repository_id: 424_242,
            owner_id: 4242,
        }
    }

    /// Returns the URL of the repository, which is the claim Source Repository URI.
    fn repository_url(&self) -> String {
        format!("https://github.com/{}", self.repository)
    }

    /// Returns the URI of the signing workflow with its ref: the claim Build Signer URI, and the subject alternative
    /// name.
    #[must_use]
    pub fn build_signer_uri(&self) -> String {
        format!("{}/.github/workflows/{}@{}", self.repository_url(), self.workflow, self.reference)
    }

    /// Returns the URL of the run and its attempt: the claim Run Invocation URI.
    fn run_invocation_uri(&self) -> String {
        format!("{}/actions/runs/1001/attempts/1", self.repository_url())
    }

    /// Returns the claims that Fulcio puts into the certificate of this run.
    #[must_use]
    pub fn claims(&self) -> CertificateClaims {
        let issuer = "https://token.actions.githubusercontent.com";
        let owner = self.repository.split('/').next().unwrap_or_default();
        let (source, signer) = (self.repository_url(), self.build_signer_uri());
        let extensions = [
            (1, issuer),
            (2, &self.event),
            (3, &self.commit),
            (4, "Release"),
            (5, &self.repository),
            (6, &self.reference),
            (8, issuer),
            (9, &signer),
            (10, &self.commit),
            (11, "github-hosted"),
            (12, &source),
            (13, &self.commit),
            (14, &self.reference),
            (15, &self.repository_id.to_string()),
            (16, &format!("https://github.com/{owner}")),
            (17, &self.owner_id.to_string()),
            (18, &signer),
            (19, &self.commit),
            (20, &self.event),
            (21, &self.run_invocation_uri()),
            (22, "public"),
        ];
        let extensions = extensions.map(|(number, text)| (number, text.to_owned())).to_vec();
        CertificateClaims {
            subject_alternative_names: vec![SubjectAlternativeName::Uri(signer)],
            extensions,
            ..CertificateClaims::for_email("", "")
        }
    }

    /// Returns the provenance that `actions/attest` writes for this run (in-toto Statement v1, SLSA provenance v1,
    /// `buildtypes/workflow/v1`). `files` are names and their SHA-256 digests in hexadecimal digits.
    #[must_use]
    pub fn provenance(&self, files: &[(&str, &str)]) -> Value {
        let subject: Vec<Value> =
            files.iter().map(|(name, hex)| json!({ "name": name, "digest": { "sha256": hex } })).collect();
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                    "externalParameters": { "workflow": {
                        "ref": self.reference,
                        "repository": self.repository_url(),
                        "path": format!(".github/workflows/{}", self.workflow),
                    } },
                    "internalParameters": { "github": {
                        "event_name": self.event,
                        "repository_id": self.repository_id.to_string(),
                        "repository_owner_id": self.owner_id.to_string(),
                        "runner_environment": "github-hosted",
                    } },
                    "resolvedDependencies": [{
                        "uri": format!("git+{}@{}", self.repository_url(), self.reference),
                        "digest": { "gitCommit": self.commit },
                    }],
                },
                "runDetails": {
                    "builder": { "id": self.build_signer_uri() },
                    "metadata": { "invocationId": self.run_invocation_uri() },
                },
            },
        })
    }
}
