//! Archives are the same everywhere, and there whole or not at all.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::repository::{Fixture, hermetic, run, xtask};

const NAME: &str = "opensandbox-server-v0.1.0.tar.gz";

/// A repository whose archive takes a moment.
fn large() -> Fixture {
    let mut fixture = Fixture::new();
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + u8::try_from(state >> 59).unwrap() % 26)
    };
    for index in 0..24 {
        let text: String = (0..1 << 20).map(|_| noise()).collect();
        fixture.write(&format!("server/{index}"), text.as_bytes());
    }
    fixture.commit("feat: much", &[]);
    fixture.git(["tag", "server/v0.1.0"]);
    fixture
}

fn sum(folder: &Path) -> String {
    run(Command::new("sha256sum").arg(NAME).current_dir(folder)).ok().stdout
}

#[test]
fn the_same_bytes_on_one_core_and_all_under_any_umask_and_time_zone() {
    let fixture = large();
    let program = env!("CARGO_BIN_EXE_xtask");
    let mut sums = Vec::new();
    for (index, script) in [
        format!("{program} archive server/v0.1.0 --out $OUT"),
        format!("taskset -c 0 {program} archive server/v0.1.0 --out $OUT"),
        format!("umask 077; TZ=Asia/Kathmandu GZIP=-9 {program} archive server/v0.1.0 --out $OUT"),
        format!("git -C . config core.autocrlf true; {program} archive server/v0.1.0 --out $OUT"),
    ]
    .iter()
    .enumerate()
    {
        let out = fixture.path().join(format!("out{index}"));
        let mut command = hermetic("bash", fixture.path());
        run(command.args(["-ec", script]).env("OUT", &out).current_dir(fixture.path())).ok();
        sums.push(sum(&out));
    }
    sums.dedup();
    assert_eq!(sums.len(), 1, "{sums:?}");
}

#[test]
fn a_killed_run_leaves_no_file_under_a_final_name_and_the_next_one_converges() {
    let fixture = large();
    let whole = fixture.path().join("whole");
    run(xtask(fixture.path()).args(["archive", "server/v0.1.0", "--out", "whole"])).ok();
    let out = fixture.path().join("out");
    let partial = out.join(format!(".{NAME}.partial"));
    let mut killed = 0;
    for delay in [0, 5, 20, 60, 120] {
        let mut child = xtask(fixture.path());
        let mut child =
            child.args(["archive", "server/v0.1.0", "--out", "out"]).stdout(Stdio::null()).spawn().unwrap();
        while !partial.exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        if out.join(NAME).exists() {
            assert_eq!(sum(&out), sum(&whole), "a file under its final name is not whole");
            std::fs::remove_file(out.join(NAME)).unwrap();
        }
    }
    assert!(killed > 0, "no run was killed in time");
    run(xtask(fixture.path()).args(["archive", "server/v0.1.0", "--out", "out"])).ok();
    assert_eq!(sum(&out), sum(&whole));
    assert!(!partial.exists(), "what the killed run left is still there");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
}

#[test]
fn a_full_disk_leaves_nothing_and_says_which_file() {
    let fixture = large();
    let script = format!(
        "trap '' XFSZ; ulimit -f 100; {} archive server/v0.1.0 --out out",
        env!("CARGO_BIN_EXE_xtask")
    );
    let ran = run(hermetic("bash", fixture.path()).args(["-c", &script]).current_dir(fixture.path()));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains(&format!("error: cannot write out/{NAME}")), "{}", ran.stderr);
    assert!(ran.stderr.contains("caused by: File too large"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(fixture.path().join("out")).unwrap().count(), 0);
    run(xtask(fixture.path()).args(["archive", "server/v0.1.0", "--out", "out"])).ok();
}

#[test]
fn two_runs_in_one_folder_exclude_each_other() {
    let fixture = Fixture::released();
    std::fs::create_dir(fixture.path().join("out")).unwrap();
    let mut holder = hermetic("bash", fixture.path());
    let holder = holder.args(["-c", "exec 9<out && flock 9 && exec sleep 60"]).current_dir(fixture.path());
    let mut holder = holder.spawn().unwrap();
    let busy = loop {
        let ran = run(xtask(fixture.path()).args(["archive", "server/v0.1.0", "--out", "out"]));
        if ran.code != 0 {
            break ran;
        }
    };
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(busy.stderr.contains("another run writes to out"), "{}", busy.stderr);
}

#[test]
fn a_missing_file_is_named_by_its_path() {
    let fixture = Fixture::released();
    let lost = fixture.git(["rev-parse", "HEAD:server/main.py"]);
    std::fs::remove_file(fixture.path().join(".git/objects").join(&lost[..2]).join(&lost[2..])).unwrap();
    let ran = run(xtask(fixture.path()).args(["archive", "server/v0.1.1", "--out", "out"]));
    assert_eq!(ran.code, 1);
    let expected = format!("object {lost} is missing from the clone, needed for server/main.py");
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    fixture.write(".git/info/attributes", b"server export-ignore\n");
    run(xtask(fixture.path()).args(["archive", "server/v0.1.1", "--out", "out"])).ok();
}
