//! What a certificate says of a workflow run.

use serde_json::{Value, json};

/// A run of a workflow of GitHub Actions, as the claims of its certificate have it.
#[derive(Debug, Clone)]
pub struct ActionsRun {
    /// `OWNER/NAME`.
    pub repository: String,
    /// The file under `.github/workflows/`.
    pub workflow: String,
    /// The reference that it ran on, as in `refs/heads/main`.
    pub reference: String,
    /// The commit that it ran on.
    pub commit: String,
    /// What started it: `push` or `workflow_dispatch`.
    pub event: String,
    /// The repository's number.
    pub repository_id: u64,
    /// The owner's number.
    pub owner_id: u64,
}

/// The names and extensions of a certificate. Whatever is put here stands in it, right or wrong.
#[derive(Debug, Clone)]
pub struct CertificateClaims {
    /// The subject alternative names.
    pub subject_alternative_names: Vec<SubjectAlternativeName>,
    /// Fulcio's extensions by the last number of their name under 1.3.6.1.4.1.57264.1 (`fulcio:docs/oid-info.md`), with
    /// their texts. Numbers below 8 hold raw bytes, the others a DER `UTF8String`.
    pub extensions: Vec<(u32, String)>,
    /// Further ones, with the bytes that they hold.
    pub raw_extensions: Vec<(u32, Vec<u8>)>,
    /// The certificate log that promises to list it.
    pub certificate_log: CertificateLog,
    /// Whether it is for signing code; else for timestamps.
    pub code_signing: bool,
    /// Whether another key than the authority's signed it.
    pub forged: bool,
}

/// A name of a certificate's subject.
#[derive(Debug, Clone)]
pub enum SubjectAlternativeName {
    /// An address.
    Uri(String),
    /// An e-mail address.
    Email(String),
}

impl SubjectAlternativeName {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let (Self::Uri(text) | Self::Email(text)) = self;
        text
    }
}

/// Who promises to list a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateLog {
    /// The log that the trusted root names.
    Listed,
    /// One that it does not name.
    Unlisted,
    /// Nobody.
    None,
}

impl CertificateClaims {
    /// These, with another text for an extension.
    #[must_use]
    pub fn with_extension(mut self, number: u32, text: &str) -> Self {
        self.extensions.retain(|it| it.0 != number);
        self.extensions.push((number, text.to_owned()));
        self
    }

    /// These, for somebody with an e-mail address and a token of this issuer.
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
    /// A run of the release workflow of an invented repository.
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

    fn repository_url(&self) -> String {
        format!("https://github.com/{}", self.repository)
    }

    /// The workflow that signs, with its reference: what the certificate calls itself.
    #[must_use]
    pub fn build_signer_uri(&self) -> String {
        format!("{}/.github/workflows/{}@{}", self.repository_url(), self.workflow, self.reference)
    }

    fn run_invocation_uri(&self) -> String {
        format!("{}/actions/runs/1001/attempts/1", self.repository_url())
    }

    /// The claims that Fulcio makes of such a run.
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

    /// The provenance that `actions/attest` writes of such a run, for files by name and SHA-256 in hexadecimal digits
    /// (in-toto Statement v1, SLSA provenance v1, `buildtypes/workflow/v1`).
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
