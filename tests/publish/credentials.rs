//! Who may, how much, and where secrets go.

use std::process::Command;

use emulators::{Fault, FaultKind, FaultTiming};
use serde_json::json;

use crate::support::repository::{Ran, run};
use crate::support::test_bed::{TAG, TOKEN, World, secrets, without_secret};

/// Runs a release with other variables.
#[track_caller]
fn with(world: &World, variables: &[(&str, &str)]) -> Ran {
    let mut command = world.command(&["release", TAG, "--push"]);
    command.envs(variables.iter().copied());
    without_secret(run(&mut command))
}

#[test]
fn credentials_are_looked_at_before_anything_is_made() {
    let world = World::new();
    world.github.configure(|it| it.read_token = Some("invented-reader".to_owned()));
    world.clone.git(["config", "--rename-section", "credential", "put-away"]);
    for (token, word) in [("invented-reader", "may not push"), ("", "there is no token")] {
        let ran = with(&world, &[("GH_TOKEN", token)]);
        assert!(ran.code == 1 && ran.stdout.contains(word) && ran.stdout.contains("hint:"), "{}", ran.stdout);
    }
    let ran = with(&world, &[("GH_TOKEN", "expired")]);
    assert!(ran.code == 1 && ran.stderr.contains("401: Bad credentials (request "), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: the token is not valid"), "{}", ran.stderr);
    assert!(world.github.releases().is_empty() && !world.clone.path().join("dist").exists());
    world.clone.git(["config", "--rename-section", "put-away", "credential"]);
    with(&world, &[("GH_TOKEN", ""), ("GITHUB_TOKEN", TOKEN)]).ok();
}

#[test]
fn the_token_of_a_workflow_run_starts_no_workflow_and_that_is_said() {
    let world = World::new();
    world.github.configure(|it| it.app_token = Some("ghs_invented".to_owned()));
    let run = [("GH_TOKEN", ""), ("GITHUB_TOKEN", "ghs_invented"), ("GITHUB_ACTIONS", "true")];
    let ran = with(&world, &run).ok();
    assert!(ran.stdout.contains("starts no workflow"), "{}", ran.stdout);
    let world = World::new();
    world.github.configure(|it| it.app_token = Some("ghs_invented".to_owned()));
    let ran = with(&world, &[("GH_TOKEN", "ghs_invented")]).ok();
    assert!(ran.stdout.contains("does not tell what it may do"), "{}", ran.stdout);
    let world = World::new();
    let ran = with(&world, &[]).ok();
    assert!(ran.stdout.contains("16 of 17 passed"), "{}", ran.stdout);
}

#[test]
fn a_token_travels_to_github_alone() {
    let world = World::new();
    world.publish().ok();
    let exchanges = world.github.exchanges();
    let storage: Vec<_> = exchanges.iter().filter(|it| it.path.starts_with("storage:")).collect();
    assert!(storage.len() >= 2 && storage.iter().all(|it| !it.authorized), "{storage:?}");
    let audit: Vec<_> = exchanges.iter().skip_while(|it| it.method != "PATCH").collect();
    let download = audit.iter().position(|it| it.path.contains("/download/")).unwrap();
    assert!(!audit[download - 1].authorized, "the audit asks with credentials: {:?}", audit[download - 1]);
    for api in [
        "http://github.example.com",
        "http://127.evil.example",
        "http://user:pw@127.0.0.1:1",
        "ftp://127.0.0.1",
        "nonsense",
    ] {
        let ran = with(&world, &[("GITHUB_API_URL", api)]);
        assert!(ran.code == 1 && ran.stderr.contains("cannot be talked to"), "{api}: {}", ran.stderr);
    }
}

#[test]
fn assets_and_redirects_stay_on_githubs_host() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let address = format!("http://{}", elsewhere.local_addr().unwrap());
    let world = World::new();
    let planned = world.run(&["release", TAG, "--push", "--dry-run", "--format", "json"]).ok().json();
    let draft = json!({
        "id": 1, "tag_name": TAG, "draft": true, "prerelease": false, "html_url": "x",
        "name": "OpenSandbox Server v0.1.1", "body": planned["notes"],
        "upload_url": format!("{address}/assets{{?name,label}}"),
    });
    let what = FaultKind::CannedResponse {
        status: 201,
        headers: Vec::new(),
        body: draft.to_string(),
        timing: FaultTiming::Before,
    };
    world.github.inject(Fault::once("POST", "/releases", what));
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("assets would go to another host"), "{}", ran.stderr);
    let headers = vec![("location", format!("{address}/repos/acme/gadgets"))];
    let what = FaultKind::CannedResponse {
        status: 301,
        headers,
        body: "{\"message\":\"Moved Permanently\"}".to_owned(),
        timing: FaultTiming::Before,
    };
    world.github.inject(Fault::once("GET", "/repos/acme/widgets", what));
    let ran = world.publish();
    assert!(
        ran.code == 1 && ran.stderr.contains("has moved to") && ran.stderr.contains("-R OWNER/NAME"),
        "{}",
        ran.stderr
    );
    let headers = vec![("link", format!("<{address}/releases?page=2>; rel=\"next\""))];
    let what = FaultKind::CannedResponse {
        status: 200,
        headers,
        body: "[]".to_owned(),
        timing: FaultTiming::Before,
    };
    world.github.inject(Fault {
        method: "GET".into(),
        path: "/releases".into(),
        skip_count: 1,
        times: 1,
        kind: what,
    });
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("is on another host"), "{}", ran.stderr);
    assert!(elsewhere.accept().is_err(), "somebody called the other host");
}

#[test]
fn pages_of_a_list_are_followed() {
    let world = World::new();
    let oldest = world.made(true);
    for number in 0..101 {
        let body = json!({ "tag_name": format!("other/v0.0.{number}"), "draft": true });
        world.rest("POST", "/releases", Some(&body));
    }
    let done = world.publish().ok().json();
    assert_eq!(done["release"]["id"], oldest, "the draft on the second page was not seen");
}

#[test]
fn a_proxy_is_used() {
    let world = World::new();
    let proxy = world.github.api_url();
    let variables = [
        ("GITHUB_API_URL", "http://api.github.localhost"),
        ("HTTP_PROXY", proxy.as_str()),
        ("http_proxy", proxy.as_str()),
        ("NO_PROXY", "127.0.0.1"),
    ];
    let ran = with(&world, &variables).ok();
    assert!(ran.stdout.contains("http://github.localhost/acme/widgets/releases/tag/"), "{}", ran.stdout);
    let world = World::new();
    let mut without = variables;
    without[1].1 = "http://127.0.0.1:1";
    without[2].1 = "http://127.0.0.1:1";
    let ran = with(&world, &without);
    assert!(ran.code == 1 && ran.stderr.contains("proxy variables"), "{}", ran.stderr);
}

#[test]
fn an_enterprise_server_has_its_api_under_a_path() {
    let world = World::new();
    let api = format!("{}/api/v3", world.github.api_url());
    let ran = with(&world, &[("GITHUB_API_URL", &api)]).ok();
    assert!(ran.stdout.contains("Published: "), "{}", ran.stdout);
}

#[test]
fn what_comes_slowly_comes_and_what_stops_does_not_hold_a_run_up_for_ever() {
    let world = World::new();
    let slow = FaultKind::SlowResponse(std::time::Duration::from_millis(300));
    world.github.inject(Fault {
        method: "GET".into(),
        path: String::new(),
        skip_count: 3,
        times: 3,
        kind: slow,
    });
    world.publish().ok();
    let world = World::new();
    let stopped = FaultKind::SlowResponse(std::time::Duration::from_secs(60));
    world.github.inject(Fault {
        method: "GET".into(),
        path: "/repos/".into(),
        skip_count: 0,
        times: 9,
        kind: stopped,
    });
    let ran = with(&world, &[("RELEASE_HTTP_TIMEOUT", "0.3"), ("RELEASE_HTTP_TRIES", "2")]);
    assert!(ran.code == 1 && ran.stderr.contains("the answer does not go on"), "{}", ran.stderr);
}

#[test]
fn limits_end_a_run_that_the_next_one_finishes() {
    let world = World::new();
    world.github.configure(|it| it.rate_limit = 12);
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("GitHub asks to wait for 36"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: wait, then run again"), "{}", ran.stderr);
    world.github.configure(|it| it.rate_limit = 5000);
    world.publish().ok();
}

#[test]
fn accounts_of_authors_are_asked_once_and_may_be_missing() {
    let asked =
        |world: &World| world.github.exchanges().iter().filter(|it| it.path.contains("/commits/")).count();
    let world = World::new();
    world.publish().ok();
    assert_eq!(asked(&world), 1);
    assert!(world.release()["body"].as_str().unwrap().contains("- @ada-example"));
    world.publish().ok();
    assert_eq!(asked(&world), 1, "what is known was asked again");
    let world = World::new();
    let what = FaultKind::CannedResponse {
        status: 404,
        headers: Vec::new(),
        body: "{\"message\":\"Not Found\"}".into(),
        timing: FaultTiming::Before,
    };
    world.github.inject(Fault::once("GET", "/commits/", what));
    world.publish().ok();
    assert!(world.release()["body"].as_str().unwrap().contains("- Ada Example"));
    let world = World::new();
    world.github.configure(|it| it.rate_limit = 100);
    world.publish().ok();
    assert_eq!(asked(&world), 0, "the last requests of the hour went to accounts");
}

#[test]
fn one_run_at_a_time_for_a_tag() {
    let world = World::new();
    world.github.inject(Fault::once(
        "POST",
        "/releases",
        FaultKind::DelayResponse(std::time::Duration::from_millis(900)),
    ));
    let mut first = world.command(&["release", TAG, "--push"]);
    let mut first =
        first.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    while world.github.pending_faults() > 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let elsewhere = world.home.path().join("out");
    let second = world.run(&["release", TAG, "--push", "--out", elsewhere.to_str().unwrap()]);
    assert!(
        second.code == 1 && second.stderr.contains("another run on this machine publishes"),
        "{}",
        second.stderr
    );
    assert!(second.stderr.contains("hint: wait for it to end"), "{}", second.stderr);
    assert!(first.wait().unwrap().success());
    assert_eq!(world.github.releases().len(), 1);
    world.run(&["release", TAG, "--push", "--out", elsewhere.to_str().unwrap()]).ok();
}

#[test]
fn secrets_in_addresses_are_not_told() {
    let world = World::new();
    let url = world.github.clone_url().replace("http://", &format!("http://x-access-token:{TOKEN}@"));
    world.clone.git(["remote", "set-url", "origin", &url]);
    world.publish().ok();
    let world = World::new();
    let gone = format!("http://x-access-token:{TOKEN}@127.0.0.1:1/acme/widgets.git");
    world.clone.git(["remote", "set-url", "origin", &gone]);
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("cannot be asked"), "{}", ran.stderr);
    // A token as a name: git would show it where it cannot ask for a password.
    let named = world.github.clone_url().replace("http://", &format!("http://{TOKEN}@"));
    world.github.configure(|it| it.private = true);
    world.clone.git(["config", "--rename-section", "credential", "put-away"]);
    world.clone.git(["remote", "set-url", "origin", &named]);
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("cannot be asked"), "{}", ran.stderr);
    let ran = with(&world, &[("GITHUB_API_URL", &format!("https://x:{TOKEN}@ghe.example.com/api/v3"))]);
    assert!(ran.code == 1 && ran.stderr.contains("https://***@ghe.example.com"), "{}", ran.stderr);
    // Every run of every world is searched, and every file that it left when the world ends; the search finds something.
    let planted = world.home.path().join("planted");
    std::fs::write(&planted, format!("Authorization: Bearer {TOKEN}\n")).unwrap();
    assert_eq!(secrets(world.home.path()), std::slice::from_ref(&planted));
    std::fs::remove_file(planted).unwrap();
}

#[test]
fn tokens_of_helpers_are_found() {
    let world = World::new();
    let bin = world.home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let gh = bin.join("gh");
    std::fs::write(
        &gh,
        format!("#!/bin/sh\n[ \"$*\" = \"auth token --hostname github.com\" ] && echo {TOKEN}\n"),
    )
    .unwrap();
    run(Command::new("chmod").arg("+x").arg(&gh)).ok();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let ran = with(&world, &[("GH_TOKEN", ""), ("PATH", &path)]).ok();
    assert!(ran.stdout.contains("Published"), "{}", ran.stdout);
}
