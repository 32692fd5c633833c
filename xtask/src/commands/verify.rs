//! `verify <FILE…>`: what the Sigstore bundles for files prove.

use clap::Args;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use model::Digest;
use model::evidence::attestation::{
    AttestationPolicy, BuilderPolicy, BundleVerdict, ExpectedSigner, GITHUB_ACTIONS_ISSUER, IdentityMatcher,
    SLSA_PROVENANCE_V1, SLSA_PROVENANCE_V02, Workflow, WorkflowPolicy,
};
use model::evidence::sums;
use model::evidence::verdict::{Finding, Verdict, overall};
use ops::{
    BundleSource, PublicKey, SubjectArtifact, SubjectVerdict, VerificationReport, VerifyRequest,
    VerifySubject,
};
use serde::Serialize;

use crate::args::{GlobalArgs, TrustArgs};
use crate::clock;
use crate::error::CliError;
use crate::escape;
use crate::github;
use crate::outcome::RunOutcome;
use crate::progress::ProgressReporter;
use crate::report::{self, TextPage};
use crate::session::RepositoryContext;
use crate::trust;

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The files, or digests as sha256:HEX
    #[arg(value_name = "FILE", required_unless_present = "sums")]
    pub(crate) subjects: Vec<String>,
    /// Verify every file that this SHA256SUMS lists, beside it
    #[arg(long, value_name = "SHA256SUMS")]
    pub(crate) sums: Option<PathBuf>,
    /// The bundles, in JSON or JSON lines [default: those that GitHub keeps]
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Ask nobody: no request at all
    #[arg(long)]
    pub(crate) offline: bool,
    /// The workflow that signed [default: any of the repository]
    #[arg(long, value_name = "[HOST/]OWNER/NAME/PATH[@REF]")]
    pub(crate) signer_workflow: Option<String>,
    /// The repository that was built, if the workflow is a builder of another repository
    #[arg(long, value_name = "[HOST/]OWNER/NAME", requires = "signer_workflow")]
    pub(crate) source_uri: Option<String>,
    /// The reference that was built, as in refs/heads/main
    #[arg(long, value_name = "REF")]
    pub(crate) source_ref: Option<String>,
    /// The commit that was built
    #[arg(long, value_name = "COMMIT")]
    pub(crate) source_digest: Option<String>,
    /// Type of the statement [default: SLSA provenance v1; with --source-uri also v0.2; with cosign's flags: any]
    #[arg(long, value_name = "URI")]
    pub(crate) predicate_type: Option<String>,
    /// Take nothing from a runner that GitHub does not host
    #[arg(long)]
    pub(crate) deny_self_hosted_runners: bool,
    /// Verify as cosign does: whose certificate it is, exactly
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "certificate_identity_regexp",
        requires = "certificate_oidc_issuer"
    )]
    pub(crate) certificate_identity: Option<String>,
    /// The same, by a regular expression that is found anywhere in it
    #[arg(long, value_name = "PATTERN", requires = "certificate_oidc_issuer")]
    pub(crate) certificate_identity_regexp: Option<String>,
    /// Who issued the token [default: GitHub Actions]
    #[arg(long, value_name = "URL")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// Verify as cosign does: with this public key, in PEM
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate_identity", "certificate_identity_regexp", "certificate_oidc_issuer"])]
    pub(crate) key: Option<PathBuf>,
}

/// The longest public key that is read, in bytes.
const MAX_KEY_BYTES: u64 = 1 << 16;
/// The longest list of sums that is read, in bytes.
const MAX_SUMS_BYTES: u64 = sums::MAX_SUMS_BYTES as u64;

/// What scripts get.
#[derive(Serialize)]
struct VerifyJson<'a> {
    schema: &'static str,
    verdict: Verdict,
    /// The repository that was meant, and where its name comes from.
    repository: String,
    repository_source: String,
    /// Where trust began, and how old it is.
    trusted_root: &'a str,
    subjects: Vec<SubjectJson<'a>>,
}

#[derive(Serialize)]
struct SubjectJson<'a> {
    subject: &'a str,
    digest: Option<Digest>,
    verdict: Verdict,
    findings: &'a [Finding],
    /// Every bundle that was looked at.
    bundles: &'a [BundleVerdict],
}

pub(crate) fn run(global: &GlobalArgs, args: &VerifyArgs) -> Result<RunOutcome, CliError> {
    let context = repository_context(global, args)?;
    let subjects = subjects(args)?;
    if args.predicate_type.as_deref() == Some("") {
        return Err(CliError::usage(anyhow!("an empty --predicate-type would fit nothing")));
    }
    let (signer, key) = signer_policy(global, args, &context)?;
    let default: &[&str] = match signer {
        ExpectedSigner::Workflow(_) => &[SLSA_PROVENANCE_V1],
        ExpectedSigner::Builder(_) => &[SLSA_PROVENANCE_V1, SLSA_PROVENANCE_V02],
        _ => &[],
    };
    let check_names = matches!(signer, ExpectedSigner::Workflow(_));
    let default = || default.iter().map(|it| (*it).to_owned()).collect();
    let expected = AttestationPolicy {
        subject_name: None,
        predicate_types: args.predicate_type.clone().map_or_else(default, |it| vec![it]),
        now: clock::now(),
        signer,
    };
    let subjects = subjects
        .into_iter()
        .map(|it| if check_names { it } else { VerifySubject { name: None, ..it } })
        .collect();
    let trust_root = trust::trust_root_source(&args.trust, !args.offline, context.retry_policy.idle_timeout)?;
    let clients = match &args.bundle {
        Some(_) => None,
        None if args.offline => {
            let error = CliError::usage(anyhow!("--offline allows no request, and GitHub has the bundles"));
            return Err(error.with_hint("name a file of bundles: --bundle FILE"));
        }
        None => Some(github::connect(context.host(), context.retry_policy, trust_root.clone())?),
    };
    let bundles = match (&args.bundle, &clients) {
        (Some(path), _) => BundleSource::File(path.clone()),
        (None, Some(clients)) => BundleSource::GitHub(clients.clients()),
        (None, None) => unreachable!("either is there: looked at above"),
    };
    let mut reporter = ProgressReporter::new(global);
    let on_event = &mut |it| reporter.report(&ops::ReleaseEvent::Http(it));
    let verdicts =
        ops::verify(&VerifyRequest { subjects, bundles, policy: expected, trust_root, key }, on_event)?;
    print(global, &context, &verdicts)?;
    Ok(RunOutcome::Verdict(verdicts.verdict()))
}

/// The repository whose files they are. A verdict about a file is worth what is known of whose file it should be: the remote
/// of the folder that somebody happens to work in does not say that.
fn repository_context(global: &GlobalArgs, args: &VerifyArgs) -> Result<RepositoryContext, CliError> {
    let context = RepositoryContext::find(global)?;
    let of_workflow = args.signer_workflow.as_deref().map(|it| it.split('@').next().unwrap_or(it));
    let of_workflow = of_workflow.and_then(|it| it.split("/.github/").next());
    if let Some(source) = &args.source_uri {
        return context.with_repository_flag("--source-uri", without_scheme(source));
    }
    if let Some(repository) = of_workflow {
        return context.with_repository_flag("--signer-workflow", without_scheme(repository));
    }
    let signer = args.certificate_identity.is_some()
        || args.certificate_identity_regexp.is_some()
        || args.key.is_some();
    if global.repo.is_some() || signer {
        return Ok(context);
    }
    let slug = &context.slug;
    let error = anyhow!("no repository is named, and a file does not say which one it is from");
    Err(CliError::usage(error).with_hint(format!("name the repository that released it: -R {slug}")))
}

fn without_scheme(address: &str) -> &str {
    let rest = address.strip_prefix("https://").unwrap_or(address);
    rest.trim_end_matches('/')
}

fn print(
    global: &GlobalArgs,
    context: &RepositoryContext,
    report: &VerificationReport,
) -> Result<(), CliError> {
    if report::is_json(global) {
        return report::print_json(&VerifyJson {
            schema: "opensandbox-release/verify/2",
            verdict: report.verdict(),
            repository: context.slug.to_string(),
            repository_source: context.slug_source.to_string(),
            trusted_root: &report.trust_root,
            subjects: report.subjects.iter().map(subject_json).collect(),
        });
    }
    let mut page = TextPage::new();
    page.line(format!("for {} ({})", context.slug, escape::sanitize(&context.slug_source.to_string())));
    if let [subject] = &report.subjects[..] {
        add_subject(&mut page, global, subject);
    } else {
        for subject in &report.subjects {
            report::subject(&mut page, &subject.display_name, &subject.findings);
        }
        report::overall_verdict(&mut page, report.verdict());
    }
    page.line(format!("{}{}{:#}", report::DIM, escape::sanitize(&report.trust_root), report::DIM));
    page.print()
}

fn subject_json(subject: &SubjectVerdict) -> SubjectJson<'_> {
    SubjectJson {
        subject: &subject.display_name,
        digest: subject.digest,
        verdict: overall(&subject.findings),
        findings: &subject.findings,
        bundles: &subject.bundles,
    }
}

/// The report of a single file, with every bundle if there are several.
fn add_subject(page: &mut TextPage, global: &GlobalArgs, subject: &SubjectVerdict) {
    let digest = subject.digest.map_or("not read".to_owned(), |it| it.to_string());
    page.line(&subject.display_name);
    page.line(format!("  {digest}"));
    if subject.bundles.len() > 1 || global.verbose {
        page.heading("Bundles");
        for bundle in &subject.bundles {
            report::bundle(page, bundle);
        }
        page.heading("Verdict");
    }
    report::findings(page, &subject.findings);
}

/// What is verified: digests, files, and those of the list of sums.
fn subjects(args: &VerifyArgs) -> Result<Vec<VerifySubject>, CliError> {
    let mut all = args.subjects.iter().map(|it| parse_subject(it)).collect::<Result<Vec<_>, _>>()?;
    let Some(path) = &args.sums else { return Ok(all) };
    let text = ops::read_named(path, MAX_SUMS_BYTES).map_err(CliError::usage)?;
    let sums_entries =
        sums::parse(&text).map_err(|error| CliError::usage(anyhow!("{}: {error}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    all.extend(sums_entries.into_iter().map(|(name, digest)| {
        let file = folder.join(&name);
        let display_name = file.display().to_string();
        VerifySubject {
            display_name,
            artifact: SubjectArtifact::File(file),
            name: Some(name),
            listed_digest: Some(digest),
        }
    }));
    Ok(all)
}

/// A digest where it is one, else a file.
fn parse_subject(text: &str) -> Result<VerifySubject, CliError> {
    let subject =
        |artifact, name| VerifySubject { display_name: text.to_owned(), artifact, name, listed_digest: None };
    let Some(hex) = text.strip_prefix("sha256:") else {
        let path = PathBuf::from(text);
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
        return Ok(subject(SubjectArtifact::File(path), name));
    };
    let digest = Digest::from_hex(hex).ok_or_else(|| {
        CliError::usage(anyhow!(
            "invalid digest '{text}': expected sha256: and 64 lower-case hexadecimal digits"
        ))
    })?;
    Ok(subject(SubjectArtifact::Digest(digest), None))
}

/// Who must have signed: a workflow of the repository, or whoever cosign's flags name.
fn signer_policy(
    global: &GlobalArgs,
    args: &VerifyArgs,
    context: &RepositoryContext,
) -> Result<(ExpectedSigner, Option<PublicKey>), CliError> {
    let named = args.certificate_identity.clone().map(IdentityMatcher::Exact);
    let name = named.or_else(|| args.certificate_identity_regexp.clone().map(IdentityMatcher::Regexp));
    if name.is_none() && args.key.is_none() {
        return Ok((workflow_policy(global, args, context)?, None));
    }
    let workflow_flags = [
        ("--signer-workflow", args.signer_workflow.is_some()),
        ("--source-uri", args.source_uri.is_some()),
        ("--source-ref", args.source_ref.is_some()),
        ("--source-digest", args.source_digest.is_some()),
        ("--deny-self-hosted-runners", args.deny_self_hosted_runners),
    ];
    if let Some((flag, _)) = workflow_flags.into_iter().find(|(_, given)| *given) {
        let error = anyhow!("{flag} is about workflows, and cosign's flags are about any signer: use either");
        return Err(CliError::usage(error));
    }
    if let Some(path) = &args.key {
        let text = ops::read_named(path, MAX_KEY_BYTES).map_err(CliError::usage)?;
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&text));
        let invalid = |reason| CliError::usage(anyhow!("{} is not a public key: {reason}", path.display()));
        let key = key.map_err(invalid)?;
        return Ok((ExpectedSigner::Key, Some(key)));
    }
    let issuer = args.certificate_oidc_issuer.clone().unwrap_or_default();
    let name = name.unwrap_or(IdentityMatcher::Exact(String::new()));
    let (IdentityMatcher::Exact(text) | IdentityMatcher::Regexp(text)) = &name;
    if text.is_empty() || issuer.is_empty() {
        return Err(CliError::usage(anyhow!("an empty identity or issuer would fit nobody, or everybody")));
    }
    if let IdentityMatcher::Regexp(pattern) = &name {
        ops::check_identity_regexp(pattern)
            .map_err(|reason| CliError::usage(anyhow!("--certificate-identity-regexp: {reason}")))?;
    }
    Ok((ExpectedSigner::Identity { name, issuer }, None))
}

/// The workflow that must have signed: one of the repository, or a builder of another.
fn workflow_policy(
    global: &GlobalArgs,
    args: &VerifyArgs,
    context: &RepositoryContext,
) -> Result<ExpectedSigner, CliError> {
    let issuer = args.certificate_oidc_issuer.clone().unwrap_or_else(|| GITHUB_ACTIONS_ISSUER.to_owned());
    if [
        &Some(issuer.clone()),
        &args.signer_workflow,
        &args.source_ref,
        &args.source_digest,
        &args.predicate_type,
    ]
    .into_iter()
    .any(|it| it.as_deref() == Some(""))
    {
        return Err(CliError::usage(anyhow!("an empty value would fit nobody, or everybody")));
    }
    let (workflow, pinned) = match &args.signer_workflow {
        None => (Workflow::Any, None),
        Some(text) => parse_signer_workflow(text, context.slug.host())
            .map(|(it, pinned_ref)| (Workflow::Uri(it), pinned_ref))?,
    };
    let repositories = ops::accepted_repositories(&context.catalog, &context.slug, global.repo.is_some());
    if let Workflow::Uri(address) = &workflow {
        let is_below =
            |url: &str| address.len() > url.len() && address[..url.len()].eq_ignore_ascii_case(url);
        let is_listed = repositories.iter().any(|it| is_below(&format!("{}/", it.url)));
        match (is_listed, &args.source_uri) {
            (true, _) => {}
            (false, Some(_)) => {
                return Ok(ExpectedSigner::Builder(Box::new(BuilderPolicy {
                    workflow: address.clone(),
                    reference: pinned,
                    source_uri: context.slug.url(),
                    source_ref: args.source_ref.clone(),
                    source_digest: args.source_digest.clone(),
                    issuer,
                    deny_self_hosted: args.deny_self_hosted_runners,
                })));
            }
            (false, None) => {
                let error = anyhow!("{address} is a workflow of another repository than {}", context.slug);
                let hint = format!("--source-uri {}, if it built from that repository", context.slug);
                return Err(CliError::usage(error).with_hint(hint));
            }
        }
    }
    let reference = args.source_ref.clone().or(pinned.clone());
    if let (Some(pinned), Some(wanted)) = (&pinned, &args.source_ref)
        && pinned != wanted
    {
        let error = anyhow!("--signer-workflow wants {pinned}, and --source-ref {wanted}");
        return Err(CliError::usage(error));
    }
    Ok(ExpectedSigner::Workflow(Box::new(WorkflowPolicy {
        repositories,
        workflow,
        reference,
        commit: args.source_digest.clone(),
        trigger: None,
        issuer,
        deny_self_hosted: args.deny_self_hosted_runners,
    })))
}

/// The address of a workflow, and the reference that was named with it.
fn parse_signer_workflow(text: &str, host: &str) -> Result<(String, Option<String>), CliError> {
    let (path, reference) = match text.split_once('@') {
        Some((path, reference)) => (path, Some(reference.to_owned())),
        None => (text, None),
    };
    let path = path.strip_prefix("https://").unwrap_or(path);
    if reference.as_deref().is_some_and(|it| !it.starts_with("refs/")) {
        return Err(CliError::usage(anyhow!(
            "'{text}': want a reference behind the @, as in @refs/heads/main"
        )));
    }
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        [owner, name, ".github", "workflows", file] if !file.is_empty() => {
            Ok((format!("https://{host}/{owner}/{name}/.github/workflows/{file}"), reference))
        }
        [host, owner, name, ".github", "workflows", file] if !file.is_empty() => {
            Ok((format!("https://{host}/{owner}/{name}/.github/workflows/{file}"), reference))
        }
        _ => {
            let error = anyhow!("'{text}' is no workflow: want [HOST/]OWNER/NAME/.github/workflows/FILE");
            Err(CliError::usage(error))
        }
    }
}
