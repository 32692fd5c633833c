//! `rehearse [TAG]`: a whole release on this machine, and the proof of every step.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use model::ReleaseTag;
use model::evidence::verdict::{Finding, Verdict, overall};
use rehearsal::{
    CommandResult, FAULT_SCENARIOS, FaultResult, FaultScenario, ProtectedPaths, RehearsalConfig,
    RehearsalError, RehearsalEvent, RehearsalReport, RehearsalSource,
};
use serde::Serialize;

use crate::Ending;
use crate::args::{Global, Rehearse};
use crate::failure::Failure;
use crate::plot;
use crate::report::{self, Page};

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: &'a ReleaseTag,
    /// `demo`, or the folder of the repository.
    source: String,
    verdict: Verdict,
    steps: Vec<Timed<'a>>,
    commands: &'a [CommandResult],
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
    steps: &'a [Finding],
    faults: &'a [FaultResult],
}

pub(crate) fn run(global: &Global, args: &Rehearse) -> Result<Ending, Failure> {
    let faults = args.fault.as_deref().map(faults).transpose()?;
    let session = plot::session(global, args)?;
    let meant = plot::plot(global, args, session.as_ref())?;
    match faults {
        Some(faults) => struck(global, &meant, &faults, &plot::belongings(session.as_ref())?),
        None => played(global, args, &meant, &plot::belongings(session.as_ref())?),
    }
}

/// The faults of a name.
fn faults(name: &str) -> Result<Vec<FaultScenario>, Failure> {
    let found: Vec<FaultScenario> =
        FAULT_SCENARIOS.into_iter().filter(|it| name == "all" || it.name == name).collect();
    if found.is_empty() {
        let names: Vec<&str> = FAULT_SCENARIOS.iter().map(|it| it.name).collect();
        let hint = format!("want all, or one of {}", names.join(", "));
        return Err(Failure::usage(anyhow!("no fault is called '{name}'")).hint(hint));
    }
    Ok(found)
}

fn played(
    global: &Global,
    args: &Rehearse,
    plot: &RehearsalConfig,
    belongings: &ProtectedPaths,
) -> Result<Ending, Failure> {
    let (mut begun, mut times) = (Instant::now(), Vec::new());
    let rehearsed = rehearsal::rehearse(plot, belongings, args.keep, &mut |told| match told {
        RehearsalEvent::Started(step) => {
            begun = Instant::now();
            report::tell(global, &format!("rehearsing: {step}"));
        }
        RehearsalEvent::Finished(_) => times.push(begun.elapsed()),
    })
    .map_err(unset)?;
    let verdict = overall(&rehearsed.steps);
    if report::is_json(global) {
        let steps = rehearsed.steps.iter().zip(&times);
        report::print_json(&Document {
            schema: "opensandbox-release/rehearse/1",
            subject: &plot.tag,
            source: match &plot.source {
                RehearsalSource::Demo => "demo".to_owned(),
                RehearsalSource::Repository { root, .. } => root.display().to_string(),
            },
            verdict,
            steps: steps.map(|(finding, time)| Timed { finding, milliseconds: time.as_millis() }).collect(),
            commands: &rehearsed.commands,
            notes: rehearsed.notes.as_deref(),
            kept: rehearsed.kept_dir.as_deref(),
        })?;
    } else {
        page(plot, &rehearsed, &times, verdict).print()?;
    }
    Ok(if rehearsed.release_refused() { Ending::NotDone } else { Ending::Judged(verdict) })
}

/// The stage could not be set.
fn unset(error: RehearsalError) -> Failure {
    let hint = error.hint();
    Failure::work(error).hint(hint)
}

fn page(plot: &RehearsalConfig, it: &RehearsalReport, times: &[Duration], verdict: Verdict) -> Page {
    let mut page = Page::new();
    let bold = report::BOLD;
    page.line(format!("{bold}Rehearsal of {}{bold:#}  {}  {}", plot.tag, plot.tag.title(), plot.slug));
    if let Some(notes) = &it.notes {
        page.heading("The notes as they would appear");
        page.lines(notes.trim_end());
        page.heading("The commands of the notes, as a reader types them");
        report::tried(&mut page, &it.commands);
    }
    page.heading("What was proven");
    for (finding, time) in it.steps.iter().zip(times) {
        report::step(&mut page, finding, *time);
    }
    report::verdict_of_all(&mut page, verdict);
    if let Some(folder) = &it.kept_dir {
        kept(&mut page, plot, folder);
    }
    if it.release_refused() {
        page.line("The release is refused, as the real one would be: mend it, and rehearse again.");
    } else if verdict == Verdict::Proven {
        next_steps(&mut page, plot);
    }
    page
}

/// Where to go for the real release.
fn next_steps(page: &mut Page, plot: &RehearsalConfig) {
    let tag = plot.tag.to_string();
    page.line(match plot.source {
        RehearsalSource::Demo => "For a real release, in a clone of the repository:",
        RehearsalSource::Repository { .. } => "For the real release:",
    });
    let verbs = [("doctor", &[][..]), ("release", &plot.release_flags[..])];
    for (verb, flags) in verbs {
        let typed = ["cargo", "xtask"].into_iter().chain(plot.real_global_flags.iter().map(String::as_str));
        let typed = typed.chain([verb]).chain(flags.iter().map(String::as_str));
        let words: Vec<String> = typed.chain([tag.as_str(), "--sign-tag", "--push"]).map(quoted).collect();
        page.line(format!("  {}", words.join(" ")));
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./=:@,+".contains(it);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// How to look around in a folder that was kept. What a refused release did not come to is not there.
fn kept(page: &mut Page, plot: &RehearsalConfig, folder: &Path) {
    let name = |it: &Path| quoted(&it.display().to_string());
    page.line(format!("Kept in {}; remove it when you have seen enough. To look around:", name(folder)));
    let (clone, notes) = (folder.join("operator/clone"), folder.join("notes.md"));
    page.line(format!("  git -C {} log --oneline --decorate -5", name(&clone)));
    if !notes.exists() {
        return;
    }
    let archive = clone.join("dist").join(plot.tag.safe_name()).join(plot.tag.archive_name());
    page.line(format!("  git -C {} cat-file tag {}", name(&clone), plot.tag));
    page.line(format!("  cat {}", name(&notes)));
    page.line(format!("  cargo xtask verify {} -R {} --offline \\", name(&archive), plot.slug));
    page.line(format!(
        "    --bundle {} --trusted-root {}",
        name(&folder.join("attestations.jsonl")),
        name(&folder.join("trusted-root.json"))
    ));
}

fn struck(
    global: &Global,
    plot: &RehearsalConfig,
    faults: &[FaultScenario],
    belongings: &ProtectedPaths,
) -> Result<Ending, Failure> {
    let all = rehearsal::inject_faults(plot, faults, belongings, &mut |it| {
        report::tell(global, &format!("rehearsing: {}: {}", it.name, it.description));
    })
    .map_err(unset)?;
    let as_wanted = if all.results.iter().all(|it| it.passed) { Verdict::Proven } else { Verdict::Refuted };
    let verdict = overall(&all.steps).max(as_wanted);
    if report::is_json(global) {
        let schema = "opensandbox-release/rehearse-faults/1";
        let (steps, faults) = (&all.steps, &all.results);
        report::print_json(&Broken { schema, subject: &plot.tag, verdict, steps, faults })?;
    } else {
        let mut page = Page::new();
        let bold = report::BOLD;
        page.line(format!("{bold}What may break in the release of {}{bold:#}", plot.tag));
        for it in &all.results {
            report::struck(&mut page, it);
        }
        page.heading("Beside that");
        report::each_finding(&mut page, &all.steps);
        report::verdict_of_all(&mut page, verdict);
        page.print()?;
    }
    // A release that is refused breaks nowhere.
    Ok(if all.results.is_empty() { Ending::NotDone } else { Ending::Judged(verdict) })
}
