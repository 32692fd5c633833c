//! Everything that may speak against a release, all of it told at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use model::CommitId;
use model::catalog::{TagForm, Target};
use model::evidence::verdict::{Finding, Verdict};
use model::release::facts::{
    CloneFacts, DefaultBranch, Facts, ObservedAt, PreflightCheck, SigningKeyState, TagKind, TagRef,
};
use model::release::host::ReleaseText;
use model::release::plan::{CheckOutcome, CheckResult};
use model::release::request::{NotesStart, ReleaseDestination, Request, TagSigning};

use crate::publishing::publishing_checks;
use crate::tag_signature::CONFIGURE_SIGNERS;
use crate::{newest_tag, previous_candidates, version_file};

/// What came of one check, before the operator's `--allow`.
pub(crate) enum CheckObservation {
    Pass(String),
    Warn { reason: &'static str, evidence: String, hint: String },
    Fail { reason: &'static str, evidence: String, hint: String },
}

/// The checks of a clone, whatever is released from it.
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

/// Every check of a release, passed ones included. `page` is what it would say of itself.
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
        check_result(PreflightCheck::Signing, signing(request, facts), allow),
        check_result(PreflightCheck::Output, output(request, facts), allow),
    ]);
    if let (ReleaseDestination::GitHub(publication), Some(remote_facts)) =
        (&request.destination, &facts.remote)
    {
        checks.extend(publishing_checks(request, *publication, facts, (remote_facts, release_text)));
    }
    checks
}

pub(crate) fn check_result(
    check: PreflightCheck,
    observation: CheckObservation,
    allow: &BTreeSet<PreflightCheck>,
) -> CheckResult {
    let allowed = allow.contains(&check);
    let (outcome, reason, evidence, hint) = match observation {
        CheckObservation::Pass(evidence) => (CheckOutcome::Passed, "ok", evidence, String::new()),
        CheckObservation::Warn { reason, evidence, hint } => (CheckOutcome::Warned, reason, evidence, hint),
        CheckObservation::Fail { reason, evidence, hint } if allowed => {
            (CheckOutcome::Allowed, reason, evidence, hint)
        }
        CheckObservation::Fail { reason, evidence, mut hint } => {
            if check.is_overridable() {
                write!(hint, "; or --allow {check}").expect("writing to a string cannot fail");
            }
            (CheckOutcome::Failed, reason, evidence, hint)
        }
    };
    CheckResult { check, outcome, reason, evidence, hint }
}

pub(crate) fn fail(
    reason: &'static str,
    evidence: impl Into<String>,
    hint: impl Into<String>,
) -> CheckObservation {
    CheckObservation::Fail { reason, evidence: evidence.into(), hint: hint.into() }
}

/// The tag of the request, where it is there and at the released commit: the release was decided before.
fn existing_tag<'a>(request: &Request, facts: &'a Facts) -> Option<&'a TagRef> {
    let name = request.tag.name();
    facts.tags.iter().find(|it| it.name == name && it.commit == Some(facts.commit))
}

fn clean_tree(clone: &CloneFacts) -> CheckObservation {
    match clone.changed_files.as_deref() {
        None => CheckObservation::Pass("a bare repository has no files".to_owned()),
        Some([]) => CheckObservation::Pass("no tracked file differs from the last commit".to_owned()),
        Some(files) => {
            let shown = files.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if files.len() > 3 { format!(" and {} more", files.len() - 3) } else { String::new() };
            fail(
                "dirty",
                format!("changed and not committed: {shown}{more}"),
                "git stash, or commit the changes",
            )
        }
    }
}

fn default_branch(remote: &str, commit: CommitId, clone: &CloneFacts) -> CheckObservation {
    match &clone.default_branch {
        DefaultBranch::Unknown { reference } => fail(
            "unknown-branch",
            format!("this clone has no {reference}"),
            format!("git fetch {remote} && git remote set-head {remote} -a"),
        ),
        DefaultBranch::Known { name, tip, contains_commit: true, behind: Some(behind), .. }
            if *behind > 0 =>
        {
            let commits = if *behind == 1 { "1 commit".to_owned() } else { format!("{behind} commits") };
            CheckObservation::Warn {
                reason: "behind",
                evidence: format!("{} is {commits} behind {name} ({})", commit.short(), tip.short()),
                hint: format!("git pull {remote}, if they should be released too"),
            }
        }
        DefaultBranch::Known { name, tip, contains_commit: true, .. } => {
            CheckObservation::Pass(format!("{} is on {name} ({})", commit.short(), tip.short()))
        }
        DefaultBranch::Known { name, tip, contains_commit: false, observed_at, .. } => fail(
            "not-on-branch",
            format!(
                "{} is not on {name} ({}), {}",
                commit.short(),
                tip.short(),
                match observed_at {
                    ObservedAt::LastFetch => "as it was fetched last",
                    ObservedAt::Now => "as it is now",
                }
            ),
            format!("git fetch {remote}, or release a commit that was merged"),
        ),
    }
}

fn shallow(clone: &CloneFacts) -> CheckObservation {
    if clone.shallow {
        return fail(
            "shallow",
            "the clone's history is cut off: notes would be short",
            "git fetch --unshallow",
        );
    }
    CheckObservation::Pass("history is whole".to_owned())
}

fn tag(request: &Request, facts: &Facts) -> CheckObservation {
    let name = request.tag.name();
    let Some(tag) = facts.tags.iter().find(|it| it.name == name) else {
        return CheckObservation::Pass(format!("{name} is free"));
    };
    if tag.commit == Some(facts.commit) {
        return CheckObservation::Pass(format!("{name} is there, at {}", facts.commit.short()));
    }
    let location = tag.commit.map_or_else(|| format!("object {}, no commit", tag.object), |it| it.short());
    fail(
        "exists-elsewhere",
        format!("{name} is at {location} and not at {}: a tag is never moved", facts.commit.short()),
        format!("--commit {name} to go on with that release, or choose a new version"),
    )
}

fn tag_form(request: &Request, target: &Target, facts: &Facts) -> CheckObservation {
    let fits = |form: &str| {
        CheckObservation::Pass(format!("{} is written as the target's tags are: {form}", request.tag.label()))
    };
    if target.tag_form == TagForm::VPrefixed {
        return fits("v1.2.3");
    }
    let others: Vec<TagRef> = facts.tags.iter().filter(|it| it.name != request.tag.name()).cloned().collect();
    let Some(example) = newest_tag(&others) else {
        return CheckObservation::Pass("the target has no other tag to differ from".to_owned());
    };
    let has_v = |label: &str| label.starts_with('v');
    if has_v(example.label()) == has_v(request.tag.label()) || existing_tag(request, facts).is_some() {
        return fits(example.label());
    }
    let version = request.tag.version();
    let want = if has_v(example.label()) { format!("v{version}") } else { version.to_string() };
    fail(
        "other-form",
        format!("{} has tags like {}, not like {}", target.id, example.name, request.tag.label()),
        format!("release {}/{want}", target.id),
    )
}

fn version(request: &Request, facts: &Facts) -> CheckObservation {
    let wanted = request.tag.version();
    if existing_tag(request, facts).is_some() {
        return CheckObservation::Pass(format!("{wanted} was tagged here before"));
    }
    let others = facts.tags.iter().filter(|it| it.name != request.tag.name());
    let others: Vec<_> = others.filter_map(|tag| Some((tag.version.as_ref()?, tag))).collect();
    if let Some((_, tag)) = others.iter().find(|(it, _)| it.cmp_precedence(wanted).is_eq()) {
        let evidence = format!("{wanted} has the same precedence as {}", tag.name);
        return fail("same-precedence", evidence, "choose a higher version");
    }
    let line = wanted.release_line();
    let on_line =
        others.into_iter().filter(|(it, _)| it.release_line() == line && it.cmp_precedence(wanted).is_gt());
    match on_line.max_by(|(a, _), (b, _)| a.cmp_precedence(b)) {
        None => {
            CheckObservation::Pass(format!("{wanted} is above all tags of its line {}.{}", line.0, line.1))
        }
        Some((version, tag)) => fail(
            "not-above",
            format!(
                "{wanted} is not above {version}, the newest of line {}.{} ({})",
                line.0, line.1, tag.name
            ),
            "choose a higher version",
        ),
    }
}

fn previous(request: &Request, facts: &Facts) -> CheckObservation {
    match (&facts.notes_range, &request.notes_start) {
        (None, _) => {
            let below = previous_candidates(request.tag.version(), &facts.tags).len();
            let evidence = match below {
                0 => format!("{} has no release below {}", request.tag.target(), request.tag.version()),
                _ => format!("none of the {below} lower releases is an ancestor of {}", facts.commit.short()),
            };
            CheckObservation::Fail {
                reason: "no-previous",
                evidence,
                hint: "git fetch --tags, if it was released before; else --initial-release for the whole history, or --from-tag TAG".to_owned(),
            }
        }
        (Some(start), NotesStart::Tag(_)) if !start.is_ancestor => fail(
            "not-an-ancestor",
            format!(
                "{} is not an ancestor of {}: notes leave out what only it has",
                start.start,
                facts.commit.short()
            ),
            "choose another --from-tag",
        ),
        (Some(start), _) => CheckObservation::Pass(format!("the range starts after {}", start.start)),
    }
}

fn paths(facts: &Facts) -> CheckObservation {
    if facts.unknown_paths.is_empty() {
        return CheckObservation::Pass("every path names something".to_owned());
    }
    let shown: Vec<&str> = facts.unknown_paths.iter().map(model::RepoPath::as_str).collect();
    fail(
        "unknown-path",
        format!("no such file or folder, now or at the range's start: {}", shown.join(", ")),
        "check the spelling of --path, or the catalog",
    )
}

fn version_source(request: &Request, target: &Target, facts: &Facts) -> CheckObservation {
    let (Some(source), Some(file)) = (&target.version_source, &facts.version_file) else {
        return CheckObservation::Pass("the tag itself is the version's source".to_owned());
    };
    let Some(bytes) = &file.bytes else {
        return fail(
            "no-source",
            format!("{} is not in {}", file.file, facts.commit.short()),
            "check the catalog's version_source",
        );
    };
    let mismatches = version_file::version_mismatches(source, bytes, request.tag.version());
    if mismatches.is_empty() {
        return CheckObservation::Pass(format!("{} agrees", source.file));
    }
    let evidence = format!("{}, the tag has {}", mismatches.join("; "), request.tag.version());
    let hint = format!("set the version in {} and merge that first", source.file);
    if source.advisory {
        return CheckObservation::Warn { reason: "version-differs", evidence, hint };
    }
    fail("version-differs", evidence, hint)
}

fn empty_notes(facts: &Facts) -> CheckObservation {
    match facts.history.commits.len() {
        _ if facts.notes_range.is_none() => CheckObservation::Pass("no range to look at".to_owned()),
        0 => {
            fail("empty", "no commit of the range touches the paths", "check the paths, or --no-path-filter")
        }
        1 => CheckObservation::Pass("1 commit".to_owned()),
        count => CheckObservation::Pass(format!("{count} commits")),
    }
}

fn tagger(clone: &CloneFacts) -> CheckObservation {
    match &clone.tagger {
        Some(person) => CheckObservation::Pass(person.clone()),
        None => fail(
            "no-tagger",
            "git knows no name and address to make a tag with",
            "git config user.name 'Your Name' && git config user.email you@example.com",
        ),
    }
}

fn attributes(clone: &CloneFacts) -> CheckObservation {
    let files = &clone.attribute_files;
    if files.is_empty() {
        return CheckObservation::Pass("the archive depends on the commit alone".to_owned());
    }
    CheckObservation::Warn {
        reason: "outside-attributes",
        evidence: format!("{} takes part in the archive, in this clone only", files.join(", ")),
        hint: "commit what it says to .gitattributes, or remove it".to_owned(),
    }
}

/// Whether the tag is, or will be, signed by somebody who may sign. Where trusted signers are configured, every release has such
/// a tag, whatever was asked for: users are told that it has.
fn signing(request: &Request, facts: &Facts) -> CheckObservation {
    let unsigned = request.tag_signing == TagSigning::Unsigned;
    match existing_tag(request, facts) {
        Some(_) if facts.has_signer_policy => {
            existing_signature(facts.tag_findings.as_deref().unwrap_or_default())
        }
        None if facts.has_signer_policy && unsigned => fail(
            "unsigned",
            "[signers] names who may sign, and the tag would not be signed".to_owned(),
            "release with --sign-tag",
        ),
        _ if unsigned => CheckObservation::Warn {
            reason: "no-signers",
            evidence: "the tag is not signed, and no trusted signers are configured ([signers])".to_owned(),
            hint: CONFIGURE_SIGNERS.to_owned(),
        },
        Some(tag) if tag.kind != TagKind::Signed => fail(
            "exists-unsigned",
            format!(
                "{} is there without a signature: --sign-tag never takes such a tag as its own",
                tag.name
            ),
            "release without --sign-tag, or choose a new version",
        ),
        Some(_) => existing_signature(facts.tag_findings.as_deref().unwrap_or_default()),
        None => signing_key(facts),
    }
}

/// Whether the files can be written where they belong.
fn output(request: &Request, facts: &Facts) -> CheckObservation {
    let folder = request.output_path.to_path_buf();
    match &facts.existing_outputs.obstacle {
        None => CheckObservation::Pass(format!("{} can be written to", folder.display())),
        Some((reason, evidence)) => fail(
            reason,
            evidence.clone(),
            "it must be a plain folder that you can write to: mend it (git rm, if it is a tracked link), or choose another with --out",
        ),
    }
}

/// What the signature of a tag that is there is worth.
fn existing_signature(findings: &[Finding]) -> CheckObservation {
    let Some(worst) = findings.iter().max_by_key(|it| it.verdict) else {
        return fail("tag-unproven", "the tag's signature was not checked", "cargo xtask verify-tag TAG");
    };
    let evidence = format!("the tag is there: {}", worst.evidence);
    match (worst.verdict, worst.reason) {
        (Verdict::Proven, _) => {
            CheckObservation::Pass("the tag is there, signed by an allowed signer".to_owned())
        }
        (Verdict::Unproven, "no-policy") => {
            CheckObservation::Warn { reason: "no-policy", evidence, hint: worst.hint.clone() }
        }
        (Verdict::Unproven, "unsigned" | "lightweight") => fail(
            "unsigned",
            format!("[signers] names who may sign, and {evidence}"),
            "choose a new version and release it with --sign-tag: a published tag is never replaced",
        ),
        (Verdict::Unproven, _) => fail("tag-unproven", evidence, worst.hint.clone()),
        (Verdict::Refuted, _) => fail("tag-refuted", evidence, worst.hint.clone()),
    }
}

/// What is known of the key that would sign.
fn signing_key(facts: &Facts) -> CheckObservation {
    let Some(signer) = &facts.signing_key else {
        return CheckObservation::Pass("no key is needed: the tag is there already".to_owned());
    };
    let (evidence, hint) = (signer.evidence.clone(), signer.hint.clone());
    match signer.state {
        SigningKeyState::Allowed => CheckObservation::Pass(evidence),
        SigningKeyState::ProgramNotRun => CheckObservation::Warn { reason: "not-started", evidence, hint },
        SigningKeyState::NoPolicy => CheckObservation::Warn { reason: "no-policy", evidence, hint },
        SigningKeyState::NotAllowed => fail("not-allowed", evidence, hint),
        SigningKeyState::Missing => fail("no-key", evidence, hint),
    }
}
