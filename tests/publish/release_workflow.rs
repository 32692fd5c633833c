//! Runs the steps of the release workflow for OpenSandbox in order: draft, attestation, publication, audit. Checks also
//! the permissions of its jobs, and that a shell never executes its inputs.

use std::path::{Path, PathBuf};
use std::process::Command;

use emulators::{ActionsRun, Sigstore};

use crate::security::record_case;
use crate::support::attested_file::{SIGNING_TIME, release_workflow_run, sha256sum};
use crate::support::external_tools::fetched_tool;
use crate::support::repository::{CapturedOutput, hermetic_command, run};
use crate::support::test_bed::{TAG, TOKEN, TestBed, expect_no_secret};

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn workflow_text() -> String {
    std::fs::read_to_string(workspace_root().join(".github/workflows/release-generic.yml")).unwrap()
}

/// Runs the command line of a workflow step. The built binary takes the place of the artifact of job `build`.
fn run_step(bed: &TestBed, line: &str, variables: &[(&str, &str)]) -> CapturedOutput {
    let suite = bed.home.path().join("runner/suite");
    std::fs::create_dir_all(&suite).unwrap();
    let binary = suite.join("xtask");
    // The test repository is not the one in the release configuration, so a wrapper adds `-R`.
    let xtask = env!("CARGO_BIN_EXE_xtask");
    std::fs::write(&binary, format!("#!/bin/sh\nexec {xtask} -R acme/widgets \"$@\"\n")).unwrap();
    let command = bed.command(&[]);
    let mut bash = Command::new("bash");
    bash.env_clear().current_dir(bed.clone.path());
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            bash.env(key, value);
        }
    }
    bash.env("PATH", std::env::var("PATH").unwrap()).env("GITHUB_OUTPUT", bed.home.path().join("output"));
    bash.env("RUNNER_TEMP", bed.home.path().join("runner")).env("BINARY_SHA256", sha256sum(&binary));
    bash.args(["-ec", &line.replace("scripts/", &format!("{}/scripts/", workspace_root().display()))]);
    expect_no_secret(run(bash.envs(variables.iter().copied())))
}

/// Returns the command line of the step with this name. Panics if the workflow has no such step.
#[track_caller]
fn step_command(name: &str) -> String {
    let text = workflow_text();
    let (_, step) = text.split_once(&format!("- name: {name}\n")).expect(name);
    let step = step.split("\n\n").next().unwrap();
    step.lines().find_map(|it| it.trim().strip_prefix("run: ")).expect(name).to_owned()
}

/// Returns the last value that a step wrote to `GITHUB_OUTPUT` for this key.
fn step_output(bed: &TestBed, key: &str) -> String {
    let text = std::fs::read_to_string(bed.home.path().join("output")).unwrap();
    text.lines().rev().find_map(|it| it.strip_prefix(&format!("{key}="))).expect(key).to_owned()
}

#[test]
fn workflow_publishes_a_proven_release() {
    let bed = TestBed::new();
    bed.github.configure(|it| it.now = SIGNING_TIME);
    // GitHub Actions has no credential helper: the token is in the environment.
    bed.clone.git(["config", "--unset", "credential.helper"]);
    let typed =
        [("TAG", TAG), ("GH_TOKEN", TOKEN), ("NO_PATH_FILTER", "false"), ("INITIAL_RELEASE", "false")];
    run_step(&bed, &step_command("Plan"), &typed).ok();
    assert_eq!(bed.github.releases().len(), 0, "the plan created a release");
    run_step(&bed, &step_command("Make the draft and push the tag"), &typed).ok();
    assert_eq!(bed.only_release()["draft"], true);
    // The branch moves on between draft and publication. The release must still be of the tagged commit.
    let commit = bed.clone.git(["rev-parse", "HEAD"]);
    bed.clone.git(["commit", "-q", "--allow-empty", "-m", "chore: go on"]);
    bed.clone.git(["push", "-q", bed.github.git_dir().to_str().unwrap(), "main"]);
    let run = ActionsRun { commit, ..release_workflow_run() };
    // The job that attests receives only two lines with name and digest, not the files.
    let files = ["archive", "checksums"].map(|it| step_output(&bed, it));
    run_step(
        &bed,
        &step_command("Name what is attested"),
        &[("ARCHIVE", &files[0]), ("CHECKSUMS", &files[1])],
    )
    .ok();
    let lines = ["archive", "checksums"].map(|it| step_output(&bed, it));
    run_step(
        &bed,
        &step_command("Write down the digests"),
        &[("ARCHIVE", &lines[0]), ("CHECKSUMS", &lines[1])],
    )
    .ok();
    let subjects = std::fs::read_to_string(bed.clone.path().join("subjects.txt")).unwrap();
    std::fs::remove_file(bed.clone.path().join("subjects.txt")).unwrap();
    let subjects: Vec<_> = subjects.lines().map(|it| it.split_once("  ").unwrap()).collect();
    let names = files.each_ref().map(|it| Path::new(it).file_name().unwrap().to_str().unwrap());
    let digests = files.each_ref().map(|it| sha256sum(Path::new(it)));
    assert_eq!(subjects, [(digests[0].as_str(), names[0]), (digests[1].as_str(), names[1])]);
    // The files of the draft job do not exist in the job that publishes.
    std::fs::remove_dir_all(bed.clone.path().join("dist")).unwrap();
    let mut sigstore = Sigstore::new(SIGNING_TIME).unwrap();
    let statement = run.provenance(&[(names[0], &digests[0]), (names[1], &digests[1])]);
    let bundle = sigstore.attest(&run.claims(), &statement).unwrap();
    bed.github.add_attestation(&bundle.to_string(), false).unwrap();
    let roots = bed.home.path().join("root.json");
    std::fs::write(&roots, sigstore.trusted_root().unwrap().to_string()).unwrap();
    let trusted = format!(" --trusted-root {}", roots.display());
    let report =
        run_step(&bed, &step_command("Publish").replace("--push", &format!("--push{trusted}")), &typed)
            .ok()
            .stdout;
    assert_eq!(bed.only_release()["draft"], false);
    assert!(report.contains("attestation"), "the attestations were not checked:\n{report}");
    bed.github.reset_rate_limit();
    let audit = step_command("Audit").replace("--wait 10m", &format!("--wait 10m{trusted}"));
    let report = run_step(&bed, &audit, &[("TAG", TAG)]).ok().stdout;
    assert!(report.contains("identical to what git archive makes"), "{report}");
}

#[test]
fn workflow_inputs_reach_the_notes() {
    let bed = TestBed::new();
    let plan = &step_command("Plan");
    let typed = [("TAG", TAG), ("GH_TOKEN", TOKEN)];
    let plan_report = |more: &[(&str, &str)]| run_step(&bed, plan, &[&typed[..], more].concat()).ok().stdout;
    assert!(!plan_report(&[]).contains("docs: say so"));
    assert!(plan_report(&[("EXTRA_PATHS", "README.md,server")]).contains("docs: say so"));
    assert!(plan_report(&[("NO_PATH_FILTER", "true")]).contains("docs: say so"));
}

#[test]
fn workflow_inputs_are_never_executed() {
    let bed = TestBed::new();
    let before = bed.remote_state();
    let plan = &step_command("Plan");
    for tag in ["$(touch pwned)", "`touch pwned`", "; touch pwned", "--push", "x\ny", "\"; touch pwned; \""] {
        let typed = [("TAG", tag), ("GH_TOKEN", TOKEN), ("FROM_TAG", tag), ("EXTRA_PATHS", tag)];
        let output = run_step(&bed, plan, &typed);
        assert_eq!(output.code, 2, "{tag}: {}\n{}", output.stdout, output.stderr);
        assert!(!bed.clone.path().join("pwned").exists(), "{tag} was executed");
    }
    assert_eq!(bed.remote_state(), before);
}

#[test]
fn zizmor_reports_no_finding() {
    let Some(zizmor) = fetched_tool("zizmor-1.32.0/bin/zizmor", "zizmor_reports_no_finding") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let check = |files: &Path| {
        let mut command = hermetic_command(&zizmor, folder.path());
        run(command.args(["--offline", "--no-progress", "--persona=auditor"]).arg(files))
    };
    let clean = check(&workspace_root().join(".github/workflows"));
    assert_eq!(clean.code, 0, "{}\n{}", clean.stdout, clean.stderr);
    // The negative twin: an input that is expanded into the command line must be reported.
    let pasted = workflow_text()
        .replace("run: scripts/release/workflow.sh --push --dry-run", "run: echo ${{ inputs.tag }}");
    assert_ne!(pasted, workflow_text());
    let file = folder.path().join("pasted.yml");
    std::fs::write(&file, pasted).unwrap();
    let found = check(&file);
    assert!(
        found.code != 0 && found.stdout.contains("template-injection"),
        "{}\n{}",
        found.stdout,
        found.stderr
    );
}

/// Returns name and text of each job.
fn job_texts(text: &str) -> Vec<(&str, String)> {
    let (_, jobs) = text.split_once("\njobs:\n").unwrap();
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in jobs.lines() {
        match line.strip_prefix("  ").and_then(|it| it.strip_suffix(':')) {
            Some(name) if !name.starts_with(' ') => found.push((name, String::new())),
            _ => {
                let (_, text) = found.last_mut().unwrap();
                text.extend([line, "\n"]);
            }
        }
    }
    found
}

/// Returns every violation of the permission rules by a release workflow. Only the job that attests may request an OIDC
/// token, and no job that builds has a token or permissions.
fn permission_violations(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut fails = |holds: bool, what: String| wrong.extend((!holds).then_some(what));
    fails(text.contains("\npermissions: {}\n"), "the workflow itself has permissions".to_owned());
    let builds = |job: &str| job.contains("cargo ") || job.contains("rustc");
    for (name, job) in job_texts(text) {
        let has = |what: &str| job.contains(what);
        let runs_suite = has("scripts/release/");
        fails(!has("cache"), format!("{name} uses a cache"));
        fails(!builds(&job) || has("permissions: {}"), format!("{name} builds code and has permissions"));
        fails(!builds(&job) || !has("GH_TOKEN"), format!("{name} builds code and has a token"));
        fails(
            !runs_suite || has("BINARY_SHA256: ${{ needs.build.outputs.sha256 }}"),
            format!("{name} runs a binary without checking its digest"),
        );
        let attests = has("id-token");
        fails(
            attests == has("actions/attest@"),
            format!("{name}: expected an OIDC token if and only if it attests"),
        );
        fails(
            !attests || !(has("checkout") || has("scripts/") || has("contents:")),
            format!("{name} attests and runs other code"),
        );
        fails(
            !has("contents: write") || has("environment: release"),
            format!("{name} may write but is not in the environment `release`"),
        );
        for line in job.lines().map(str::trim) {
            if let Some(action) = line.strip_prefix("- uses: ").or(line.strip_prefix("uses: ")) {
                let commit = action.split_once('@').unwrap().1.split(' ').next().unwrap();
                let pinned = commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit());
                fails(pinned, format!("{name}: {line} is not pinned to a commit"));
            }
            fails(
                !line.starts_with("run:") || !line.contains("${{"),
                format!("{name}: {line} expands an expression in the command"),
            );
        }
    }
    wrong
}

#[test]
fn case_105_build_jobs_have_no_permissions() {
    let text = workflow_text();
    assert_eq!(permission_violations(&text), Vec::<String>::new());
    let names: Vec<_> = job_texts(&text).iter().map(|it| it.0).collect();
    assert_eq!(names, ["build", "draft", "attest", "publish", "audit"]);
    for file in std::fs::read_dir(workspace_root().join(".github")).unwrap() {
        assert_eq!(
            file.unwrap().file_name(),
            "workflows",
            "a configuration file could make zizmor ignore a finding"
        );
    }
    assert!(!text.contains("zizmor:"), "a comment makes zizmor ignore a finding");
    // Negative twins: each of these edits breaks one rule and must be detected.
    for (from, to) in [
        ("\npermissions: {}\n", "\npermissions: read-all\n"),
        ("    permissions: {}\n    outputs", "    permissions:\n      id-token: write\n    outputs"),
        ("      attestations: read # what was attested", "      id-token: write"),
        (
            "    environment: release\n    permissions:\n      contents: write # the publication",
            "    permissions:\n      contents: write",
        ),
        ("scripts/release/workflow.sh --push --draft", "cargo xtask release --push --draft"),
        ("      BINARY_SHA256: ${{ needs.build.outputs.sha256 }}", "      OTHER: x"),
        (
            "    steps:\n      - name: Write down the digests",
            "    steps:\n      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd\n      - name: Write down the digests",
        ),
        ("actions/attest@1e69f48acb82d1966a394da916b4c1698aa569d6", "actions/attest@v4"),
        (
            "      - name: Hand the binary on",
            "      - uses: actions/cache@de0fac2e4500dabe0009e67214ff5f5447ce83dd\n      - name: Hand the binary on",
        ),
    ] {
        let worse = text.replace(from, to);
        assert_ne!(worse, text, "{from}");
        assert_ne!(permission_violations(&worse), Vec::<String>::new(), "{to} was not detected");
    }
    // A binary with another digest than that of job `build` must not run.
    let bed = TestBed::new();
    let before = bed.remote_state();
    let typed = [("TAG", TAG), ("GH_TOKEN", TOKEN)];
    let other = "0".repeat(64);
    let output =
        run_step(&bed, &step_command("Publish"), &[&typed[..], &[("BINARY_SHA256", &other)]].concat());
    assert!(output.code == 1 && output.stderr.contains("nothing was run"), "{}", output.stderr);
    assert_eq!(bed.remote_state(), before);
    run_step(&bed, &step_command("Publish"), &typed).ok();
    record_case(
        105,
        "a dependency's build script asks for the identity",
        "no permission in that job",
        "attested",
    );
}
