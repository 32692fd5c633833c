//! Everything that may speak against a release, all of it told at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use model::CommitId;
use model::catalog::{TagForm, Target};
use model::evidence::verdict::{Finding, Verdict};
use model::release::facts::{BranchFact, Check, CloneFacts, Facts, Seen, SignerState, TagFact, TagKind};
use model::release::host::Page;
use model::release::plan::{Checked, Outcome};
use model::release::request::{Reach, Request, Signing, Start};

use crate::tags::CONFIGURE_SIGNERS;
use crate::world::world_checks;
use crate::{newest, previous_candidates, sources};

/// What came of one check, before the operator's `--allow`.
pub(crate) enum Found {
    Good(String),
    Note { reason: &'static str, evidence: String, hint: String },
    Bad { reason: &'static str, evidence: String, hint: String },
}

/// The checks of a clone, whatever is released from it.
#[must_use]
pub fn clone_checks(
    remote: &str,
    commit: CommitId,
    clone: &CloneFacts,
    allow: &BTreeSet<Check>,
) -> Vec<Checked> {
    vec![
        judged(Check::CleanTree, clean_tree(clone), allow),
        judged(Check::DefaultBranch, default_branch(remote, commit, clone), allow),
        judged(Check::Shallow, shallow(clone), allow),
        judged(Check::Attributes, attributes(clone), allow),
        judged(Check::Tagger, tagger(clone), allow),
    ]
}

/// Every check of a release, passed ones included. `page` is what it would say of itself.
#[must_use]
pub fn preflight(request: &Request, target: &Target, facts: &Facts, page: &Page<'_>) -> Vec<Checked> {
    let allow = &request.allow;
    let mut checks = clone_checks(&request.remote, facts.commit, &facts.clone, allow);
    checks.extend([
        judged(Check::TagForm, tag_form(request, target, facts), allow),
        judged(Check::Version, version(request, facts), allow),
        judged(Check::Tag, tag(request, facts), allow),
        judged(Check::Previous, previous(request, facts), allow),
        judged(Check::Paths, paths(facts), allow),
        judged(Check::EmptyNotes, empty_notes(facts), allow),
        judged(Check::VersionSource, version_source(request, target, facts), allow),
        judged(Check::Signing, signing(request, facts), allow),
        judged(Check::Output, output(request, facts), allow),
    ]);
    if let (Reach::Published(publication), Some(world)) = (&request.reach, &facts.world) {
        checks.extend(world_checks(request, *publication, facts, (world, page)));
    }
    checks
}

pub(crate) fn judged(check: Check, found: Found, allow: &BTreeSet<Check>) -> Checked {
    let allowed = allow.contains(&check);
    let (outcome, reason, evidence, hint) = match found {
        Found::Good(evidence) => (Outcome::Passed, "ok", evidence, String::new()),
        Found::Note { reason, evidence, hint } => (Outcome::Warned, reason, evidence, hint),
        Found::Bad { reason, evidence, hint } if allowed => (Outcome::Allowed, reason, evidence, hint),
        Found::Bad { reason, evidence, mut hint } => {
            if check.can_be_allowed() {
                write!(hint, "; or --allow {check}").expect("writing to a string cannot fail");
            }
            (Outcome::Refused, reason, evidence, hint)
        }
    };
    Checked { check, outcome, reason, evidence, hint }
}

pub(crate) fn bad(reason: &'static str, evidence: impl Into<String>, hint: impl Into<String>) -> Found {
    Found::Bad { reason, evidence: evidence.into(), hint: hint.into() }
}

/// The tag of the request, where it is there and at the released commit: the release was decided before.
fn tagged_here<'a>(request: &Request, facts: &'a Facts) -> Option<&'a TagFact> {
    let name = request.tag.name();
    facts.tags.iter().find(|it| it.name == name && it.commit == Some(facts.commit))
}

fn clean_tree(clone: &CloneFacts) -> Found {
    match clone.changed_files.as_deref() {
        None => Found::Good("a bare repository has no files".to_owned()),
        Some([]) => Found::Good("no tracked file differs from the last commit".to_owned()),
        Some(files) => {
            let shown = files.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if files.len() > 3 { format!(" and {} more", files.len() - 3) } else { String::new() };
            bad(
                "dirty",
                format!("changed and not committed: {shown}{more}"),
                "git stash, or commit the changes",
            )
        }
    }
}

fn default_branch(remote: &str, commit: CommitId, clone: &CloneFacts) -> Found {
    match &clone.default_branch {
        BranchFact::Unknown { reference } => bad(
            "unknown-branch",
            format!("this clone has no {reference}"),
            format!("git fetch {remote} && git remote set-head {remote} -a"),
        ),
        BranchFact::Known { name, tip, contains: true, behind: Some(behind), .. } if *behind > 0 => {
            let commits = if *behind == 1 { "1 commit".to_owned() } else { format!("{behind} commits") };
            Found::Note {
                reason: "behind",
                evidence: format!("{} is {commits} behind {name} ({})", commit.short(), tip.short()),
                hint: format!("git pull {remote}, if they should be released too"),
            }
        }
        BranchFact::Known { name, tip, contains: true, .. } => {
            Found::Good(format!("{} is on {name} ({})", commit.short(), tip.short()))
        }
        BranchFact::Known { name, tip, contains: false, seen, .. } => bad(
            "not-on-branch",
            format!(
                "{} is not on {name} ({}), {}",
                commit.short(),
                tip.short(),
                match seen {
                    Seen::Fetched => "as it was fetched last",
                    Seen::Now => "as it is now",
                }
            ),
            format!("git fetch {remote}, or release a commit that was merged"),
        ),
    }
}

fn shallow(clone: &CloneFacts) -> Found {
    if clone.shallow {
        return bad(
            "shallow",
            "the clone's history is cut off: notes would be short",
            "git fetch --unshallow",
        );
    }
    Found::Good("history is whole".to_owned())
}

fn tag(request: &Request, facts: &Facts) -> Found {
    let name = request.tag.name();
    let Some(tag) = facts.tags.iter().find(|it| it.name == name) else {
        return Found::Good(format!("{name} is free"));
    };
    if tag.commit == Some(facts.commit) {
        return Found::Good(format!("{name} is there, at {}", facts.commit.short()));
    }
    let there = tag.commit.map_or_else(|| format!("object {}, no commit", tag.object), |it| it.short());
    bad(
        "exists-elsewhere",
        format!("{name} is at {there} and not at {}: a tag is never moved", facts.commit.short()),
        format!("--commit {name} to go on with that release, or choose a new version"),
    )
}

fn tag_form(request: &Request, target: &Target, facts: &Facts) -> Found {
    let fits = |form: &str| {
        Found::Good(format!("{} is written as the target's tags are: {form}", request.tag.label()))
    };
    if target.tag_form == TagForm::V {
        return fits("v1.2.3");
    }
    let others: Vec<TagFact> =
        facts.tags.iter().filter(|it| it.name != request.tag.name()).cloned().collect();
    let Some(example) = newest(&others) else {
        return Found::Good("the target has no other tag to differ from".to_owned());
    };
    let has_v = |label: &str| label.starts_with('v');
    if has_v(example.label()) == has_v(request.tag.label()) || tagged_here(request, facts).is_some() {
        return fits(example.label());
    }
    let version = request.tag.version();
    let want = if has_v(example.label()) { format!("v{version}") } else { version.to_string() };
    bad(
        "other-form",
        format!("{} has tags like {}, not like {}", target.id, example.name, request.tag.label()),
        format!("release {}/{want}", target.id),
    )
}

fn version(request: &Request, facts: &Facts) -> Found {
    let wanted = request.tag.version();
    if tagged_here(request, facts).is_some() {
        return Found::Good(format!("{wanted} was tagged here before"));
    }
    let others = facts.tags.iter().filter(|it| it.name != request.tag.name());
    let others: Vec<_> = others.filter_map(|tag| Some((tag.version.as_ref()?, tag))).collect();
    if let Some((_, tag)) = others.iter().find(|(it, _)| it.precedence(wanted).is_eq()) {
        let evidence = format!("{wanted} has the same precedence as {}", tag.name);
        return bad("same-precedence", evidence, "choose a higher version");
    }
    let line = wanted.line();
    let on_line = others.into_iter().filter(|(it, _)| it.line() == line && it.precedence(wanted).is_gt());
    match on_line.max_by(|(a, _), (b, _)| a.precedence(b)) {
        None => Found::Good(format!("{wanted} is above all tags of its line {}.{}", line.0, line.1)),
        Some((version, tag)) => bad(
            "not-above",
            format!(
                "{wanted} is not above {version}, the newest of line {}.{} ({})",
                line.0, line.1, tag.name
            ),
            "choose a higher version",
        ),
    }
}

fn previous(request: &Request, facts: &Facts) -> Found {
    match (&facts.since, &request.start) {
        (None, _) => {
            let below = previous_candidates(request.tag.version(), &facts.tags).len();
            let evidence = match below {
                0 => format!("{} has no release below {}", request.tag.target(), request.tag.version()),
                _ => format!("none of the {below} lower releases is an ancestor of {}", facts.commit.short()),
            };
            Found::Bad {
                reason: "no-previous",
                evidence,
                hint: "git fetch --tags, if it was released before; else --initial-release for the whole history, or --from-tag TAG".to_owned(),
            }
        }
        (Some(start), Start::Tag(_)) if !start.is_ancestor => bad(
            "not-an-ancestor",
            format!(
                "{} is not an ancestor of {}: notes leave out what only it has",
                start.since,
                facts.commit.short()
            ),
            "choose another --from-tag",
        ),
        (Some(start), _) => Found::Good(format!("the range starts after {}", start.since)),
    }
}

fn paths(facts: &Facts) -> Found {
    if facts.unknown_paths.is_empty() {
        return Found::Good("every path names something".to_owned());
    }
    let shown: Vec<&str> = facts.unknown_paths.iter().map(model::RepoPath::as_str).collect();
    bad(
        "unknown-path",
        format!("no such file or folder, now or at the range's start: {}", shown.join(", ")),
        "check the spelling of --path, or the catalog",
    )
}

fn version_source(request: &Request, target: &Target, facts: &Facts) -> Found {
    let (Some(source), Some(fact)) = (&target.version_source, &facts.version_source) else {
        return Found::Good("the tag itself is the version's source".to_owned());
    };
    let Some(bytes) = &fact.bytes else {
        return bad(
            "no-source",
            format!("{} is not in {}", fact.file, facts.commit.short()),
            "check the catalog's version_source",
        );
    };
    let found = sources::disagreements(source, bytes, request.tag.version());
    if found.is_empty() {
        return Found::Good(format!("{} agrees", source.file));
    }
    let evidence = format!("{}, the tag has {}", found.join("; "), request.tag.version());
    let hint = format!("set the version in {} and merge that first", source.file);
    if source.advisory {
        return Found::Note { reason: "version-differs", evidence, hint };
    }
    bad("version-differs", evidence, hint)
}

fn empty_notes(facts: &Facts) -> Found {
    match facts.history.commits.len() {
        _ if facts.since.is_none() => Found::Good("no range to look at".to_owned()),
        0 => bad("empty", "no commit of the range touches the paths", "check the paths, or --no-path-filter"),
        1 => Found::Good("1 commit".to_owned()),
        count => Found::Good(format!("{count} commits")),
    }
}

fn tagger(clone: &CloneFacts) -> Found {
    match &clone.tagger {
        Some(person) => Found::Good(person.clone()),
        None => bad(
            "no-tagger",
            "git knows no name and address to make a tag with",
            "git config user.name 'Your Name' && git config user.email you@example.com",
        ),
    }
}

fn attributes(clone: &CloneFacts) -> Found {
    let files = &clone.attribute_files;
    if files.is_empty() {
        return Found::Good("the archive depends on the commit alone".to_owned());
    }
    Found::Note {
        reason: "outside-attributes",
        evidence: format!("{} takes part in the archive, in this clone only", files.join(", ")),
        hint: "commit what it says to .gitattributes, or remove it".to_owned(),
    }
}

/// Whether the tag is, or will be, signed by somebody who may sign. Where trusted signers are configured, every release has such
/// a tag, whatever was asked for: users are told that it has.
fn signing(request: &Request, facts: &Facts) -> Found {
    let unsigned = request.signing == Signing::Unsigned;
    match tagged_here(request, facts) {
        Some(_) if facts.has_signers => existing_signature(facts.tag_findings.as_deref().unwrap_or_default()),
        None if facts.has_signers && unsigned => bad(
            "unsigned",
            "[signers] names who may sign, and the tag would not be signed".to_owned(),
            "release with --sign-tag",
        ),
        _ if unsigned => Found::Note {
            reason: "no-signers",
            evidence: "the tag is not signed, and no trusted signers are configured ([signers])".to_owned(),
            hint: CONFIGURE_SIGNERS.to_owned(),
        },
        Some(tag) if tag.kind != TagKind::Signed => bad(
            "exists-unsigned",
            format!(
                "{} is there without a signature: --sign-tag never takes such a tag as its own",
                tag.name
            ),
            "release without --sign-tag, or choose a new version",
        ),
        Some(_) => existing_signature(facts.tag_findings.as_deref().unwrap_or_default()),
        None => signer(facts),
    }
}

/// Whether the files can be written where they belong.
fn output(request: &Request, facts: &Facts) -> Found {
    let folder = request.out.path();
    match &facts.files.obstacle {
        None => Found::Good(format!("{} can be written to", folder.display())),
        Some((reason, evidence)) => bad(
            reason,
            evidence.clone(),
            "it must be a plain folder that you can write to: mend it (git rm, if it is a tracked link), or choose another with --out",
        ),
    }
}

/// What the signature of a tag that is there is worth.
fn existing_signature(findings: &[Finding]) -> Found {
    let Some(worst) = findings.iter().max_by_key(|it| it.verdict) else {
        return bad("tag-unproven", "the tag's signature was not checked", "cargo xtask verify-tag TAG");
    };
    let evidence = format!("the tag is there: {}", worst.evidence);
    match (worst.verdict, worst.reason) {
        (Verdict::Proven, _) => Found::Good("the tag is there, signed by an allowed signer".to_owned()),
        (Verdict::Unproven, "no-policy") => {
            Found::Note { reason: "no-policy", evidence, hint: worst.hint.clone() }
        }
        (Verdict::Unproven, "unsigned" | "lightweight") => bad(
            "unsigned",
            format!("[signers] names who may sign, and {evidence}"),
            "choose a new version and release it with --sign-tag: a published tag is never replaced",
        ),
        (Verdict::Unproven, _) => bad("tag-unproven", evidence, worst.hint.clone()),
        (Verdict::Refuted, _) => bad("tag-refuted", evidence, worst.hint.clone()),
    }
}

/// What is known of the key that would sign.
fn signer(facts: &Facts) -> Found {
    let Some(signer) = &facts.signer else {
        return Found::Good("no key is needed: the tag is there already".to_owned());
    };
    let (evidence, hint) = (signer.evidence.clone(), signer.hint.clone());
    match signer.state {
        SignerState::Accepted => Found::Good(evidence),
        SignerState::NotStarted => Found::Note { reason: "not-started", evidence, hint },
        SignerState::Unjudged => Found::Note { reason: "no-policy", evidence, hint },
        SignerState::Refused => bad("not-allowed", evidence, hint),
        SignerState::None => bad("no-key", evidence, hint),
    }
}
