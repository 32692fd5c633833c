//! Memory and time of a large upload, which is streamed from disk.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::repository::{TestRepository, hermetic_command, print_note, run};
use crate::support::test_bed::{TAG, TOKEN, TestBed};

/// Returns incompressible bytes, the same on every run (xorshift64, Marsaglia 2003).
pub(crate) fn incompressible_bytes(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// Returns the peak resident set size of a process in KiB (`VmHWM` in proc(5)).
fn peak_resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn hundred_megabyte_upload_needs_little_memory() {
    let mut clone = TestRepository::with_release();
    for (number, bytes) in incompressible_bytes(100_000_000).chunks(1_000_000).enumerate() {
        clone.write_file(&format!("server/noise/{number}"), bytes);
    }
    clone.git(["config", "core.compression", "0"]);
    clone.commit("feat(server): noise (#3)", &[]);
    clone.push_main();
    let bed = TestBed::with_clone(clone);
    let mut command = bed.command(&["release", TAG, "--push"]);
    command.env("RELEASE_HTTP_TIMEOUT", "30").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The audit starts after the upload, so this peak includes the upload.
    let (mut started, mut took, mut peak_kib) = (Instant::now(), Duration::ZERO, 0);
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        match line.unwrap().as_str() {
            "uploading opensandbox-server-v0.1.1.tar.gz" => started = Instant::now(),
            "uploaded opensandbox-server-v0.1.1.tar.gz" => took = started.elapsed(),
            "auditing server/v0.1.1" => peak_kib = peak_resident_kib(child.id()),
            _ => {}
        }
    }
    assert!(child.wait().unwrap().success());
    let size = bed.only_release()["assets"][0]["size"].as_u64().unwrap();
    assert!(size > 100_000_000, "expected an asset of more than 100000000 bytes, found {size}");
    let curl = time_curl_upload(&bed);
    let ratio = took.as_secs_f64() / curl.as_secs_f64();
    print_note(&format!(
        "upload: {size} bytes in {took:.2?}, curl in {curl:.2?}: ratio {ratio:.2}; peak {} MiB",
        peak_kib >> 10
    ));
    assert!(peak_kib > 0 && peak_kib < 64 << 10, "{peak_kib} KiB");
}

/// Returns how long curl takes to upload the same file to the same server.
fn time_curl_upload(bed: &TestBed) -> Duration {
    let name = "opensandbox-server-v0.1.1.tar.gz";
    let file = bed.clone.path().join("dist/server-v0.1.1").join(name);
    let to = format!(
        "{}/api/uploads/repos/acme/widgets/releases/{}/assets?name=again",
        bed.github.api_url(),
        bed.only_release()["id"]
    );
    let started = Instant::now();
    let mut curl = hermetic_command("curl", bed.home.path());
    curl.args(["-sS", "-f", "-o", "/dev/null", "-H", &format!("Authorization: Bearer {TOKEN}")]);
    curl.args(["-H", "Content-Type: application/gzip", "-X", "POST", "-T"]).arg(file).arg(to);
    run(&mut curl).ok();
    started.elapsed()
}
