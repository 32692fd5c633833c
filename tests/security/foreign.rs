//! Case 100: what strangers write reaches neither a terminal, nor a log, the notes or the files of a workflow as a command.

use std::path::Path;

use emulators::{Fault, FaultKind, FaultTiming};
use serde_json::{Value, json};

use super::record;
use crate::support::attested_file::{Minted, POLICY, release_run};
use crate::support::repository::{Fixture, Ran, hermetic, run, xtask};
use crate::support::test_bed::{TAG, World, without_secret};

/// Escape sequences, a title for the terminal, workflow commands old and new, line ends, directions of writing.
const POISON: &str = "\u{1b}]0;owned\u{7}\n::add-mask::owned\r\n\u{a0}::error::owned ##[add-mask]owned x##[error]owned \u{202e}owned\u{2066} \u{9b}31mowned\u{2028}::warning::owned";

/// Every way in which a text could be obeyed, by the place where it was found.
#[track_caller]
fn obeyed(place: &str, text: &str) {
    let found = text.chars().find(|c| {
        c.is_control() && *c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    });
    assert!(found.is_none(), "{place}: {found:?} in\n{text:?}");
    for line in text.lines() {
        let own = line.strip_prefix("::error::").unwrap_or(line);
        assert!(!own.trim_start().starts_with("::"), "{place}: {line:?}");
        assert!(!line.contains("##["), "{place}: {line:?}");
    }
}

/// What a run says and writes, with the files of GitHub Actions in `home`.
#[track_caller]
fn said(world: &World, arguments: &[&str]) -> Ran {
    let files = ["output", "summary"].map(|it| world.home.path().join(it));
    for file in &files {
        std::fs::write(file, "").unwrap();
    }
    let mut command = world.command(arguments);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &files[0]);
    command.env("GITHUB_STEP_SUMMARY", &files[1]).env("RELEASE_HTTP_TRIES", "1");
    let ran = without_secret(run(&mut command));
    assert!([0, 1, 2, 10, 11].contains(&ran.code), "{arguments:?}: {}\n{}", ran.code, ran.stderr);
    obeyed("stdout", &ran.stdout);
    obeyed("stderr", &ran.stderr);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        obeyed("a file of the workflow", &text);
        // A line of its own in GITHUB_OUTPUT would be an output of its own.
        let keys = ["tag", "display_name", "version_label", "archive", "checksums"];
        let key = |line: &str| keys.contains(&line.split('=').next().unwrap_or_default());
        assert!(!file.ends_with("output") || text.lines().all(key), "{text}");
    }
    ran
}

/// The answer with each of its strings poisoned, one after the other; of lists the first element alone.
fn poisoned(answer: &Value) -> Vec<Value> {
    let texts = strings(answer, &mut String::new());
    let with = |pointer: &String| {
        let mut answer = answer.clone();
        let text = answer.pointer_mut(pointer).unwrap();
        // An address stays one, or it would be refused before it is told.
        let address = text.as_str().is_some_and(|it| it.starts_with("http"));
        *text =
            json!(if address { format!("{}/{POISON}", text.as_str().unwrap()) } else { POISON.to_owned() });
        answer
    };
    texts.iter().map(with).collect()
}

fn strings(value: &Value, at: &mut String) -> Vec<String> {
    let inside: Vec<(String, &Value)> = match value {
        Value::String(_) => return vec![at.clone()],
        Value::Array(all) => all.first().map(|it| ("0".to_owned(), it)).into_iter().collect(),
        Value::Object(all) => all.iter().map(|(key, it)| (key.clone(), it)).collect(),
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (key, it) in inside {
        let length = at.len();
        at.push('/');
        at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        found.extend(strings(it, at));
        at.truncate(length);
    }
    found
}

fn answer(method: &str, path: &str, status: u16, body: &Value) -> Fault {
    let headers = vec![("x-github-request-id", "::error::owned".to_owned())];
    Fault::once(
        method,
        path,
        FaultKind::CannedResponse { status, headers, body: body.to_string(), timing: FaultTiming::Before },
    )
}

/// The requests of a run, each with an answer, if it was JSON.
fn asked(world: &World, arguments: &[&str]) -> Vec<(String, String, Option<Value>)> {
    world.github.clear_log();
    said(world, arguments);
    let mut all: Vec<(String, String, Option<Value>)> = Vec::new();
    for it in world.github.exchanges() {
        if !it.path.starts_with("storage:") && !all.iter().any(|(m, p, _)| *m == it.method && *p == it.path) {
            all.push((it.method, it.path, it.body));
        }
    }
    all
}

#[test]
fn case_100_what_strangers_write_is_never_obeyed() {
    from_repositories();
    let read = from_servers_that_are_read();
    let written = from_servers_that_are_written_to();
    from_bundles();
    let outcome = format!("escaped, {} answers", read + written);
    record(100, "escape sequences and commands in foreign text", &outcome, "shown");
}

/// Every string of every answer that commands read, and messages instead of each.
fn from_servers_that_are_read() -> usize {
    let world = World::new();
    world.github.add_workflow_run("publish-server.yml", TAG, &world.clone.git(["rev-parse", "HEAD"]), None);
    let mut count = 0;
    for published in [false, true] {
        if published {
            world.publish().ok();
        } else {
            let draft = world.made(true);
            world.put(draft, "unplanned.txt", b"x");
        }
        for arguments in [
            &["release", TAG, "--push", "--dry-run"][..],
            &["release", TAG, "--push", "--dry-run", "--format", "json"],
            &["audit", TAG],
            &["status"],
        ] {
            for (method, path, body) in asked(&world, arguments) {
                for status in [401, 403, 404, 422, 500] {
                    world.github.inject(answer(&method, &path, status, &json!({ "message": POISON })));
                    said(&world, arguments);
                }
                for body in body.iter().flat_map(poisoned) {
                    world.github.inject(answer(&method, &path, 200, &body));
                    said(&world, arguments);
                    count += 1;
                }
            }
        }
        let releases = world.github.releases();
        for id in releases.iter().filter(|_| !published).filter_map(|it| it["id"].as_u64()) {
            world.rest("DELETE", &format!("/releases/{id}"), None);
        }
    }
    count
}

/// The same for what a release changes, a new world for each.
fn from_servers_that_are_written_to() -> usize {
    let arguments = ["release", TAG, "--push"];
    let requests = asked(&World::new(), &arguments);
    let writes: Vec<_> = requests.into_iter().filter(|(method, ..)| method != "GET").collect();
    assert!(writes.len() >= 4, "{writes:?}");
    let mut count = 0;
    for (method, path, body) in &writes {
        let mut bodies = vec![(403, json!({ "message": POISON, "errors": [{ "code": POISON }] }))];
        bodies.extend(body.iter().flat_map(poisoned).step_by(4).map(|it| (201, it)));
        for (status, body) in bodies {
            let world = World::new();
            // Numbers and digests differ from world to world; the end of the path does not.
            let end = path.rsplit('/').next().unwrap();
            world.github.inject(answer(method, end, status, &body));
            said(&world, &arguments);
            count += 1;
        }
    }
    // What a server says to git while it takes a push.
    let world = World::new();
    let hook = world.github.git_dir().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\ncat >&2 <<'END'\n{POISON}\nEND\nexit 1\n")).unwrap();
    run(hermetic("chmod", Path::new("/")).arg("+x").arg(&hook)).ok();
    let ran = said(&world, &arguments);
    assert!(ran.code == 1 && ran.stderr.contains("owned"), "the server was not heard: {}", ran.stderr);
    // Addresses that answers lead to.
    let world = World::new();
    let to = "http://127.0.0.1:1/\u{202e}::error::owned".to_owned();
    let what = FaultKind::CannedResponse {
        status: 302,
        headers: vec![("location", to)],
        body: POISON.to_owned(),
        timing: FaultTiming::Before,
    };
    world.github.inject(Fault::once("GET", "/repos/acme/widgets", what));
    said(&world, &arguments);
    count
}

/// Names, subjects, people, files and settings of a repository.
fn from_repositories() {
    let line = POISON.replace(['\n', '\r'], " ");
    let mut fixture = Fixture::released();
    let file = format!("server/{}", line.replace('/', "_"));
    fixture.git(["config", "user.name", &line]);
    fixture.commit(
        &format!("feat(server): {line}\n\nCo-authored-by: {line} <{line}>\nCloses #1\n"),
        &[(&file, "x")],
    );
    fixture.commit("fix(server): ::error::owned", &[("server/::error::owned ##[error]owned", "x")]);
    let world = World::of(fixture);
    world.github.configure(|it| it.accounts[0].login = "owned](https://x) @evil".to_owned());
    let catalog = include_str!("../../release.toml");
    let named = catalog
        .replace("display_name = \"", "display_name = \"::error::owned ##[error]owned [x](https://x) @evil ");
    world.clone.write(".git/release.toml", named.as_bytes());
    let config = world.clone.path().join(".git/release.toml");
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
        &["audit", TAG],
        &["audit", "--all"],
        &["verify-tag", TAG],
        &["archive", TAG],
    ];
    for arguments in before {
        let ran = said(&world, &[arguments, &config].concat());
        assert_ne!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
    }
    let notes = world.release()["body"].as_str().unwrap().to_owned();
    obeyed("the notes", &notes);
    assert!(notes.contains("owned") && !notes.contains("(https://x)") && !notes.contains("@evil"), "{notes}");
    // What no display name needs is refused.
    world.clone.write(".git/release.toml", named.replacen("owned", "\\u202e", 1).as_bytes());
    assert_eq!(said(&world, &[&["targets"], &config[..]].concat()).code, 2);
    // A name on the remote that turns the direction of writing; git allows it.
    let world = World::new();
    world.clone.git(["tag", "server/v0.1.0-\u{202e}"]);
    world.clone.git(["config", "remote.origin.url", "https://example.com/\u{202e}::error::/x.git"]);
    for arguments in
        [&["status"][..], &["targets"], &["audit", "--all"], &["verify-tag", "server/v0.1.0-\u{202e}"]]
    {
        said(&world, arguments);
    }
}

/// Statements, certificates and errors of bundles.
fn from_bundles() {
    let mut minted = Minted::new();
    let statement = minted.statement();
    let pointers = strings(&statement, &mut String::new());
    assert!(pointers.len() > 5, "{pointers:?}");
    let claims = release_run().claims();
    for pointer in &pointers {
        let mut poisoned = statement.clone();
        *poisoned.pointer_mut(pointer).unwrap() = json!(POISON);
        let bundle = minted.attest(&claims, &poisoned);
        verified(&minted, &bundle);
    }
    for extension in 1..=22 {
        let bundle = minted.attest(&claims.clone().with_extension(extension, POISON), &statement);
        verified(&minted, &bundle);
    }
    let bundle = minted.attest(&claims, &statement);
    for poisoned in poisoned(&bundle) {
        verified(&minted, &poisoned);
    }
}

/// Verifies a file with a bundle, for people and for scripts.
#[track_caller]
fn verified(minted: &Minted, bundle: &Value) {
    let ran = minted.verify(bundle, &POLICY);
    obeyed("stdout", &ran.stdout);
    obeyed("stderr", &ran.stderr);
    let mut command = xtask(minted.folder.path());
    command
        .args(["verify", &minted.file(), "-R", "acme/widgets", "--bundle"])
        .arg(minted.path("bundle.json"));
    let ran = run(command.arg("--trusted-root").arg(minted.path("root.json")).args(POLICY));
    assert!([0, 10, 11].contains(&ran.code), "{}", ran.stderr);
    obeyed("stdout", &ran.stdout);
    obeyed("stderr", &ran.stderr);
}

#[test]
fn plain_text_of_strangers_is_shown_as_it_is() {
    let world = World::new();
    let message = "größer — 中文 🎉 a::b";
    world.github.inject(answer("GET", "/repos/acme/widgets", 403, &json!({ "message": message })));
    let ran = said(&world, &["release", TAG, "--push", "--dry-run"]);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains(message), "{}{}", ran.stdout, ran.stderr);
    said(&world, &["release", TAG, "--push"]).ok();
    assert_eq!(world.release()["draft"], false);
}
