//! `rehearse [TAG]`: simulates a full release on this machine and verifies every step.

mod args;
mod config;

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

pub(crate) use args::RehearseArgs;

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};

/// The JSON document of `rehearse`.
#[derive(Serialize)]
struct RehearseJson<'a> {
    schema: &'static str,
    subject: &'a ReleaseTag,
    /// `demo`, or the folder of the repository.
    source: String,
    verdict: Verdict,
    steps: Vec<TimedStepJson<'a>>,
    commands: &'a [CommandResult],
    notes: Option<&'a str>,
    /// The folder of the rehearsal. `None` without `--keep`.
    kept: Option<&'a Path>,
}

#[derive(Serialize)]
struct TimedStepJson<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    milliseconds: u128,
}

/// The JSON document of `rehearse --fault`.
#[derive(Serialize)]
struct RehearseFaultsJson<'a> {
    schema: &'static str,
    subject: &'a ReleaseTag,
    verdict: Verdict,
    steps: &'a [Finding],
    faults: &'a [FaultResult],
}

pub(crate) fn run(global: &GlobalArgs, args: &RehearseArgs) -> Result<RunOutcome, CliError> {
    let faults = args.fault.as_deref().map(faults_named).transpose()?;
    let session = config::open_session(global, args)?;
    let config = config::rehearsal_config(global, args, session.as_ref())?;
    match faults {
        Some(faults) => inject_faults(global, &config, &faults, &config::protected_paths(session.as_ref())?),
        None => rehearse(global, args, &config, &config::protected_paths(session.as_ref())?),
    }
}

/// Returns the fault of this name, or all faults for `all`.
fn faults_named(name: &str) -> Result<Vec<FaultScenario>, CliError> {
    let found: Vec<FaultScenario> =
        FAULT_SCENARIOS.into_iter().filter(|it| name == "all" || it.name == name).collect();
    if found.is_empty() {
        let names: Vec<&str> = FAULT_SCENARIOS.iter().map(|it| it.name).collect();
        let hint = format!("use all, or one of {}", names.join(", "));
        return Err(CliError::usage(anyhow!("unknown fault '{name}'")).with_hint(hint));
    }
    Ok(found)
}

fn rehearse(
    global: &GlobalArgs,
    args: &RehearseArgs,
    config: &RehearsalConfig,
    protected_paths: &ProtectedPaths,
) -> Result<RunOutcome, CliError> {
    let (mut started, mut times) = (Instant::now(), Vec::new());
    let rehearsal = rehearsal::rehearse(config, protected_paths, args.keep, &mut |event| match event {
        RehearsalEvent::Started(step) => {
            started = Instant::now();
            report::print_progress(global, &format!("rehearsing: {step}"));
        }
        RehearsalEvent::Finished(_) => times.push(started.elapsed()),
    })
    .map_err(setup_error)?;
    let verdict = overall(&rehearsal.steps);
    if report::is_json(global) {
        let steps = rehearsal.steps.iter().zip(&times);
        report::print_json(&RehearseJson {
            schema: "opensandbox-release/rehearse/2",
            subject: &config.tag,
            source: match &config.source {
                RehearsalSource::Demo => "demo".to_owned(),
                RehearsalSource::Repository { root, .. } => root.display().to_string(),
            },
            verdict,
            steps: steps
                .map(|(finding, time)| TimedStepJson { finding, milliseconds: time.as_millis() })
                .collect(),
            commands: &rehearsal.commands,
            notes: rehearsal.notes.as_deref(),
            kept: rehearsal.kept_dir.as_deref(),
        })?;
    } else {
        text_page(config, &rehearsal, &times, verdict).print()?;
    }
    Ok(if rehearsal.release_refused() { RunOutcome::Failure } else { RunOutcome::Verdict(verdict) })
}

/// Converts an error of setting up the rehearsal, with its hint.
fn setup_error(error: RehearsalError) -> CliError {
    let hint = error.hint();
    CliError::runtime(error).with_hint(hint)
}

fn text_page(
    config: &RehearsalConfig,
    rehearsal: &RehearsalReport,
    times: &[Duration],
    verdict: Verdict,
) -> TextPage {
    let mut page = TextPage::new();
    let bold = report::BOLD;
    page.line(format!("{bold}Rehearsal of {}{bold:#}  {}  {}", config.tag, config.tag.title(), config.slug));
    if let Some(notes) = &rehearsal.notes {
        page.heading("Release notes");
        page.lines(notes.trim_end());
        page.heading("The commands of the notes");
        report::commands(&mut page, &rehearsal.commands);
    }
    page.heading("Steps");
    for (finding, time) in rehearsal.steps.iter().zip(times) {
        report::timed_finding(&mut page, finding, *time);
    }
    report::overall_verdict(&mut page, verdict);
    if let Some(folder) = &rehearsal.kept_dir {
        kept_folder_hints(&mut page, config, folder);
    }
    if rehearsal.release_refused() {
        page.line("The release is refused, as the real one would be: fix it, then rehearse again.");
    } else if verdict == Verdict::Proven {
        next_steps(&mut page, config);
    }
    page
}

/// Adds the commands for the real release.
fn next_steps(page: &mut TextPage, config: &RehearsalConfig) {
    let tag = config.tag.to_string();
    page.line(match config.source {
        RehearsalSource::Demo => "For a real release, in a clone of the repository:",
        RehearsalSource::Repository { .. } => "For the real release:",
    });
    let commands = [("doctor", &[][..]), ("release", &config.release_flags[..])];
    for (command, flags) in commands {
        let typed = ["cargo", "xtask"].into_iter().chain(config.real_global_flags.iter().map(String::as_str));
        let typed = typed.chain([command]).chain(flags.iter().map(String::as_str));
        let words: Vec<String> =
            typed.chain([tag.as_str(), "--sign-tag", "--push"]).map(shell_quote).collect();
        page.line(format!("  {}", words.join(" ")));
    }
}

/// Quotes a word for a POSIX shell, if it needs quotes.
fn shell_quote(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./=:@,+".contains(it);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Adds commands to inspect a kept folder. A refused release has no notes, tag and archive, so their commands are left
/// out.
fn kept_folder_hints(page: &mut TextPage, config: &RehearsalConfig, folder: &Path) {
    let name = |it: &Path| shell_quote(&it.display().to_string());
    page.line(format!("Kept in {}; remove it when you no longer need it. To inspect it:", name(folder)));
    let (clone, notes) = (folder.join("operator/clone"), folder.join("notes.md"));
    page.line(format!("  git -C {} log --oneline --decorate -5", name(&clone)));
    if !notes.exists() {
        return;
    }
    let archive = clone.join("dist").join(config.tag.safe_name()).join(config.tag.archive_name());
    page.line(format!("  git -C {} cat-file tag {}", name(&clone), config.tag));
    page.line(format!("  cat {}", name(&notes)));
    page.line(format!("  cargo xtask verify {} -R {} --offline \\", name(&archive), config.slug));
    page.line(format!(
        "    --bundle {} --trusted-root {}",
        name(&folder.join("attestations.jsonl")),
        name(&folder.join("trusted-root.json"))
    ));
}

fn inject_faults(
    global: &GlobalArgs,
    config: &RehearsalConfig,
    faults: &[FaultScenario],
    protected_paths: &ProtectedPaths,
) -> Result<RunOutcome, CliError> {
    let fault_report = rehearsal::inject_faults(config, faults, protected_paths, &mut |fault_result| {
        report::print_progress(
            global,
            &format!("rehearsing: {}: {}", fault_result.name, fault_result.description),
        );
    })
    .map_err(setup_error)?;
    let faults_verdict =
        if fault_report.results.iter().all(|it| it.passed) { Verdict::Proven } else { Verdict::Refuted };
    let verdict = overall(&fault_report.steps).max(faults_verdict);
    if report::is_json(global) {
        let schema = "opensandbox-release/rehearse-faults/2";
        let (steps, faults) = (&fault_report.steps, &fault_report.results);
        report::print_json(&RehearseFaultsJson { schema, subject: &config.tag, verdict, steps, faults })?;
    } else {
        let mut page = TextPage::new();
        let bold = report::BOLD;
        page.line(format!("{bold}Faults in the release of {}{bold:#}", config.tag));
        for fault_result in &fault_report.results {
            report::fault(&mut page, fault_result);
        }
        page.heading("Also");
        report::each_finding(&mut page, &fault_report.steps);
        report::overall_verdict(&mut page, verdict);
        page.print()?;
    }
    // If the release is refused, no fault could be injected.
    Ok(if fault_report.results.is_empty() { RunOutcome::Failure } else { RunOutcome::Verdict(verdict) })
}
