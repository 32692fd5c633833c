//! Kill matrix: a run is killed by SIGKILL at every progress line and every request, and the next run completes the
//! release with the same result.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use emulators::{Fault, FaultKind, FaultTiming, Hook};

use crate::support::repository::print_note;
use crate::support::test_bed::{TAG, TestBed};

/// The point at which a run is killed.
#[derive(Debug, Clone)]
enum KillPoint {
    /// At this progress line, by `RELEASE_KILL_AT`. Every effect has a line before and a line after it.
    ProgressLine(String),
    /// When the emulated GitHub receives the request with this index, before or after it takes effect.
    Request(usize, FaultTiming),
}

/// Returns the progress lines, the number of requests and the release summary of a run that is not killed. The lines
/// must be distinct, because `RELEASE_KILL_AT` names a point by its text.
fn complete_run() -> (Vec<String>, usize, Vec<String>) {
    let bed = TestBed::new();
    let output = bed.publish().ok();
    let lines =
        output.stderr.lines().map(|it| it.replace(&bed.clone.path().display().to_string(), "<clone>"));
    let lines: Vec<String> = lines.collect();
    let distinct: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(distinct.len(), lines.len(), "two progress lines are equal: {lines:#?}");
    (lines, bed.github.exchanges().len(), bed.release_summary())
}

/// Runs a release, which must be killed by SIGKILL at this point.
fn run_until_killed(bed: &TestBed, point: &KillPoint) {
    let mut command = bed.command(&["release", TAG, "--push"]);
    let log = |name: &str| std::fs::File::create(bed.home.path().join(name)).unwrap();
    command.stdout(log("report")).stderr(log("story"));
    // The hook needs the process id, which is known only after the fault is injected.
    let id = Arc::new(AtomicU32::new(0));
    match point {
        KillPoint::ProgressLine(line) => {
            command.env("RELEASE_KILL_AT", line.replace("<clone>", &bed.clone.path().display().to_string()));
        }
        KillPoint::Request(number, when) => {
            let seen = Arc::clone(&id);
            let hook = Hook::new(move || send_sigkill(seen.load(Ordering::SeqCst)));
            let after = u32::try_from(*number).unwrap();
            let what = FaultKind::HookThenDrop(*when, hook);
            bed.github.inject(Fault {
                method: String::new(),
                path: String::new(),
                skip_count: after,
                times: 1,
                kind: what,
            });
        }
    }
    let mut child = command.spawn().unwrap();
    id.store(child.id(), Ordering::SeqCst);
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "{point:?}: expected SIGKILL, found {status}");
    assert_eq!(bed.github.pending_faults(), 0, "{point:?} was not reached");
}

/// Sends SIGKILL to a process id.
fn send_sigkill(id: u32) {
    std::process::Command::new("sh")
        .args(["-c", "kill -KILL \"$1\"", "sh", &id.to_string()])
        .status()
        .unwrap();
}

#[test]
fn killed_run_is_finished_by_the_next() {
    let (lines, requests, expected) = complete_run();
    let mut points: Vec<KillPoint> = lines.into_iter().map(KillPoint::ProgressLine).collect();
    for number in 0..requests {
        points.extend([FaultTiming::Before, FaultTiming::After].map(|when| KillPoint::Request(number, when)));
    }
    let (all, converged) = (points.len(), AtomicUsize::new(0));
    let queue = Mutex::new(points);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(point) = { queue.lock().unwrap().pop() } {
                    let bed = TestBed::new();
                    run_until_killed(&bed, &point);
                    let again = bed.publish();
                    assert_eq!(again.code, 0, "after {point:?}:\n{}", again.stderr);
                    assert_eq!(bed.release_summary(), expected, "after {point:?}");
                    converged.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let converged = converged.into_inner();
    print_note(&format!("kill matrix: {converged} of {all} points converged"));
    assert!(all > 80 && converged == all);
}
