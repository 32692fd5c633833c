//! The pre-flight checks of a release. All are made and reported at once, so the operator can fix all problems in one
//! go.

use std::collections::BTreeSet;

use model::CommitId;
use model::catalog::{TagForm, Target};
use model::evidence::reason::Reason;
use model::evidence::verdict::Verdict;
use model::release::facts::{
    CloneFacts, DefaultBranch, Facts, ObservedAt, SigningKeyStatus, TagKind, TagRef,
};
use model::release::host::ReleaseText;
use model::release::plan::CheckResult;
use model::release::preflight_check::PreflightCheck;
use model::release::request::{NotesStart, ReleaseDestination, Request, TagSigning};

use crate::check_observation::{CheckObservation, check_result, fail, pass, warn};
use crate::publishing::publishing_checks;
use crate::registries::package_files;
use crate::{newest_tag, previous_candidates, version_file};

/// Returns the results of the checks that depend only on the clone and the commit, not on the target.
#[must_use]
pub fn clone_checks(
    remote: &str,
    commit: CommitId,
    clone: &CloneFacts,
    allow: &BTreeSet<PreflightCheck>,
) -> Vec<CheckResult> {
    vec![
        check_result(PreflightCheck::CleanTree, clean_tree(clone), allow),
        check_result(PreflightCheck::DefaultBranch, default_branch(remote, commit, clone), allow),
        check_result(PreflightCheck::Shallow, shallow(clone), allow),
        check_result(PreflightCheck::Attributes, attributes(clone), allow),
        check_result(PreflightCheck::Tagger, tagger(clone), allow),
    ]
}

/// Returns the results of all checks of a release, passed ones included. `release_text` is the planned title and text.
#[must_use]
pub fn preflight(
    request: &Request,
    target: &Target,
    facts: &Facts,
    release_text: &ReleaseText<'_>,
) -> Vec<CheckResult> {
    let allow = &request.allowed_checks;
    let mut checks = clone_checks(&request.remote, facts.commit, &facts.clone, allow);
    checks.extend([
        check_result(PreflightCheck::TagForm, tag_form(request, target, facts), allow),
        check_result(PreflightCheck::Version, version(request, facts), allow),
        check_result(PreflightCheck::Tag, tag(request, facts), allow),
        check_result(PreflightCheck::Previous, previous(request, facts), allow),
        check_result(PreflightCheck::Paths, paths(facts), allow),
        check_result(PreflightCheck::EmptyNotes, empty_notes(facts), allow),
        check_result(PreflightCheck::VersionSource, version_source(request, target, facts), allow),
        check_result(PreflightCheck::PackageFiles, package_files(&facts.package_listings), allow),
        check_result(PreflightCheck::Signing, signing(request, facts), allow),
        check_result(PreflightCheck::Output, output(request, facts), allow),
    ]);
    if let (ReleaseDestination::GitHub(publication), Some(remote_facts)) =
        (&request.destination, &facts.remote)
    {
        checks.extend(publishing_checks(request, *publication, facts, remote_facts, release_text));
    }
    checks
}

/// Returns the requested tag if it exists at the released commit. The release was started before, so checks that are
/// only meant for a new version pass.
fn existing_tag<'a>(request: &Request, facts: &'a Facts) -> Option<&'a TagRef> {
    let name = request.tag.name();
    facts.tags.iter().find(|it| it.name == name && it.commit == Some(facts.commit))
}

fn clean_tree(clone: &CloneFacts) -> CheckObservation {
    match clone.changed_files.as_deref() {
        None => pass("a bare repository has no working tree"),
        Some([]) => pass("no tracked file differs from the last commit"),
        Some(files) => {
            let shown = files.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if files.len() > 3 { format!(" and {} more", files.len() - 3) } else { String::new() };
            fail(Reason::DirtyTree, format!("changed and not committed: {shown}{more}"))
        }
    }
}

fn default_branch(remote: &str, commit: CommitId, clone: &CloneFacts) -> CheckObservation {
    let remote = remote.to_owned();
    match &clone.default_branch {
        DefaultBranch::Unknown { reference } => {
            fail(Reason::UnknownBranch { remote }, format!("this clone has no {reference}"))
        }
        DefaultBranch::Known { name, tip, contains_commit: true, behind: Some(behind), .. }
            if *behind > 0 =>
        {
            let commits = if *behind == 1 { "1 commit".to_owned() } else { format!("{behind} commits") };
            warn(
                Reason::Behind { remote },
                format!("{} is {commits} behind {name} ({})", commit.short(), tip.short()),
            )
        }
        DefaultBranch::Known { name, tip, contains_commit: true, .. } => {
            pass(format!("{} is on {name} ({})", commit.short(), tip.short()))
        }
        DefaultBranch::Known { name, tip, contains_commit: false, observed_at, .. } => {
            let when = match observed_at {
                ObservedAt::LastFetch => "as of the last fetch",
                ObservedAt::Now => "as of now",
            };
            let evidence = format!("{} is not on {name} ({}), {when}", commit.short(), tip.short());
            fail(Reason::NotOnBranch { remote }, evidence)
        }
    }
}

fn shallow(clone: &CloneFacts) -> CheckObservation {
    if clone.shallow {
        return fail(Reason::Shallow, "the clone is shallow: the notes would lack commits");
    }
    pass("the clone has the whole history")
}

fn tag(request: &Request, facts: &Facts) -> CheckObservation {
    let tag = request.tag.name();
    let Some(existing) = facts.tags.iter().find(|it| it.name == tag) else {
        return pass(format!("{tag} does not exist yet"));
    };
    if existing.commit == Some(facts.commit) {
        return pass(format!("{tag} exists, at {}", facts.commit.short()));
    }
    let location =
        existing.commit.map_or_else(|| format!("object {}, no commit", existing.object), |it| it.short());
    let evidence = format!("{tag} is at {location}, expected {}: a tag is never moved", facts.commit.short());
    fail(Reason::TagAtOtherCommit { tag }, evidence)
}

fn tag_form(request: &Request, target: &Target, facts: &Facts) -> CheckObservation {
    let fits =
        |form: &str| pass(format!("{} is written like the target's other tags: {form}", request.tag.label()));
    if target.tag_form == TagForm::VPrefixed {
        return pass(format!(
            "{} has the form that the release configuration requires: v1.2.3",
            request.tag.label()
        ));
    }
    let others: Vec<TagRef> = facts.tags.iter().filter(|it| it.name != request.tag.name()).cloned().collect();
    let Some(example) = newest_tag(&others) else {
        return pass("the target has no other tag");
    };
    let has_v = |label: &str| label.starts_with('v');
    if has_v(example.label()) == has_v(request.tag.label()) || existing_tag(request, facts).is_some() {
        return fits(example.label());
    }
    let version = request.tag.version();
    let expected = if has_v(example.label()) { format!("v{version}") } else { version.to_string() };
    fail(
        Reason::TagFormDiffers { tag: format!("{}/{expected}", target.id) },
        format!("{} has tags like {}, not like {}", target.id, example.name, request.tag.label()),
    )
}

fn version(request: &Request, facts: &Facts) -> CheckObservation {
    let wanted = request.tag.version();
    if existing_tag(request, facts).is_some() {
        return pass(format!("{wanted} is tagged at this commit already"));
    }
    let others = facts.tags.iter().filter(|it| it.name != request.tag.name());
    let others: Vec<_> = others.filter_map(|tag| Some((tag.version.as_ref()?, tag))).collect();
    if let Some((_, tag)) = others.iter().find(|(it, _)| it.cmp_precedence(wanted).is_eq()) {
        let evidence = format!("{wanted} has the same precedence as {}", tag.name);
        return fail(Reason::SamePrecedence, evidence);
    }
    let (major, minor) = wanted.release_line();
    let on_line = others
        .into_iter()
        .filter(|(it, _)| it.release_line() == (major, minor) && it.cmp_precedence(wanted).is_gt());
    match on_line.max_by(|(a, _), (b, _)| a.cmp_precedence(b)) {
        None => pass(format!("{wanted} is above all tags of its release line {major}.{minor}")),
        Some((version, tag)) => {
            let evidence = format!(
                "{wanted} is not above {version}, the newest of release line {major}.{minor} ({})",
                tag.name
            );
            fail(Reason::NotAbove, evidence)
        }
    }
}

fn previous(request: &Request, facts: &Facts) -> CheckObservation {
    match (&facts.notes_range, &request.notes_start) {
        (None, _) => {
            let below = previous_candidates(request.tag.version(), &facts.tags).len();
            let evidence = match below {
                0 => format!("{} has no release below {}", request.tag.target(), request.tag.version()),
                1 => format!("the only lower release is not an ancestor of {}", facts.commit.short()),
                _ => format!("none of the {below} lower releases is an ancestor of {}", facts.commit.short()),
            };
            fail(Reason::NoPrevious, evidence)
        }
        (Some(start), NotesStart::Tag(_)) if !start.is_ancestor => {
            let commit = facts.commit.short();
            let evidence = format!(
                "{} is not an ancestor of {commit}: the notes would lack commits that only it contains",
                start.start
            );
            fail(Reason::NotAnAncestor, evidence)
        }
        (Some(start), _) => pass(format!("the range starts after {}", start.start)),
    }
}

fn paths(facts: &Facts) -> CheckObservation {
    if facts.unknown_paths.is_empty() {
        return pass("every path exists");
    }
    let shown: Vec<&str> = facts.unknown_paths.iter().map(model::RepoPath::as_str).collect();
    let evidence = format!("no such file or folder, now or at the range's start: {}", shown.join(", "));
    fail(Reason::UnknownPath, evidence)
}

fn version_source(request: &Request, target: &Target, facts: &Facts) -> CheckObservation {
    let (Some(source), Some(file)) = (&target.version_source, &facts.version_file) else {
        return pass("no file states the version: the tag alone does");
    };
    let Some(bytes) = &file.bytes else {
        let evidence = format!("{} is not in {}", file.file, facts.commit.short());
        return fail(Reason::VersionFileMissing, evidence);
    };
    let mismatches = version_file::version_mismatches(source, bytes, request.tag.version());
    if mismatches.is_empty() {
        return pass(format!("{} states the same version", source.file));
    }
    let evidence = format!("{}, the tag has {}", mismatches.join("; "), request.tag.version());
    let reason = Reason::VersionDiffers { file: source.file.clone() };
    if source.advisory { warn(reason, evidence) } else { fail(reason, evidence) }
}

fn empty_notes(facts: &Facts) -> CheckObservation {
    match facts.history.commits.len() {
        _ if facts.notes_range.is_none() => pass("skipped: the range has no start"),
        0 => fail(Reason::NoCommits, "no commit of the range touches the paths"),
        1 => pass("1 commit"),
        count => pass(format!("{count} commits")),
    }
}

fn tagger(clone: &CloneFacts) -> CheckObservation {
    match &clone.tagger {
        Some(person) => pass(person.clone()),
        None => fail(Reason::NoTagger, "user.name and user.email are not set"),
    }
}

fn attributes(clone: &CloneFacts) -> CheckObservation {
    let files = &clone.attribute_files;
    if files.is_empty() {
        return pass("only the commit determines the archive");
    }
    let verb = if files.len() == 1 { "changes" } else { "change" };
    warn(Reason::LocalAttributes, format!("{} {verb} the archive, in this clone only", files.join(", ")))
}

/// Checks that the tag is, or will be, signed by a trusted signer. If trusted signers are configured, every release
/// needs such a tag, with or without `--sign-tag`, because the release notes tell users to verify it.
fn signing(request: &Request, facts: &Facts) -> CheckObservation {
    let unsigned = request.tag_signing == TagSigning::Unsigned;
    match existing_tag(request, facts) {
        Some(tag) if facts.has_signer_policy => existing_signature(&tag.name, facts),
        None if facts.has_signer_policy && unsigned => {
            fail(Reason::Unsigned, "[signers] requires a signed tag, and this one would not be signed")
        }
        _ if unsigned => warn(
            Reason::NoSigners,
            "the tag is not signed, and no trusted signers are configured ([signers])",
        ),
        Some(tag) if tag.kind != TagKind::Signed => {
            let evidence = format!("{} exists without a signature, and is never replaced", tag.name);
            fail(Reason::TagNotSigned { tag: tag.name.clone() }, evidence)
        }
        Some(tag) => existing_signature(&tag.name, facts),
        None => signing_key(facts),
    }
}

/// Checks that the files can be written to the output folder.
fn output(request: &Request, facts: &Facts) -> CheckObservation {
    match &facts.existing_outputs.obstacle {
        None => pass(format!("{} can be written to", request.output_path.to_path_buf().display())),
        Some(explanation) => CheckObservation::Fail(explanation.clone()),
    }
}

/// Checks the signature of an existing tag. The worst finding decides, because a tag is never replaced.
fn existing_signature(tag: &str, facts: &Facts) -> CheckObservation {
    let tag = tag.to_owned();
    let Some(worst) = facts.tag_findings.iter().flatten().max_by_key(|it| it.verdict) else {
        return fail(Reason::TagUnproven { tag }, "the tag's signature was not checked");
    };
    let evidence = format!("the tag exists: {}", worst.explanation.evidence);
    match (worst.verdict, worst.reason()) {
        (Verdict::Proven, _) => pass("the tag exists, signed by an allowed signer"),
        (Verdict::Unproven, Reason::NoPolicy) => warn(Reason::NoPolicy, evidence),
        (Verdict::Unproven, Reason::Unsigned | Reason::Lightweight) => {
            fail(Reason::Unsigned, format!("[signers] requires a signed tag, and {evidence}"))
        }
        (Verdict::Unproven, _) => fail(Reason::TagUnproven { tag }, evidence),
        (Verdict::Refuted, _) => fail(Reason::TagRefuted { tag }, evidence),
    }
}

/// Checks that the key that would sign is allowed.
fn signing_key(facts: &Facts) -> CheckObservation {
    match &facts.signing_key {
        None => pass("no key is needed: the tag exists already"),
        Some(SigningKeyStatus::Allowed(evidence)) => pass(evidence.clone()),
        Some(SigningKeyStatus::Unchecked(explanation)) => CheckObservation::Warn(explanation.clone()),
        Some(SigningKeyStatus::Refused(explanation)) => CheckObservation::Fail(explanation.clone()),
    }
}
