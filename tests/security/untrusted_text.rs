//! Case 100: text from strangers never becomes a command of a terminal, a log, the notes or the files of a workflow.

use std::path::Path;

use emulators::{Fault, FaultKind, FaultTiming};
use serde_json::{Value, json};

use super::record_case;
use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS, release_workflow_run};
use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, run, xtask};
use crate::support::test_bed::{TAG, TestBed, expect_no_secret};

/// Escape sequences, a terminal title, old and new workflow commands, line endings, and characters that change the text
/// direction.
const HOSTILE_TEXT: &str = "\u{1b}]0;owned\u{7}\n::add-mask::owned\r\n\u{a0}::error::owned ##[add-mask]owned x##[error]owned \u{202e}owned\u{2066} \u{9b}31mowned\u{2028}::warning::owned";

/// Asserts that no part of a text can act as a command. `place` names the source of the text.
#[track_caller]
fn expect_harmless(place: &str, text: &str) {
    let found = text.chars().find(|c| {
        c.is_control() && *c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    });
    assert!(found.is_none(), "{place}: {found:?} in\n{text:?}");
    for line in text.lines() {
        let content = line.strip_prefix("::error::").unwrap_or(line);
        assert!(!content.trim_start().starts_with("::"), "{place}: {line:?}");
        assert!(!line.contains("##["), "{place}: {line:?}");
    }
}

/// Runs a command and checks everything that it prints and writes, with the files of GitHub Actions in `home`.
#[track_caller]
fn run_harmless(bed: &TestBed, arguments: &[&str]) -> CapturedOutput {
    let files = ["output", "summary"].map(|it| bed.home.path().join(it));
    for file in &files {
        std::fs::write(file, "").unwrap();
    }
    let mut command = bed.command(arguments);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &files[0]);
    command.env("GITHUB_STEP_SUMMARY", &files[1]).env("RELEASE_HTTP_TRIES", "1");
    let output = expect_no_secret(run(&mut command));
    assert!([0, 1, 2, 10, 11].contains(&output.code), "{arguments:?}: {}\n{}", output.code, output.stderr);
    expect_harmless("stdout", &output.stdout);
    expect_harmless("stderr", &output.stderr);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        expect_harmless("a file of the workflow", &text);
        // A separate line in GITHUB_OUTPUT would set a separate output.
        let keys = ["tag", "display_name", "version_label", "archive", "checksums"];
        let key = |line: &str| keys.contains(&line.split('=').next().unwrap_or_default());
        assert!(!file.ends_with("output") || text.lines().all(key), "{text}");
    }
    output
}

/// Returns copies of a response, each with one string replaced by hostile text. Only the first element of an array is
/// changed.
fn with_hostile_strings(answer: &Value) -> Vec<Value> {
    let texts = string_pointers(answer, &mut String::new());
    let with = |pointer: &String| {
        let mut answer = answer.clone();
        let text = answer.pointer_mut(pointer).unwrap();
        // A URL keeps its prefix. Otherwise it would be rejected before it is printed.
        let address = text.as_str().is_some_and(|it| it.starts_with("http"));
        *text = json!(if address {
            format!("{}/{HOSTILE_TEXT}", text.as_str().unwrap())
        } else {
            HOSTILE_TEXT.to_owned()
        });
        answer
    };
    texts.iter().map(with).collect()
}

fn string_pointers(value: &Value, pointer: &mut String) -> Vec<String> {
    let inside: Vec<(String, &Value)> = match value {
        Value::String(_) => return vec![pointer.clone()],
        Value::Array(all) => all.first().map(|it| ("0".to_owned(), it)).into_iter().collect(),
        Value::Object(all) => all.iter().map(|(key, it)| (key.clone(), it)).collect(),
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (key, child) in inside {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        found.extend(string_pointers(child, pointer));
        pointer.truncate(length);
    }
    found
}

fn response_fault(method: &str, path: &str, status: u16, body: &Value) -> Fault {
    let headers = vec![("x-github-request-id", "::error::owned".to_owned())];
    Fault::once(
        method,
        path,
        FaultKind::CannedResponse { status, headers, body: body.to_string(), timing: FaultTiming::Before },
    )
}

/// Returns the distinct requests of a run, each with its response if that is JSON.
fn recorded_requests(bed: &TestBed, arguments: &[&str]) -> Vec<(String, String, Option<Value>)> {
    bed.github.clear_log();
    run_harmless(bed, arguments);
    let mut all: Vec<(String, String, Option<Value>)> = Vec::new();
    for exchange in bed.github.exchanges() {
        if !exchange.path.starts_with("storage:")
            && !all.iter().any(|(m, p, _)| *m == exchange.method && *p == exchange.path)
        {
            all.push((exchange.method, exchange.path, exchange.body));
        }
    }
    all
}

#[test]
fn case_100_untrusted_text_is_escaped() {
    let responses: usize = std::thread::scope(|scope| {
        let others = [scope.spawn(check_repository_text), scope.spawn(check_bundle_text)];
        let counts = [
            scope.spawn(|| check_read_responses(false)),
            scope.spawn(|| check_read_responses(true)),
            scope.spawn(check_write_responses),
        ];
        for other in others {
            other.join().unwrap();
        }
        counts.map(|it| it.join().unwrap()).iter().sum()
    });
    let outcome = format!("escaped, {responses} responses");
    record_case(100, "escape sequences and commands in untrusted text", &outcome, "shown");
}

/// Changes every string of every response that commands read, and replaces each response by an error, for a draft or a
/// published release. Returns the number of changes.
fn check_read_responses(published: bool) -> usize {
    let bed = TestBed::new();
    bed.github.add_workflow_run("publish-server.yml", TAG, &bed.clone.git(["rev-parse", "HEAD"]), None);
    let mut count = 0;
    if published {
        bed.publish().ok();
    } else {
        let draft = bed.create_release(true);
        bed.upload_asset(draft, "unplanned.txt", b"x");
    }
    for arguments in [
        &["release", TAG, "--push", "--dry-run"][..],
        &["release", TAG, "--push", "--dry-run", "--format", "json"],
        &["audit", TAG, "--channel", "source"],
        &["status"],
    ] {
        for (method, path, body) in recorded_requests(&bed, arguments) {
            for status in [401, 403, 404, 422, 500] {
                bed.github.inject(response_fault(
                    &method,
                    &path,
                    status,
                    &json!({ "message": HOSTILE_TEXT }),
                ));
                run_harmless(&bed, arguments);
            }
            for body in body.iter().flat_map(with_hostile_strings) {
                bed.github.inject(response_fault(&method, &path, 200, &body));
                run_harmless(&bed, arguments);
                count += 1;
            }
        }
    }
    count
}

/// Does the same for the requests by which a release changes GitHub, with a new test bed for each.
fn check_write_responses() -> usize {
    let arguments = ["release", TAG, "--push"];
    let requests = recorded_requests(&TestBed::new(), &arguments);
    let writes: Vec<_> = requests.into_iter().filter(|(method, ..)| method != "GET").collect();
    assert!(writes.len() >= 4, "{writes:?}");
    let mut count = 0;
    for (method, path, body) in &writes {
        let mut bodies =
            vec![(403, json!({ "message": HOSTILE_TEXT, "errors": [{ "code": HOSTILE_TEXT }] }))];
        bodies.extend(body.iter().flat_map(with_hostile_strings).step_by(4).map(|it| (201, it)));
        for (status, body) in bodies {
            let bed = TestBed::new();
            // IDs and digests differ between test beds. The last segment of the path does not.
            let end = path.rsplit('/').next().unwrap();
            bed.github.inject(response_fault(method, end, status, &body));
            run_harmless(&bed, &arguments);
            count += 1;
        }
    }
    // Text that a server sends to git during a push.
    let bed = TestBed::new();
    let hook = bed.github.git_dir().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\ncat >&2 <<'END'\n{HOSTILE_TEXT}\nEND\nexit 1\n")).unwrap();
    run(hermetic_command("chmod", Path::new("/")).arg("+x").arg(&hook)).ok();
    let output = run_harmless(&bed, &arguments);
    assert!(
        output.code == 1 && output.stderr.contains("owned"),
        "the server's text is missing: {}",
        output.stderr
    );
    // URLs of redirects.
    let bed = TestBed::new();
    let to = "http://127.0.0.1:1/\u{202e}::error::owned".to_owned();
    let what = FaultKind::CannedResponse {
        status: 302,
        headers: vec![("location", to)],
        body: HOSTILE_TEXT.to_owned(),
        timing: FaultTiming::Before,
    };
    bed.github.inject(Fault::once("GET", "/repos/acme/widgets", what));
    run_harmless(&bed, &arguments);
    count
}

/// Checks names, subjects, people, files and settings of a repository.
fn check_repository_text() {
    let line = HOSTILE_TEXT.replace(['\n', '\r'], " ");
    let mut fixture = TestRepository::with_release();
    let file = format!("server/{}", line.replace('/', "_"));
    fixture.git(["config", "user.name", &line]);
    fixture.commit(
        &format!("feat(server): {line}\n\nCo-authored-by: {line} <{line}>\nCloses #1\n"),
        &[(&file, "x")],
    );
    fixture.commit("fix(server): ::error::owned", &[("server/::error::owned ##[error]owned", "x")]);
    let bed = TestBed::with_clone(fixture);
    bed.github.configure(|it| it.accounts[0].login = "owned](https://x) @evil".to_owned());
    let catalog = include_str!("../../release.toml");
    let named = catalog
        .replace("display_name = \"", "display_name = \"::error::owned ##[error]owned [x](https://x) @evil ");
    bed.clone.write_file(".git/release.toml", named.as_bytes());
    let config = bed.clone.path().join(".git/release.toml");
    let config = ["--config", config.to_str().unwrap()];
    let before = [
        &["notes", TAG][..],
        &["notes", TAG, "--format", "json"],
        &["status"],
        &["targets"],
        &["doctor", TAG],
        &["release", TAG, "--push", "--dry-run"],
        &["rehearse", TAG],
        &["release", TAG, "--push"],
        &["audit", TAG, "--channel", "source"],
        &["audit", "--all", "--channel", "source"],
        &["verify-tag", TAG],
        &["archive", TAG],
    ];
    for arguments in before {
        let output = run_harmless(&bed, &[arguments, &config].concat());
        assert_ne!(output.code, 2, "{arguments:?}: {}", output.stderr);
    }
    let notes = bed.only_release()["body"].as_str().unwrap().to_owned();
    expect_harmless("the notes", &notes);
    assert!(notes.contains("owned") && !notes.contains("(https://x)") && !notes.contains("@evil"), "{notes}");
    // Characters that no display name needs are refused.
    bed.clone.write_file(".git/release.toml", named.replacen("owned", "\\u202e", 1).as_bytes());
    assert_eq!(run_harmless(&bed, &[&["targets"], &config[..]].concat()).code, 2);
    // A tag name and a URL of the remote that change the text direction. git allows both.
    let bed = TestBed::new();
    bed.clone.git(["tag", "server/v0.1.0-\u{202e}"]);
    bed.clone.git(["config", "remote.origin.url", "https://example.com/\u{202e}::error::/x.git"]);
    for arguments in [
        &["status"][..],
        &["targets"],
        &["audit", "--all", "--channel", "source"],
        &["verify-tag", "server/v0.1.0-\u{202e}"],
    ] {
        run_harmless(&bed, arguments);
    }
}

/// Checks statements, certificates and errors of bundles.
fn check_bundle_text() {
    let mut attested_file = AttestedFile::new();
    let statement = attested_file.statement();
    let pointers = string_pointers(&statement, &mut String::new());
    assert!(pointers.len() > 5, "{pointers:?}");
    let claims = release_workflow_run().claims();
    for pointer in &pointers {
        let mut poisoned = statement.clone();
        *poisoned.pointer_mut(pointer).unwrap() = json!(HOSTILE_TEXT);
        let bundle = attested_file.attest(&claims, &poisoned);
        verify_harmless(&attested_file, &bundle);
    }
    for extension in 1..=22 {
        let bundle =
            attested_file.attest(&claims.clone().with_extension(extension, HOSTILE_TEXT), &statement);
        verify_harmless(&attested_file, &bundle);
    }
    let bundle = attested_file.attest(&claims, &statement);
    for poisoned in with_hostile_strings(&bundle) {
        verify_harmless(&attested_file, &poisoned);
    }
}

/// Verifies a file with a bundle, with JSON and with text output.
#[track_caller]
fn verify_harmless(attested_file: &AttestedFile, bundle: &Value) {
    let output = attested_file.verify(bundle, &RELEASE_POLICY_FLAGS);
    expect_harmless("stdout", &output.stdout);
    expect_harmless("stderr", &output.stderr);
    let mut command = xtask(attested_file.folder.path());
    command
        .args(["verify", &attested_file.file_path(), "-R", "acme/widgets", "--bundle"])
        .arg(attested_file.path("bundle.json"));
    let output =
        run(command.arg("--trusted-root").arg(attested_file.path("root.json")).args(RELEASE_POLICY_FLAGS));
    assert!([0, 10, 11].contains(&output.code), "{}", output.stderr);
    expect_harmless("stdout", &output.stdout);
    expect_harmless("stderr", &output.stderr);
}

#[test]
fn harmless_untrusted_text_is_unchanged() {
    let bed = TestBed::new();
    let message = "größer — 中文 🎉 a::b";
    bed.github.inject(response_fault("GET", "/repos/acme/widgets", 403, &json!({ "message": message })));
    let output = run_harmless(&bed, &["release", TAG, "--push", "--dry-run"]);
    assert!(
        format!("{}{}", output.stdout, output.stderr).contains(message),
        "{}{}",
        output.stdout,
        output.stderr
    );
    run_harmless(&bed, &["release", TAG, "--push"]).ok();
    assert_eq!(bed.only_release()["draft"], false);
}
