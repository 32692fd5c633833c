//! `verify <FILE…>`: what the Sigstore bundles for files prove.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use model::Digest;
use model::evidence::attestation::{
    AttestationPolicy, BuilderPolicy, BundleVerdict, ExpectedSigner, GITHUB_ACTIONS_ISSUER, IdentityMatcher,
    SLSA_PROVENANCE_V1, SLSA_PROVENANCE_V02, Workflow, WorkflowPolicy,
};
use model::evidence::sums;
use model::evidence::verdict::{Finding, Verdict, overall};
use ops::{Bundles, PublicKey, Subject, SubjectVerdict, Verdicts, Verification, Verified};
use serde::Serialize;

use crate::Ending;
use crate::args::{Global, Verify};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::{self, Abroad};
use crate::story::Story;
use crate::trust;
use crate::world::Reached;

/// The longest public key that is read, in bytes.
const MAX_KEY_BYTES: u64 = 1 << 16;
/// The longest list of sums that is read, in bytes.
const MAX_SUMS_BYTES: u64 = sums::MAX_SUMS_BYTES as u64;

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    verdict: Verdict,
    /// The repository that was meant, and where its name comes from.
    repository: String,
    repository_source: String,
    /// Where trust began, and how old it is.
    trusted_root: &'a str,
    subjects: Vec<SubjectDocument<'a>>,
}

#[derive(Serialize)]
struct SubjectDocument<'a> {
    subject: &'a str,
    digest: Option<Digest>,
    verdict: Verdict,
    findings: &'a [Finding],
    /// Every bundle that was looked at.
    bundles: &'a [BundleVerdict],
}

pub(crate) fn run(global: &Global, args: &Verify) -> Result<Ending, Failure> {
    let abroad = repository(global, args)?;
    let subjects = subjects(args)?;
    if args.predicate_type.as_deref() == Some("") {
        return Err(Failure::usage(anyhow!("an empty --predicate-type would fit nothing")));
    }
    let (signer, key) = signer(global, args, &abroad)?;
    let default: &[&str] = match signer {
        ExpectedSigner::Workflow(_) => &[SLSA_PROVENANCE_V1],
        ExpectedSigner::Builder(_) => &[SLSA_PROVENANCE_V1, SLSA_PROVENANCE_V02],
        _ => &[],
    };
    let names_count = matches!(signer, ExpectedSigner::Workflow(_));
    let default = || default.iter().map(|it| (*it).to_owned()).collect();
    let expected = AttestationPolicy {
        subject_name: None,
        predicate_types: args.predicate_type.clone().map_or_else(default, |it| vec![it]),
        now: session::now(),
        signer,
    };
    let subjects =
        subjects.into_iter().map(|it| if names_count { it } else { Subject { name: None, ..it } }).collect();
    let trusted = trust::trusted(&args.trust, !args.offline, abroad.patience.timeout)?;
    let reached = match &args.bundle {
        Some(_) => None,
        None if args.offline => {
            let failure = Failure::usage(anyhow!("--offline allows no request, and GitHub has the bundles"));
            return Err(failure.hint("name a file of bundles: --bundle FILE"));
        }
        None => {
            let patience = (abroad.named_host, abroad.patience);
            Some(Reached::connect(&abroad.slug, patience, trusted.clone())?)
        }
    };
    let bundles = match (&args.bundle, &reached) {
        (Some(path), _) => Bundles::File(path.clone()),
        (None, Some(reached)) => Bundles::GitHub(reached.world()),
        (None, None) => unreachable!("either is there: looked at above"),
    };
    let mut story = Story::new(global);
    let tell = &mut |it| story.tell(&ops::Event::Connection(it));
    let verdicts = ops::verify(&Verification { subjects, bundles, expected, trusted, key }, tell)?;
    show(global, &abroad, &verdicts)?;
    Ok(Ending::Judged(verdicts.verdict()))
}

/// The repository whose files they are. A verdict about a file is worth what is known of whose file it should be: the remote
/// of the folder that somebody happens to work in does not say that.
fn repository(global: &Global, args: &Verify) -> Result<Abroad, Failure> {
    let abroad = Abroad::find(global)?;
    let of_workflow = args.signer_workflow.as_deref().map(|it| it.split('@').next().unwrap_or(it));
    let of_workflow = of_workflow.and_then(|it| it.split("/.github/").next());
    if let Some(source) = &args.source_uri {
        return abroad.named_by("--source-uri", without_scheme(source));
    }
    if let Some(repository) = of_workflow {
        return abroad.named_by("--signer-workflow", without_scheme(repository));
    }
    let signer = args.certificate_identity.is_some()
        || args.certificate_identity_regexp.is_some()
        || args.key.is_some();
    if global.repo.is_some() || signer {
        return Ok(abroad);
    }
    let slug = &abroad.slug;
    let error = anyhow!("no repository is named, and a file does not say which one it is from");
    Err(Failure::usage(error).hint(format!("name the repository that released it: -R {slug}")))
}

fn without_scheme(address: &str) -> &str {
    let rest = address.strip_prefix("https://").unwrap_or(address);
    rest.trim_end_matches('/')
}

fn show(global: &Global, abroad: &Abroad, it: &Verdicts) -> Result<(), Failure> {
    if report::is_json(global) {
        return report::print_json(&Document {
            schema: "opensandbox-release/verify/2",
            verdict: it.verdict(),
            repository: abroad.slug.to_string(),
            repository_source: abroad.slug_source.to_string(),
            trusted_root: &it.roots,
            subjects: it.subjects.iter().map(document).collect(),
        });
    }
    let mut page = Page::new();
    page.line(format!("for {} ({})", abroad.slug, report::harmless(&abroad.slug_source.to_string())));
    if let [subject] = &it.subjects[..] {
        one(&mut page, global, subject);
    } else {
        for subject in &it.subjects {
            report::subject(&mut page, &subject.shown, &subject.findings);
        }
        report::verdict_of_all(&mut page, it.verdict());
    }
    page.line(format!("{}{}{:#}", report::DIM, report::harmless(&it.roots), report::DIM));
    page.print()
}

fn document(it: &SubjectVerdict) -> SubjectDocument<'_> {
    SubjectDocument {
        subject: &it.shown,
        digest: it.digest,
        verdict: overall(&it.findings),
        findings: &it.findings,
        bundles: &it.bundles,
    }
}

/// The report of a single file, with every bundle if there are several.
fn one(page: &mut Page, global: &Global, it: &SubjectVerdict) {
    let digest = it.digest.map_or("not read".to_owned(), |it| it.to_string());
    page.line(&it.shown);
    page.line(format!("  {digest}"));
    if it.bundles.len() > 1 || global.verbose {
        page.heading("Bundles");
        for bundle in &it.bundles {
            report::bundle(page, bundle);
        }
        page.heading("Verdict");
    }
    report::findings(page, &it.findings);
}

/// What is verified: digests, files, and those of the list of sums.
fn subjects(args: &Verify) -> Result<Vec<Subject>, Failure> {
    let mut all = args.subjects.iter().map(|it| subject(it)).collect::<Result<Vec<_>, _>>()?;
    let Some(path) = &args.sums else { return Ok(all) };
    let text = ops::read_named(path, MAX_SUMS_BYTES).map_err(Failure::usage)?;
    let listed =
        sums::parse(&text).map_err(|error| Failure::usage(anyhow!("{}: {error}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    all.extend(listed.into_iter().map(|(name, digest)| {
        let file = folder.join(&name);
        let shown = file.display().to_string();
        Subject { shown, artifact: Verified::File(file), name: Some(name), listed: Some(digest) }
    }));
    Ok(all)
}

/// A digest where it is one, else a file.
fn subject(text: &str) -> Result<Subject, Failure> {
    let subject = |artifact, name| Subject { shown: text.to_owned(), artifact, name, listed: None };
    let Some(hex) = text.strip_prefix("sha256:") else {
        let path = PathBuf::from(text);
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
        return Ok(subject(Verified::File(path), name));
    };
    let digest = Digest::from_hex(hex).ok_or_else(|| {
        Failure::usage(anyhow!(
            "invalid digest '{text}': expected sha256: and 64 lower-case hexadecimal digits"
        ))
    })?;
    Ok(subject(Verified::Digest(digest), None))
}

/// Who must have signed: a workflow of the repository, or whoever cosign's flags name.
fn signer(
    global: &Global,
    args: &Verify,
    abroad: &Abroad,
) -> Result<(ExpectedSigner, Option<PublicKey>), Failure> {
    let named = args.certificate_identity.clone().map(IdentityMatcher::Exact);
    let name = named.or_else(|| args.certificate_identity_regexp.clone().map(IdentityMatcher::Regexp));
    if name.is_none() && args.key.is_none() {
        return Ok((of_workflow(global, args, abroad)?, None));
    }
    let of_workflows = [
        ("--signer-workflow", args.signer_workflow.is_some()),
        ("--source-uri", args.source_uri.is_some()),
        ("--source-ref", args.source_ref.is_some()),
        ("--source-digest", args.source_digest.is_some()),
        ("--deny-self-hosted-runners", args.deny_self_hosted_runners),
    ];
    if let Some((flag, _)) = of_workflows.into_iter().find(|(_, given)| *given) {
        let error = anyhow!("{flag} is about workflows, and cosign's flags are about any signer: use either");
        return Err(Failure::usage(error));
    }
    if let Some(path) = &args.key {
        let text = ops::read_named(path, MAX_KEY_BYTES).map_err(Failure::usage)?;
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&text));
        let key =
            key.with_context(|| format!("{} is no public key", path.display())).map_err(Failure::usage)?;
        return Ok((ExpectedSigner::Key, Some(key)));
    }
    let issuer = args.certificate_oidc_issuer.clone().unwrap_or_default();
    let name = name.unwrap_or(IdentityMatcher::Exact(String::new()));
    let (IdentityMatcher::Exact(text) | IdentityMatcher::Regexp(text)) = &name;
    if text.is_empty() || issuer.is_empty() {
        return Err(Failure::usage(anyhow!("an empty identity or issuer would fit nobody, or everybody")));
    }
    if let IdentityMatcher::Regexp(pattern) = &name {
        ops::compile_identity_regexp(pattern)
            .map_err(|said| Failure::usage(anyhow!("--certificate-identity-regexp: {said}")))?;
    }
    Ok((ExpectedSigner::Identity { name, issuer }, None))
}

/// The workflow that must have signed: one of the repository, or a builder of another.
fn of_workflow(global: &Global, args: &Verify, abroad: &Abroad) -> Result<ExpectedSigner, Failure> {
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
        return Err(Failure::usage(anyhow!("an empty value would fit nobody, or everybody")));
    }
    let (workflow, pinned) = match &args.signer_workflow {
        None => (Workflow::Any, None),
        Some(text) => signer_workflow(text, abroad.slug.host()).map(|(it, at)| (Workflow::Uri(it), at))?,
    };
    let repositories = ops::accepted_repositories(&abroad.catalog, &abroad.slug, global.repo.is_some());
    if let Workflow::Uri(address) = &workflow {
        let of = |url: &str| address.len() > url.len() && address[..url.len()].eq_ignore_ascii_case(url);
        let own = repositories.iter().any(|it| of(&format!("{}/", it.url)));
        match (own, &args.source_uri) {
            (true, _) => {}
            (false, Some(_)) => {
                return Ok(ExpectedSigner::Builder(Box::new(BuilderPolicy {
                    workflow: address.clone(),
                    reference: pinned,
                    source_uri: abroad.slug.url(),
                    source_ref: args.source_ref.clone(),
                    source_digest: args.source_digest.clone(),
                    issuer,
                    deny_self_hosted: args.deny_self_hosted_runners,
                })));
            }
            (false, None) => {
                let error = anyhow!("{address} is a workflow of another repository than {}", abroad.slug);
                let hint = format!("--source-uri {}, if it built from that repository", abroad.slug);
                return Err(Failure::usage(error).hint(hint));
            }
        }
    }
    let reference = args.source_ref.clone().or(pinned.clone());
    if let (Some(pinned), Some(wanted)) = (&pinned, &args.source_ref)
        && pinned != wanted
    {
        let error = anyhow!("--signer-workflow wants {pinned}, and --source-ref {wanted}");
        return Err(Failure::usage(error));
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
fn signer_workflow(text: &str, host: &str) -> Result<(String, Option<String>), Failure> {
    let (path, reference) = match text.split_once('@') {
        Some((path, reference)) => (path, Some(reference.to_owned())),
        None => (text, None),
    };
    let path = path.strip_prefix("https://").unwrap_or(path);
    if reference.as_deref().is_some_and(|it| !it.starts_with("refs/")) {
        return Err(Failure::usage(anyhow!(
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
            Err(Failure::usage(error))
        }
    }
}
