//! The process ends with SIGKILL, wherever that can be, and the next run brings the release to the same end.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use emulators::{Fault, FaultKind, FaultTiming, Hook};

use crate::support::repository::say;
use crate::support::test_bed::{TAG, World};

/// Where a run is ended.
#[derive(Debug, Clone)]
enum Point {
    /// At a line of its story: before or after a file, the tag, or something that leaves the machine.
    Line(String),
    /// When this request has arrived, before or after it took effect.
    Request(usize, FaultTiming),
}

/// What a whole run does: the lines of its story, and how many requests it makes.
fn a_whole_run() -> (Vec<String>, usize, Vec<String>) {
    let world = World::new();
    let ran = world.publish().ok();
    let lines = ran.stderr.lines().map(|it| it.replace(&world.clone.path().display().to_string(), "<clone>"));
    let lines: Vec<String> = lines.collect();
    let distinct: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(distinct.len(), lines.len(), "two points have one name: {lines:#?}");
    (lines, world.github.exchanges().len(), world.published())
}

fn kill_at(world: &World, point: &Point) {
    let mut command = world.command(&["release", TAG, "--push"]);
    let log = |name: &str| std::fs::File::create(world.home.path().join(name)).unwrap();
    command.stdout(log("report")).stderr(log("story"));
    let id = Arc::new(AtomicU32::new(0));
    match point {
        Point::Line(line) => {
            command
                .env("RELEASE_KILL_AT", line.replace("<clone>", &world.clone.path().display().to_string()));
        }
        Point::Request(number, when) => {
            let seen = Arc::clone(&id);
            let hook = Hook::new(move || kill(seen.load(Ordering::SeqCst)));
            let after = u32::try_from(*number).unwrap();
            let what = FaultKind::HookThenDrop(*when, hook);
            world.github.inject(Fault {
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
    assert_eq!(status.signal(), Some(9), "{point:?} did not end the run: {status}");
    assert_eq!(world.github.pending_faults(), 0, "{point:?} was not reached");
}

/// Ends a process, by its id.
fn kill(id: u32) {
    std::process::Command::new("sh")
        .args(["-c", "kill -KILL \"$1\"", "sh", &id.to_string()])
        .status()
        .unwrap();
}

#[test]
fn a_run_that_was_killed_anywhere_is_finished_by_the_next() {
    let (lines, requests, wanted) = a_whole_run();
    let mut points: Vec<Point> = lines.into_iter().map(Point::Line).collect();
    for number in 0..requests {
        points.extend([FaultTiming::Before, FaultTiming::After].map(|when| Point::Request(number, when)));
    }
    let (all, converged) = (points.len(), AtomicUsize::new(0));
    let queue = Mutex::new(points);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(point) = { queue.lock().unwrap().pop() } {
                    let world = World::new();
                    kill_at(&world, &point);
                    let again = world.publish();
                    assert_eq!(again.code, 0, "after {point:?}:\n{}", again.stderr);
                    assert_eq!(world.published(), wanted, "after {point:?}");
                    converged.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let converged = converged.into_inner();
    say(&format!("kill matrix: {all} points, {converged} converged"));
    assert!(all > 80 && converged == all);
}
