//! Fault matrix: every request of a release fails in every way, and the release ends with the same result.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use emulators::{Fault, FaultKind, FaultTiming, HttpExchange};

use crate::support::repository::{print_note, run};
use crate::support::test_bed::{TAG, TestBed, expect_no_secret};

/// Returns the faults with their names in the printed table.
fn fault_kinds() -> Vec<(&'static str, FaultKind)> {
    let answer =
        |status, when, headers: Vec<(&'static str, String)>, message: &str| FaultKind::CannedResponse {
            status,
            headers,
            body: format!("{{\"message\":\"{message}\"}}"),
            timing: when,
        };
    let soon = || vec![("retry-after", "0".to_owned())];
    vec![
        ("500", answer(500, FaultTiming::Before, Vec::new(), "Server Error")),
        ("502 before", answer(502, FaultTiming::Before, Vec::new(), "Bad Gateway")),
        ("502 after", answer(502, FaultTiming::After, Vec::new(), "Bad Gateway")),
        ("429", answer(429, FaultTiming::Before, soon(), "too many requests")),
        (
            "403 secondary",
            answer(403, FaultTiming::Before, soon(), "You have exceeded a secondary rate limit"),
        ),
        ("cut in the request", FaultKind::TruncateRequest),
        ("cut in the answer", FaultKind::TruncateResponse),
        ("time-out", FaultKind::DelayResponse(Duration::from_secs(3))),
        ("malformed", FaultKind::MalformedJson),
    ]
}

/// One cell of the matrix: the index of a request, and its fault.
struct FaultCase<'a> {
    request_index: usize,
    request: &'a HttpExchange,
    name: &'static str,
    fault: FaultKind,
}

impl FaultCase<'_> {
    /// Runs a release with the fault. Returns true if this run completed the release, false if the next one did. A
    /// run cannot recover from a download whose bytes differ from the published ones: it ends as refuted.
    fn run_case(&self, expected: &[String]) -> bool {
        let bed = TestBed::new();
        let after = u32::try_from(self.request_index).unwrap();
        let what = self.fault.clone();
        bed.github.inject(Fault {
            method: String::new(),
            path: String::new(),
            skip_count: after,
            times: 1,
            kind: what,
        });
        let case =
            format!("{} on {}: {} {}", self.name, self.request_index, self.request.method, self.request.path);
        let mut first = bed.command(&["release", TAG, "--push"]);
        if self.name == "time-out" {
            first.env("RELEASE_HTTP_TIMEOUT", "1");
        }
        let first = expect_no_secret(run(&mut first));
        assert_eq!(bed.github.pending_faults(), 0, "{case} was not reached");
        for release in bed.github.releases().iter().filter(|it| it["draft"] == false) {
            assert_eq!(
                release["assets"].as_array().unwrap().len(),
                2,
                "{case}: published with missing assets"
            );
        }
        if first.code != 0 {
            let other_bytes = self.name == "malformed" && self.request.path.starts_with("storage:");
            let resumable = first.code == 11 || first.code == 1 && first.stderr.contains("hint: ");
            assert!(resumable || first.code == 10 && other_bytes, "{case}: {}\n{}", first.code, first.stderr);
            let again = bed.publish();
            assert_eq!(again.code, 0, "{case}, second run:\n{}\nfirst run:\n{}", again.stderr, first.stderr);
        }
        assert_eq!(bed.release_summary(), expected, "{case}");
        first.code == 0
    }
}

#[test]
fn every_faulty_request_converges_to_the_same_release() {
    let bed = TestBed::new();
    bed.publish().ok();
    let (requests, expected) = (bed.github.exchanges(), bed.release_summary());
    let mut cases = Vec::new();
    for (name, what) in fault_kinds() {
        for (number, request) in requests.iter().enumerate() {
            cases.push(FaultCase { request_index: number, request, name, fault: what.clone() });
        }
    }
    let all = cases.len();
    let (queue, table) = (Mutex::new(cases), Mutex::new(BTreeMap::<&str, [usize; 2]>::new()));
    // More threads than processors: a run spends most of its time waiting.
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(case) = { queue.lock().unwrap().pop() } {
                    let same = case.run_case(&expected);
                    table.lock().unwrap().entry(case.name).or_default()[usize::from(!same)] += 1;
                }
            });
        }
    });
    let table = table.into_inner().unwrap();
    for (name, [same, next]) in &table {
        print_note(&format!("fault matrix: {name}: {same} completed by the same run, {next} by the next"));
    }
    let done: usize = table.values().flatten().sum();
    print_note(&format!(
        "fault matrix: {} requests × {} faults, {done} of {all} converged",
        requests.len(),
        table.len()
    ));
    assert!(requests.len() > 25 && done == all);
}
