//! `rehearse [TAG]`: a whole release on this machine, and the proof of every step.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use model::verdict::{Finding, Verdict, worst};
use model::{Catalog, ReleaseTag, RepoSlug};
use ops::OpsError;
use play::{Belongings, FAULTS, Fault, KeyKind, PlayError, Plot, Rehearsed, Source, Struck, Told, Tried};
use serde::Serialize;

use crate::Ending;
use crate::args::{Global, Rehearse};
use crate::environment::{self, value};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::{self, Abroad, Session};
use crate::world;

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: &'a ReleaseTag,
    verdict: Verdict,
    steps: Vec<Timed<'a>>,
    commands: &'a [Tried],
    notes: Option<&'a str>,
    /// The folder, where it was kept.
    kept: Option<&'a Path>,
}

#[derive(Serialize)]
struct Timed<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    milliseconds: u128,
}

/// What scripts get of faults.
#[derive(Serialize)]
struct Broken<'a> {
    schema: &'static str,
    subject: &'a ReleaseTag,
    verdict: Verdict,
    faults: &'a [Struck],
}

pub(crate) fn run(global: &Global, args: &Rehearse) -> Result<Ending, Failure> {
    let faults = args.fault.as_deref().map(faults).transpose()?;
    let session = session(global, args)?;
    let plot = plot(global, args, session.as_ref())?;
    match faults {
        Some(faults) => struck(global, &plot, &faults),
        None => played(global, args, &plot, session.as_ref()),
    }
}

/// The repository that is rehearsed: the one that was named, or the one around here, if anything was ever released from it.
fn session(global: &Global, args: &Rehearse) -> Result<Option<Session>, Failure> {
    if args.demo {
        return Ok(None);
    }
    let Some(session) = Session::near(global)? else { return Ok(None) };
    if global.directory.is_some() {
        return Ok(Some(session));
    }
    for target in session.catalog.targets() {
        if !session.repo.tags(target).map_err(OpsError::from)?.is_empty() {
            return Ok(Some(session));
        }
    }
    report::tell(global, "nothing was ever released from the repository around here: rehearsing in a demo");
    Ok(None)
}

fn plot(global: &Global, args: &Rehearse, session: Option<&Session>) -> Result<Plot, Failure> {
    let root = session.map(|it| it.repo.root());
    let text = session::catalog_text(global, root.as_deref())?;
    let catalog = Catalog::parse(&text.name, &text.text)?;
    let slug: RepoSlug = match session {
        Some(session) => session.slug.clone(),
        // Where a demo is released, the remote of the repository around here says nothing.
        None if global.repo.is_some() => Abroad::find(global)?.slug,
        None => catalog.slug().clone(),
    };
    let tag = match &args.tag {
        Some(text) => ReleaseTag::parse(&catalog, text)?,
        None => next(&catalog, session)?,
    };
    let source = match root {
        Some(root) => Source::Repository { root, remote: global.remote.clone() },
        None => Source::Demo,
    };
    let suite = std::env::current_exe().context("cannot find this program").map_err(Failure::work)?;
    Ok(Plot {
        suite,
        path: environment::search_path(),
        key: key_kind(session)?,
        source,
        catalog,
        catalog_text: text.text,
        slug,
        tag,
        flags: args.flags.clone(),
        clock: session::now,
    })
}

/// The next release of the target that has the badge "Latest"; of the first one, where none has.
fn next(catalog: &Catalog, session: Option<&Session>) -> Result<ReleaseTag, Failure> {
    let target = catalog.latest.as_ref().and_then(|it| catalog.target(it)).unwrap_or(&catalog.targets()[0]);
    let Some(session) = session else {
        return Ok(ReleaseTag::new(catalog, &target.id, "0.2.0")?);
    };
    let head = session.repo.resolve("HEAD").map_err(OpsError::from)?;
    let version = ops::standing(&session.repo, target, head)?.unreleased.next;
    let version = version.ok_or_else(|| {
        Failure::usage(anyhow!("nothing is unreleased in {}, so there is no next version", target.id))
            .hint("name the release: cargo xtask rehearse TAG; cargo xtask status tells what is unreleased")
    })?;
    Ok(ReleaseTag::new(catalog, &target.id, &version)?)
}

/// The kind of key that git is configured for.
fn key_kind(session: Option<&Session>) -> Result<KeyKind, Failure> {
    let mut command = Command::new("git");
    if let Some(session) = session {
        command.arg("-C").arg(session.repo.root());
    }
    let output = command.args(["config", "--get", "gpg.format"]).stdin(Stdio::null()).output();
    let output = output.context("cannot start git").map_err(Failure::work)?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "" => Ok(KeyKind::OpenPgp),
        name => KeyKind::parse(name)
            .ok_or_else(|| Failure::usage(anyhow!("gpg.format is {name}: git knows openpgp, x509 and ssh"))),
    }
}

/// What of this user's could be written to by a release.
fn belongings(session: Option<&Session>) -> Belongings {
    let mut paths = vec![world::cache()];
    paths.extend(value(environment::GNUPGHOME).map(PathBuf::from));
    if let Some(home) = value(environment::HOME) {
        let own = [".gitconfig", ".config/git", ".config/gh", ".gnupg", ".ssh", ".netrc", ".git-credentials"];
        paths.extend(own.map(|it| Path::new(&home).join(it)));
    }
    let repository = session.map(|it| it.repo.root());
    paths.extend(repository.iter().map(|it| it.join("dist")));
    Belongings { paths, repository }
}

/// The faults of a name.
fn faults(name: &str) -> Result<Vec<Fault>, Failure> {
    let found: Vec<Fault> = FAULTS.into_iter().filter(|it| name == "all" || it.name == name).collect();
    if found.is_empty() {
        let names: Vec<&str> = FAULTS.iter().map(|it| it.name).collect();
        let hint = format!("want all, or one of {}", names.join(", "));
        return Err(Failure::usage(anyhow!("no fault is called '{name}'")).hint(hint));
    }
    Ok(found)
}

fn played(
    global: &Global,
    args: &Rehearse,
    plot: &Plot,
    session: Option<&Session>,
) -> Result<Ending, Failure> {
    let (mut begun, mut times) = (Instant::now(), Vec::new());
    let rehearsed = play::rehearse(plot, &belongings(session), args.keep, &mut |told| match told {
        Told::Begins(step) => {
            begun = Instant::now();
            report::tell(global, &format!("rehearsing: {step}"));
        }
        Told::Ended(_) => times.push(begun.elapsed()),
    })
    .map_err(unset)?;
    let verdict = worst(&rehearsed.steps);
    if report::is_json(global) {
        let steps = rehearsed.steps.iter().zip(&times);
        report::print_json(&Document {
            schema: "opensandbox-release/rehearse/1",
            subject: &plot.tag,
            verdict,
            steps: steps.map(|(finding, time)| Timed { finding, milliseconds: time.as_millis() }).collect(),
            commands: &rehearsed.tried,
            notes: rehearsed.notes.as_deref(),
            kept: rehearsed.kept.as_deref(),
        })?;
    } else {
        page(plot, &rehearsed, &times, verdict).print()?;
    }
    Ok(if rehearsed.is_refused() { Ending::NotDone } else { Ending::Judged(verdict) })
}

/// The stage could not be set.
fn unset(error: PlayError) -> Failure {
    if matches!(error, PlayError::Interrupted) {
        return Failure::work(error);
    }
    Failure::work(error)
        .hint("scripts/setup.sh installs what a rehearsal needs; --demo leaves this repository out")
}

fn page(plot: &Plot, it: &Rehearsed, times: &[Duration], verdict: Verdict) -> Page {
    let mut page = Page::new();
    let bold = report::BOLD;
    page.line(format!("{bold}Rehearsal of {}{bold:#}  {}  {}", plot.tag, plot.tag.title(), plot.slug));
    if let Some(notes) = &it.notes {
        page.heading("The notes as they would appear");
        page.line(notes.trim_end());
        page.heading("The commands of the notes, as a reader types them");
        report::tried(&mut page, &it.tried);
    }
    page.heading("What was proven");
    for (finding, time) in it.steps.iter().zip(times) {
        report::step(&mut page, finding, *time);
    }
    report::verdict_of_all(&mut page, verdict);
    if let Some(folder) = &it.kept {
        kept(&mut page, plot, folder);
    }
    let tag = &plot.tag;
    if it.is_refused() {
        page.line("The release is refused, as the real one would be: mend it, and rehearse again.");
    } else {
        page.line("For the real release:");
        page.line(format!("  cargo xtask doctor {tag} --sign-tag --push"));
        page.line(format!("  cargo xtask release {tag} --sign-tag --push"));
    }
    page
}

/// How to look around in a folder that was kept.
fn kept(page: &mut Page, plot: &Plot, folder: &Path) {
    let folder = folder.display();
    let (tag, archive) = (&plot.tag, plot.tag.archive_name());
    page.line(format!("Kept in {folder}; remove it when you have seen enough. To look around:"));
    page.line(format!("  git -C {folder}/operator/clone cat-file tag {tag}"));
    page.line(format!("  cat {folder}/notes.md"));
    page.line(format!(
        "  cargo xtask verify {folder}/operator/clone/dist/{}/{archive} -R {} --offline \\",
        tag.safe_name(),
        plot.slug
    ));
    page.line(format!("    --bundle {folder}/attestations.jsonl --trusted-root {folder}/trusted-root.json"));
}

fn struck(global: &Global, plot: &Plot, faults: &[Fault]) -> Result<Ending, Failure> {
    let mut all = Vec::new();
    for fault in faults {
        report::tell(global, &format!("rehearsing: {}: {}", fault.name, fault.what));
        all.push(play::strike(plot, fault).map_err(unset)?);
    }
    let verdict = if all.iter().all(|it| it.as_wanted) { Verdict::Proven } else { Verdict::Refuted };
    if report::is_json(global) {
        let schema = "opensandbox-release/rehearse-faults/1";
        report::print_json(&Broken { schema, subject: &plot.tag, verdict, faults: &all })?;
    } else {
        let mut page = Page::new();
        let bold = report::BOLD;
        page.line(format!("{bold}What may break in the release of {}{bold:#}", plot.tag));
        for it in &all {
            report::struck(&mut page, it);
        }
        report::verdict_of_all(&mut page, verdict);
        page.print()?;
    }
    Ok(Ending::Judged(verdict))
}
