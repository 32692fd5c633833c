//! The signer that `verify` expects: what the flags of gh and cosign mean.

use anyhow::anyhow;
use model::evidence::attestation::{
    BuilderPolicy, ExpectedSigner, GITHUB_ACTIONS_ISSUER, IdentityMatcher, Workflow, WorkflowPolicy,
};
use ops::PublicKey;

use super::args::VerifyArgs;
use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::session::RepositoryContext;

/// The maximum size of a public key file, in bytes.
const MAX_KEY_BYTES: u64 = 1 << 16;

/// Returns the expected signer: a workflow of the repository, or the identity or key that cosign's flags name.
pub(super) fn signer_policy(
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
        let error = anyhow!("{flag} cannot be combined with --key or --certificate-identity");
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
        return Err(CliError::usage(anyhow!(
            "--certificate-identity and --certificate-oidc-issuer must not be empty"
        )));
    }
    if let IdentityMatcher::Regexp(pattern) = &name {
        ops::check_identity_regexp(pattern)
            .map_err(|reason| CliError::usage(anyhow!("--certificate-identity-regexp: {reason}")))?;
    }
    Ok((ExpectedSigner::Identity { name, issuer }, None))
}

/// Returns the expected workflow: one of the repository, or a builder in another repository with `--source-uri`.
fn workflow_policy(
    global: &GlobalArgs,
    args: &VerifyArgs,
    context: &RepositoryContext,
) -> Result<ExpectedSigner, CliError> {
    check_not_empty(args)?;
    let issuer = args.certificate_oidc_issuer.clone().unwrap_or_else(|| GITHUB_ACTIONS_ISSUER.to_owned());
    let (workflow, pinned_ref) = match &args.signer_workflow {
        None => (Workflow::Any, None),
        Some(text) => {
            let (url, pinned_ref) = parse_signer_workflow(text, context.slug.host())?;
            (Workflow::Uri(url), pinned_ref)
        }
    };
    let repositories = ops::accepted_repositories(&context.catalog, &context.slug, global.repo.is_some());
    if let Workflow::Uri(url) = &workflow
        && !repositories.iter().any(|it| is_below(url, &it.url))
    {
        if args.source_uri.is_none() {
            let error = anyhow!("{url} is not a workflow of {}", context.slug);
            let hint = format!("--source-uri {}, if it built from that repository", context.slug);
            return Err(CliError::usage(error).with_hint(hint));
        }
        return Ok(ExpectedSigner::Builder(Box::new(BuilderPolicy {
            workflow: url.clone(),
            reference: pinned_ref,
            source_uri: context.slug.url(),
            source_ref: args.source_ref.clone(),
            source_digest: args.source_digest.clone(),
            issuer,
            deny_self_hosted: args.deny_self_hosted_runners,
        })));
    }
    if let (Some(pinned), Some(source_ref)) = (&pinned_ref, &args.source_ref)
        && pinned != source_ref
    {
        let error = anyhow!("--signer-workflow requires {pinned}, but --source-ref is {source_ref}");
        return Err(CliError::usage(error));
    }
    Ok(ExpectedSigner::Workflow(Box::new(WorkflowPolicy {
        repositories,
        workflow,
        reference: args.source_ref.clone().or(pinned_ref),
        commit: args.source_digest.clone(),
        trigger: None,
        issuer,
        deny_self_hosted: args.deny_self_hosted_runners,
    })))
}

/// Rejects empty values, which would match nothing or everything.
fn check_not_empty(args: &VerifyArgs) -> Result<(), CliError> {
    let values = [
        &args.certificate_oidc_issuer,
        &args.signer_workflow,
        &args.source_ref,
        &args.source_digest,
        &args.predicate_type,
    ];
    if values.into_iter().any(|it| it.as_deref() == Some("")) {
        return Err(CliError::usage(anyhow!(
            "--signer-workflow, --source-* and the OIDC issuer must not be empty"
        )));
    }
    Ok(())
}

/// Returns whether a URL is below the URL of a repository. GitHub compares both without regard to case.
fn is_below(url: &str, repository: &str) -> bool {
    let prefix = url.get(..repository.len());
    prefix.is_some_and(|it| it.eq_ignore_ascii_case(repository)) && url[repository.len()..].starts_with('/')
}

/// Parses `[HOST/]OWNER/NAME/.github/workflows/FILE[@REF]`. Returns the URL of the workflow and the ref. `host` is the
/// default host.
fn parse_signer_workflow(text: &str, host: &str) -> Result<(String, Option<String>), CliError> {
    let (path, reference) = match text.split_once('@') {
        Some((path, reference)) => (path, Some(reference.to_owned())),
        None => (text, None),
    };
    let path = path.strip_prefix("https://").unwrap_or(path);
    if reference.as_deref().is_some_and(|it| !it.starts_with("refs/")) {
        return Err(CliError::usage(anyhow!(
            "invalid workflow '{text}': expected a full ref after @, as in @refs/heads/main"
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
            let error =
                anyhow!("invalid workflow '{text}': expected [HOST/]OWNER/NAME/.github/workflows/FILE");
            Err(CliError::usage(error))
        }
    }
}
