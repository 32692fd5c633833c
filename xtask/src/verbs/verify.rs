//! `verify <FILE>`: what the Sigstore bundles for a file prove.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use model::Digest;
use model::attestation::JudgedBundle;
use model::attestation::{ACTIONS_ISSUER, Expected, NameRule, PROVENANCE, Signer, Workflow, WorkflowRule};
use model::verdict::{Finding, Verdict, worst};
use ops::{Bundles, PublicKey, Verdicts, Verification, Verified};
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

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: &'a str,
    digest: Digest,
    verdict: Verdict,
    findings: &'a [Finding],
    /// Every bundle that was looked at.
    bundles: &'a [JudgedBundle],
    /// Where trust began, and how old it is.
    trusted_root: &'a str,
}

pub(crate) fn run(global: &Global, args: &Verify) -> Result<Ending, Failure> {
    let abroad = Abroad::find(global)?;
    let subject = subject(&args.subject)?;
    if args.predicate_type.as_deref() == Some("") {
        return Err(Failure::usage(anyhow!("an empty --predicate-type would fit nothing")));
    }
    let (signer, key) = signer(global, args, &abroad)?;
    let is_workflow = matches!(signer, Signer::Workflow(_));
    let default = is_workflow.then(|| PROVENANCE.to_owned());
    let expected = Expected {
        name: named(&subject).filter(|_| is_workflow),
        predicate_type: args.predicate_type.clone().or(default),
        now: session::now(),
        signer,
    };
    let trusted = trust::trusted(&args.trust, !args.offline, abroad.patience.timeout)?;
    let reached = match &args.bundle {
        Some(_) => None,
        None if args.offline => {
            let failure = Failure::usage(anyhow!("--offline asks nobody, and GitHub keeps the bundles"));
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
    let verdicts = ops::verify(&Verification { subject, bundles, expected, trusted, key }, tell)?;
    let verdict = worst(&verdicts.findings);
    show(global, &args.subject, &verdicts)?;
    Ok(Ending::Judged(verdict))
}

fn show(global: &Global, subject: &str, it: &Verdicts) -> Result<(), Failure> {
    let verdict = worst(&it.findings);
    if report::is_json(global) {
        return report::print_json(&Document {
            schema: "opensandbox-release/verify/1",
            subject,
            digest: it.digest,
            verdict,
            findings: &it.findings,
            bundles: &it.bundles,
            trusted_root: &it.roots,
        });
    }
    let mut page = Page::new();
    page.line(format!("{}\n  {}", report::harmless(subject), it.digest));
    let others = it.bundles.len() > 1 || global.verbose;
    if others {
        page.heading("Bundles");
        for bundle in &it.bundles {
            report::bundle(&mut page, bundle);
        }
        page.heading("Verdict");
    }
    report::findings(&mut page, &it.findings);
    page.line(format!("{}{}{:#}", report::DIM, it.roots, report::DIM));
    page.print()
}

/// What is verified: a digest where it is one, else a file.
fn subject(text: &str) -> Result<Verified, Failure> {
    let Some(hex) = text.strip_prefix("sha256:") else { return Ok(Verified::File(PathBuf::from(text))) };
    let digest = Digest::from_hex(hex);
    let wanted = || {
        Failure::usage(anyhow!("'{text}' is no digest: want sha256: and 64 lower-case hexadecimal digits"))
    };
    digest.map(Verified::Digest).ok_or_else(wanted)
}

fn named(subject: &Verified) -> Option<String> {
    match subject {
        Verified::File(path) => Some(path.file_name()?.to_string_lossy().into_owned()),
        Verified::Digest(_) => None,
    }
}

/// Who must have signed: a workflow of the repository, or whoever cosign's flags name.
fn signer(global: &Global, args: &Verify, abroad: &Abroad) -> Result<(Signer, Option<PublicKey>), Failure> {
    let named = args.certificate_identity.clone().map(NameRule::Exactly);
    let name = named.or_else(|| args.certificate_identity_regexp.clone().map(NameRule::Matching));
    if name.is_none() && args.key.is_none() {
        return Ok((Signer::Workflow(Box::new(workflow(global, args, abroad)?)), None));
    }
    let of_workflows = [
        ("--signer-workflow", args.signer_workflow.is_some()),
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
        return Ok((Signer::Key, Some(key)));
    }
    let issuer = args.certificate_oidc_issuer.clone().unwrap_or_default();
    let name = name.unwrap_or(NameRule::Exactly(String::new()));
    let (NameRule::Exactly(text) | NameRule::Matching(text)) = &name;
    if text.is_empty() || issuer.is_empty() {
        return Err(Failure::usage(anyhow!("an empty identity or issuer would fit nobody, or everybody")));
    }
    if let NameRule::Matching(pattern) = &name {
        ops::name_pattern(pattern)
            .map_err(|said| Failure::usage(anyhow!("--certificate-identity-regexp: {said}")))?;
    }
    Ok((Signer::Identity { name, issuer }, None))
}

/// The workflow that must have signed.
fn workflow(global: &Global, args: &Verify, abroad: &Abroad) -> Result<WorkflowRule, Failure> {
    let issuer = args.certificate_oidc_issuer.clone().unwrap_or_else(|| ACTIONS_ISSUER.to_owned());
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
        Some(text) => signer_workflow(text, abroad.slug.host()).map(|(it, at)| (Workflow::At(it), at))?,
    };
    let reference = args.source_ref.clone().or(pinned.clone());
    if let (Some(pinned), Some(wanted)) = (&pinned, &args.source_ref)
        && pinned != wanted
    {
        let error = anyhow!("--signer-workflow wants {pinned}, and --source-ref {wanted}");
        return Err(Failure::usage(error));
    }
    Ok(WorkflowRule {
        repositories: ops::signing_repositories(&abroad.catalog, &abroad.slug, global.repo.is_some()),
        workflow,
        reference,
        commit: args.source_digest.clone(),
        trigger: None,
        issuer,
        hosted_only: args.deny_self_hosted_runners,
    })
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
