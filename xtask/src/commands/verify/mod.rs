//! `verify <FILE…>`: verifies files against Sigstore bundles.

mod args;
mod signer;

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use model::Digest;
use model::evidence::attestation::{
    AttestationPolicy, BundleVerdict, ExpectedSigner, SLSA_PROVENANCE_V1, SLSA_PROVENANCE_V02,
};
use model::evidence::sums;
use model::evidence::verdict::{Finding, Verdict, overall};
use ops::{BundleSource, SubjectArtifact, SubjectVerdict, VerificationReport, VerifyRequest, VerifySubject};
use serde::Serialize;

pub(crate) use self::args::VerifyArgs;
use self::signer::signer_policy;
use crate::args::GlobalArgs;
use crate::clock;
use crate::error::CliError;
use crate::escape;
use crate::github;
use crate::outcome::RunOutcome;
use crate::progress::ProgressReporter;
use crate::report::{self, TextPage};
use crate::session::RepositoryContext;
use crate::trust;

/// The maximum size of a `SHA256SUMS` file, in bytes.
const MAX_SUMS_BYTES: u64 = sums::MAX_SUMS_BYTES as u64;

/// The JSON document of `verify`.
#[derive(Serialize)]
struct VerifyJson<'a> {
    schema: &'static str,
    verdict: Verdict,
    /// The expected repository, and the source of its name.
    repository: String,
    repository_source: String,
    /// A description of the trusted roots and their age.
    trusted_root: &'a str,
    subjects: Vec<SubjectJson<'a>>,
}

#[derive(Serialize)]
struct SubjectJson<'a> {
    subject: &'a str,
    digest: Option<Digest>,
    verdict: Verdict,
    findings: &'a [Finding],
    /// The verdict of every bundle.
    bundles: &'a [BundleVerdict],
}

pub(crate) fn run(global: &GlobalArgs, args: &VerifyArgs) -> Result<RunOutcome, CliError> {
    let context = repository_context(global, args)?;
    let subjects = subjects(args)?;
    if args.predicate_type.as_deref() == Some("") {
        return Err(CliError::usage(anyhow!("--predicate-type must not be empty")));
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
            let error = CliError::usage(anyhow!(
                "--offline makes no requests, so GitHub's bundles cannot be fetched"
            ));
            return Err(error.with_hint("pass a file of bundles: --bundle FILE"));
        }
        None => Some(github::connect(context.host(), context.retry_policy, trust_root.clone(), None)?),
    };
    let bundles = match (&args.bundle, &clients) {
        (Some(path), _) => BundleSource::File(path.clone()),
        (None, Some(clients)) => BundleSource::GitHub(clients.clients()),
        (None, None) => unreachable!("one of both is set, as checked above"),
    };
    let mut reporter = ProgressReporter::new(global);
    let on_event = &mut |it| reporter.report(&ops::ReleaseEvent::Http(it));
    let temporary_folder = std::env::temp_dir();
    let request = VerifyRequest { subjects, bundles, policy: expected, trust_root, key, temporary_folder };
    let verdicts = ops::verify(&request, on_event)?;
    print(global, &context, &verdicts)?;
    Ok(RunOutcome::Verdict(verdicts.verdict()))
}

/// Returns the repository that the files must be from. It must be given explicitly, or with a signer: a verdict for the
/// repository of the working directory would say nothing about a file from elsewhere.
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
    let error = anyhow!("no repository is given, and a file does not name the repository that released it");
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
            schema: "opensandbox-release/verify/3",
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

/// Adds the report of a single subject. The bundles are listed if there are several, or with `--verbose`.
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

/// Returns the subjects: the given files and digests, and the files that `--sums` lists.
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

/// Parses a subject: a digest if it starts with `sha256:`, else a path.
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
