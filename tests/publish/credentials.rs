//! Tokens and their permissions, rate limits, proxies, and where credentials are sent.

use std::process::Command;

use emulators::{Fault, FaultKind, FaultTiming};
use serde_json::json;

use crate::support::repository::{CapturedOutput, run};
use crate::support::test_bed::{TAG, TOKEN, TestBed, expect_no_secret, files_with_token};

/// Runs a release with these environment variables set in addition. Panics if the output contains the token.
#[track_caller]
fn release_with_variables(bed: &TestBed, variables: &[(&str, &str)]) -> CapturedOutput {
    let mut command = bed.command(&["release", TAG, "--push"]);
    command.envs(variables.iter().copied());
    expect_no_secret(run(&mut command))
}

#[test]
fn credentials_are_checked_before_any_change() {
    let bed = TestBed::new();
    bed.github.configure(|it| it.read_token = Some("invented-reader".to_owned()));
    bed.clone.git(["config", "--rename-section", "credential", "put-away"]);
    for (token, word) in [("invented-reader", "may not push"), ("", "no token for github.com")] {
        let output = release_with_variables(&bed, &[("GH_TOKEN", token)]);
        assert!(
            output.code == 1 && output.stdout.contains(word) && output.stdout.contains("hint:"),
            "{}",
            output.stdout
        );
    }
    let output = release_with_variables(&bed, &[("GH_TOKEN", "expired")]);
    assert!(
        output.code == 1 && output.stderr.contains("401: Bad credentials (request "),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("hint: the token is not valid"), "{}", output.stderr);
    assert!(bed.github.releases().is_empty() && !bed.clone.path().join("dist").exists());
    bed.clone.git(["config", "--rename-section", "put-away", "credential"]);
    release_with_variables(&bed, &[("GH_TOKEN", ""), ("GITHUB_TOKEN", TOKEN)]).ok();
}

#[test]
fn workflow_token_warns_that_no_workflow_starts() {
    let bed = TestBed::new();
    bed.github.configure(|it| it.app_token = Some("ghs_invented".to_owned()));
    let run = [("GH_TOKEN", ""), ("GITHUB_TOKEN", "ghs_invented"), ("GITHUB_ACTIONS", "true")];
    let output = release_with_variables(&bed, &run).ok();
    assert!(output.stdout.contains("starts no other workflow"), "{}", output.stdout);
    let bed = TestBed::new();
    bed.github.configure(|it| it.app_token = Some("ghs_invented".to_owned()));
    let output = release_with_variables(&bed, &[("GH_TOKEN", "ghs_invented")]).ok();
    assert!(
        output.stdout.contains("GitHub does not report what the token from GH_TOKEN may do"),
        "{}",
        output.stdout
    );
    let bed = TestBed::new();
    let output = release_with_variables(&bed, &[]).ok();
    assert!(output.stdout.contains("17 of 18 passed"), "{}", output.stdout);
}

#[test]
fn token_is_sent_to_the_github_api_only() {
    let bed = TestBed::new();
    bed.publish().ok();
    let exchanges = bed.github.exchanges();
    let storage: Vec<_> = exchanges.iter().filter(|it| it.path.starts_with("storage:")).collect();
    assert!(storage.len() >= 2 && storage.iter().all(|it| !it.authorized), "{storage:?}");
    let audit: Vec<_> = exchanges.iter().skip_while(|it| it.method != "PATCH").collect();
    let download = audit.iter().position(|it| it.path.contains("/download/")).unwrap();
    assert!(!audit[download - 1].authorized, "the audit sent credentials: {:?}", audit[download - 1]);
    for api in [
        "http://github.example.com",
        "http://127.evil.example",
        "http://user:pw@127.0.0.1:1",
        "ftp://127.0.0.1",
        "nonsense",
    ] {
        let output = release_with_variables(&bed, &[("GITHUB_API_URL", api)]);
        assert!(output.code == 1 && output.stderr.contains("cannot use the URL"), "{api}: {}", output.stderr);
    }
}

#[test]
fn other_hosts_in_responses_are_not_contacted() {
    let other_host = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    other_host.set_nonblocking(true).unwrap();
    let address = format!("http://{}", other_host.local_addr().unwrap());
    let bed = TestBed::new();
    let planned = bed.run(&["release", TAG, "--push", "--dry-run", "--format", "json"]).ok().json();
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
    bed.github.inject(Fault::once("POST", "/releases", what));
    let output = bed.publish();
    assert!(
        output.code == 1 && output.stderr.contains("upload URL of the release is on another host"),
        "{}",
        output.stderr
    );
    let headers = vec![("location", format!("{address}/repos/acme/gadgets"))];
    let what = FaultKind::CannedResponse {
        status: 301,
        headers,
        body: "{\"message\":\"Moved Permanently\"}".to_owned(),
        timing: FaultTiming::Before,
    };
    bed.github.inject(Fault::once("GET", "/repos/acme/widgets", what));
    let output = bed.publish();
    assert!(
        output.code == 1 && output.stderr.contains("has moved to") && output.stderr.contains("-R OWNER/NAME"),
        "{}",
        output.stderr
    );
    let headers = vec![("link", format!("<{address}/releases?page=2>; rel=\"next\""))];
    let what = FaultKind::CannedResponse {
        status: 200,
        headers,
        body: "[]".to_owned(),
        timing: FaultTiming::Before,
    };
    bed.github.inject(Fault {
        method: "GET".into(),
        path: "/releases".into(),
        skip_count: 1,
        times: 1,
        kind: what,
    });
    let output = bed.publish();
    assert!(output.code == 1 && output.stderr.contains("is on another host"), "{}", output.stderr);
    assert!(other_host.accept().is_err(), "the other host was contacted");
}

#[test]
fn release_list_pages_are_followed() {
    let bed = TestBed::new();
    let oldest = bed.create_release(true);
    for number in 0..101 {
        let body = json!({ "tag_name": format!("other/v0.0.{number}"), "draft": true });
        bed.rest_request("POST", "/releases", Some(&body));
    }
    let done = bed.publish().ok().json();
    assert_eq!(done["release"]["id"], oldest, "the draft on the second page was not found");
}

#[test]
fn proxy_variables_are_used() {
    let bed = TestBed::new();
    let proxy = bed.github.api_url();
    let variables = [
        ("GITHUB_API_URL", "http://api.github.localhost"),
        ("HTTP_PROXY", proxy.as_str()),
        ("http_proxy", proxy.as_str()),
        ("NO_PROXY", "127.0.0.1"),
    ];
    let output = release_with_variables(&bed, &variables).ok();
    assert!(
        output.stdout.contains("http://github.localhost/acme/widgets/releases/tag/"),
        "{}",
        output.stdout
    );
    let bed = TestBed::new();
    let mut without = variables;
    without[1].1 = "http://127.0.0.1:1";
    without[2].1 = "http://127.0.0.1:1";
    let output = release_with_variables(&bed, &without);
    assert!(output.code == 1 && output.stderr.contains("proxy variables"), "{}", output.stderr);
}

#[test]
fn enterprise_api_path_is_used() {
    let bed = TestBed::new();
    let api = format!("{}/api/v3", bed.github.api_url());
    let output = release_with_variables(&bed, &[("GITHUB_API_URL", &api)]).ok();
    assert!(output.stdout.contains("Published: "), "{}", output.stdout);
}

#[test]
fn stalled_response_times_out() {
    let bed = TestBed::new();
    let slow = FaultKind::SlowResponse(std::time::Duration::from_millis(300));
    bed.github.inject(Fault {
        method: "GET".into(),
        path: String::new(),
        skip_count: 3,
        times: 3,
        kind: slow,
    });
    bed.publish().ok();
    let bed = TestBed::new();
    let stopped = FaultKind::SlowResponse(std::time::Duration::from_secs(60));
    bed.github.inject(Fault {
        method: "GET".into(),
        path: "/repos/".into(),
        skip_count: 0,
        times: 9,
        kind: stopped,
    });
    let output =
        release_with_variables(&bed, &[("RELEASE_HTTP_TIMEOUT", "0.3"), ("RELEASE_HTTP_TRIES", "2")]);
    assert!(output.code == 1 && output.stderr.contains("the response stalled"), "{}", output.stderr);
}

#[test]
fn rate_limited_run_is_finished_by_the_next() {
    let bed = TestBed::new();
    bed.github.configure(|it| it.rate_limit = 12);
    let output = bed.publish();
    assert!(output.code == 1 && output.stderr.contains("GitHub asks to wait for 36"), "{}", output.stderr);
    assert!(output.stderr.contains("hint: wait, then run again"), "{}", output.stderr);
    bed.github.configure(|it| it.rate_limit = 5000);
    bed.publish().ok();
}

#[test]
fn author_logins_are_requested_once() {
    let count_login_requests =
        |bed: &TestBed| bed.github.exchanges().iter().filter(|it| it.path.contains("/commits/")).count();
    let bed = TestBed::new();
    bed.publish().ok();
    assert_eq!(count_login_requests(&bed), 1);
    assert!(bed.only_release()["body"].as_str().unwrap().contains("- @ada-example"));
    bed.publish().ok();
    assert_eq!(count_login_requests(&bed), 1, "a cached login was requested again");
    let bed = TestBed::new();
    let what = FaultKind::CannedResponse {
        status: 404,
        headers: Vec::new(),
        body: "{\"message\":\"Not Found\"}".into(),
        timing: FaultTiming::Before,
    };
    bed.github.inject(Fault::once("GET", "/commits/", what));
    bed.publish().ok();
    assert!(bed.only_release()["body"].as_str().unwrap().contains("- Ada Example"));
    let bed = TestBed::new();
    bed.github.configure(|it| it.rate_limit = 100);
    bed.publish().ok();
    assert_eq!(count_login_requests(&bed), 0, "logins were requested although few requests were left");
}

#[test]
fn concurrent_runs_of_one_tag_are_refused() {
    let bed = TestBed::new();
    bed.github.inject(Fault::once(
        "POST",
        "/releases",
        FaultKind::DelayResponse(std::time::Duration::from_millis(900)),
    ));
    let mut first = bed.command(&["release", TAG, "--push"]);
    let mut first =
        first.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    while bed.github.pending_faults() > 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let other_output = bed.home.path().join("out");
    let second = bed.run(&["release", TAG, "--push", "--out", other_output.to_str().unwrap()]);
    assert!(
        second.code == 1 && second.stderr.contains("another run on this machine is publishing"),
        "{}",
        second.stderr
    );
    assert!(second.stderr.contains("hint: wait for it to end"), "{}", second.stderr);
    assert!(first.wait().unwrap().success());
    assert_eq!(bed.github.releases().len(), 1);
    bed.run(&["release", TAG, "--push", "--out", other_output.to_str().unwrap()]).ok();
}

#[test]
fn credentials_in_urls_are_not_printed() {
    let bed = TestBed::new();
    let url = bed.github.clone_url().replace("http://", &format!("http://x-access-token:{TOKEN}@"));
    bed.clone.git(["remote", "set-url", "origin", &url]);
    bed.publish().ok();
    let bed = TestBed::new();
    let gone = format!("http://x-access-token:{TOKEN}@127.0.0.1:1/acme/widgets.git");
    bed.clone.git(["remote", "set-url", "origin", &gone]);
    let output = bed.publish();
    assert!(output.code == 1 && output.stderr.contains("cannot read the refs of"), "{}", output.stderr);
    // The token as user name of the URL: git prints it if it cannot prompt for a password.
    let named = bed.github.clone_url().replace("http://", &format!("http://{TOKEN}@"));
    bed.github.configure(|it| it.private = true);
    bed.clone.git(["config", "--rename-section", "credential", "put-away"]);
    bed.clone.git(["remote", "set-url", "origin", &named]);
    let output = bed.publish();
    assert!(output.code == 1 && output.stderr.contains("cannot read the refs of"), "{}", output.stderr);
    let output = release_with_variables(
        &bed,
        &[("GITHUB_API_URL", &format!("https://x:{TOKEN}@ghe.example.com/api/v3"))],
    );
    assert!(output.code == 1 && output.stderr.contains("https://***@ghe.example.com"), "{}", output.stderr);
    // Every test bed searches the output of its runs and, when it is dropped, all files. This checks the search itself.
    let planted = bed.home.path().join("planted");
    std::fs::write(&planted, format!("Authorization: Bearer {TOKEN}\n")).unwrap();
    assert_eq!(files_with_token(bed.home.path()), std::slice::from_ref(&planted));
    std::fs::remove_file(planted).unwrap();
}

#[test]
fn token_is_read_from_gh() {
    let bed = TestBed::new();
    let bin = bed.home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let gh = bin.join("gh");
    std::fs::write(
        &gh,
        format!("#!/bin/sh\n[ \"$*\" = \"auth token --hostname github.com\" ] && echo {TOKEN}\n"),
    )
    .unwrap();
    run(Command::new("chmod").arg("+x").arg(&gh)).ok();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = release_with_variables(&bed, &[("GH_TOKEN", ""), ("PATH", &path)]).ok();
    assert!(output.stdout.contains("Published"), "{}", output.stdout);
}
