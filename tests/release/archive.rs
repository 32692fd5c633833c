//! Archives have the same bytes on every machine, and a file under its final name is always complete.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::repository::{TestRepository, hermetic_command, run, xtask};

/// Archive of tag `server/v0.1.0`.
const ARCHIVE_NAME: &str = "opensandbox-server-v0.1.0.tar.gz";

/// Returns a repository with 24 MiB of random text, so that writing its archive takes long enough to be killed.
fn large_repository() -> TestRepository {
    let mut fixture = TestRepository::new();
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + u8::try_from(state >> 59).unwrap() % 26)
    };
    for index in 0..24 {
        let text: String = (0..1 << 20).map(|_| noise()).collect();
        fixture.write_file(&format!("server/{index}"), text.as_bytes());
    }
    fixture.commit("feat: much", &[]);
    fixture.git(["tag", "server/v0.1.0"]);
    fixture
}

/// Returns the line of `sha256sum` for the archive in a folder.
fn archive_checksum(folder: &Path) -> String {
    run(Command::new("sha256sum").arg(ARCHIVE_NAME).current_dir(folder)).ok().stdout
}

#[test]
fn archive_bytes_do_not_depend_on_the_environment() {
    let fixture = large_repository();
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
        let mut command = hermetic_command("bash", fixture.path());
        run(command.args(["-ec", script]).env("OUT", &out).current_dir(fixture.path())).ok();
        sums.push(archive_checksum(&out));
    }
    sums.dedup();
    assert_eq!(sums.len(), 1, "{sums:?}");
}

#[test]
fn killed_run_leaves_no_incomplete_archive() {
    let fixture = large_repository();
    let complete = fixture.path().join("whole");
    run(xtask(fixture.path()).args(["archive", "server/v0.1.0", "--out", "whole"])).ok();
    let out = fixture.path().join("out");
    let partial = out.join(format!(".{ARCHIVE_NAME}.partial"));
    let mut killed = 0;
    // Milliseconds after the partial file appears.
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
        if out.join(ARCHIVE_NAME).exists() {
            assert_eq!(
                archive_checksum(&out),
                archive_checksum(&complete),
                "an archive under its final name is incomplete"
            );
            std::fs::remove_file(out.join(ARCHIVE_NAME)).unwrap();
        }
    }
    assert!(killed > 0, "every run ended before it was killed");
    run(xtask(fixture.path()).args(["archive", "server/v0.1.0", "--out", "out"])).ok();
    assert_eq!(archive_checksum(&out), archive_checksum(&complete));
    assert!(!partial.exists(), "the partial file of the killed run was not removed");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
}

#[test]
fn full_disk_error_names_the_file() {
    let fixture = large_repository();
    let script = format!(
        "trap '' XFSZ; ulimit -f 100; {} archive server/v0.1.0 --out out",
        env!("CARGO_BIN_EXE_xtask")
    );
    let output =
        run(hermetic_command("bash", fixture.path()).args(["-c", &script]).current_dir(fixture.path()));
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains(&format!("error: cannot write out/{ARCHIVE_NAME}")), "{}", output.stderr);
    assert!(output.stderr.contains("caused by: File too large"), "{}", output.stderr);
    assert_eq!(std::fs::read_dir(fixture.path().join("out")).unwrap().count(), 0);
    run(xtask(fixture.path()).args(["archive", "server/v0.1.0", "--out", "out"])).ok();
}

#[test]
fn concurrent_run_in_the_same_output_folder_is_refused() {
    let fixture = TestRepository::with_release();
    std::fs::create_dir(fixture.path().join("out")).unwrap();
    let mut holder = hermetic_command("bash", fixture.path());
    let holder = holder.args(["-c", "exec 9<out && flock 9 && exec sleep 60"]).current_dir(fixture.path());
    let mut holder = holder.spawn().unwrap();
    let busy = loop {
        let output = run(xtask(fixture.path()).args(["archive", "server/v0.1.0", "--out", "out"]));
        if output.code != 0 {
            break output;
        }
    };
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(busy.stderr.contains("another run writes to out"), "{}", busy.stderr);
}

#[test]
fn missing_blob_error_names_the_path() {
    let fixture = TestRepository::with_release();
    let missing_id = fixture.git(["rev-parse", "HEAD:server/main.py"]);
    std::fs::remove_file(fixture.path().join(".git/objects").join(&missing_id[..2]).join(&missing_id[2..]))
        .unwrap();
    let output = run(xtask(fixture.path()).args(["archive", "server/v0.1.1", "--out", "out"]));
    assert_eq!(output.code, 1);
    let expected = format!("object {missing_id} is missing from the clone, needed for server/main.py");
    assert!(output.stderr.contains(&expected), "{}", output.stderr);
    fixture.write_file(".git/info/attributes", b"server export-ignore\n");
    run(xtask(fixture.path()).args(["archive", "server/v0.1.1", "--out", "out"])).ok();
}
