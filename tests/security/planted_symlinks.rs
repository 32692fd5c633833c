//! Case 92: symbolic links in place of every file and directory that a command writes.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::record_case;
use super::symlink_bed::{
    SymlinkTestBed, VICTIM_TEXT, WRITING_COMMANDS, WritingCommand, links_to_plant, run_with_planted_link,
};
use crate::cli::offline::strace_is_available;
use crate::support::repository::{hermetic_command, print_note, run};
use crate::support::test_bed::TAG;

#[test]
fn case_92_symlinks_below_output_folders_are_not_followed() {
    if !strace_is_available("case_92_symlinks_below_output_folders_are_not_followed") {
        return;
    }
    let mut all = Vec::new();
    for writer in WRITING_COMMANDS {
        let (inside, elsewhere) = links_to_plant(writer);
        assert!(!inside.is_empty(), "{writer:?} writes nothing");
        // Any other path belongs to git, is a temporary folder with a random name or a device, or was named by the
        // operator and may be a link.
        let foreign = |it: &&PathBuf| {
            let text = it.to_string_lossy();
            let known = ["/.git/", "/opensandbox-gpg-"].iter().any(|it| text.contains(it));
            let named = ["/.cache", "/exported"].iter().any(|it| text.ends_with(it));
            !(known || named || text.starts_with("/dev/") || text.starts_with("/proc/"))
        };
        let foreign: Vec<&PathBuf> = elsewhere.iter().filter(foreign).collect();
        assert!(foreign.is_empty(), "{writer:?} writes to {foreign:?}");
        all.extend(inside);
    }
    let count = all.len();
    let queue = Mutex::new(all);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(link) = { queue.lock().unwrap().pop() } {
                    run_with_planted_link(&link);
                }
            });
        }
    });
    print_note(&format!("case 92: {count} links planted, none followed"));
    // The twin: without links the same commands succeed.
    let bed = SymlinkTestBed::new();
    for writer in WRITING_COMMANDS.into_iter().filter(|it| *it != WritingCommand::Audit) {
        bed.prepare(writer);
        bed.bed.run(&bed.arguments(writer)).ok();
        if writer == WritingCommand::ConfigInit {
            bed.bed.clone.git(["stash", "-qu"]);
        }
    }
    assert!(count >= 30, "only {count}");
    record_case(
        92,
        "a link in place of an output file",
        &format!("refused, {count} links planted"),
        "written",
    );
}

#[test]
fn tracked_symlinks_are_refused() {
    for arguments in [
        &["archive", TAG][..],
        &["release", TAG],
        &["release", TAG, "--dry-run"],
        &["release", TAG, "--push"],
        &["rehearse", TAG],
    ] {
        let mut bed = SymlinkTestBed::new();
        let victim_file = bed.bed.home.path().join("own/file");
        let folder = format!("dist/{}", TAG.replace('/', "-"));
        std::fs::create_dir_all(bed.bed.clone.path().join(&folder)).unwrap();
        let name = if arguments[0] == "archive" { "SHA256SUMS" } else { "NOTES.md" };
        symlink(&victim_file, bed.bed.clone.path().join(format!("{folder}/.{name}.partial"))).unwrap();
        bed.bed.clone.commit("feat(server): $(touch owned)", &[("server/main.py", "serve(2)\n")]);
        bed.bed.clone.push_main();
        let before = (bed.victim_files(), bed.bed.remote_state());
        let output = bed.bed.run(arguments);
        let text = format!("{}{}", output.stdout, output.stderr);
        assert_ne!(output.code, 0, "{arguments:?}: {text}");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(".partial is a symbolic link"), "{arguments:?}: {text}");
        assert_eq!((bed.victim_files(), bed.bed.remote_state()), before, "{arguments:?}");
    }
}

#[test]
fn named_output_folder_may_be_a_symlink() {
    let bed = SymlinkTestBed::new();
    let (real, link) = (bed.bed.home.path().join("real"), bed.bed.home.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    let out = link.display().to_string();
    bed.bed.run(&["archive", TAG, "--out", &out]).ok();
    assert!(real.join("SHA256SUMS").is_file());
    std::fs::remove_file(real.join("SHA256SUMS")).unwrap();
    let victim_file = bed.bed.home.path().join("own/file");
    symlink(&victim_file, real.join("SHA256SUMS")).unwrap();
    let output = bed.bed.run(&["archive", TAG, "--out", &out]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("SHA256SUMS is a symbolic link, expected a plain file"),
        "{}",
        output.stderr
    );
    assert_eq!(std::fs::read_to_string(victim_file).unwrap(), VICTIM_TEXT);
}

#[test]
fn unwritable_output_folder_is_found_by_doctor() {
    let bed = SymlinkTestBed::new();
    let clone = bed.bed.clone.path();
    std::fs::create_dir(clone.join("dist")).unwrap();
    run(hermetic_command("chmod", Path::new("/")).arg("555").arg(clone.join("dist"))).ok();
    // Root may write anywhere. So if the tests run as root, the command runs as an unprivileged user who owns the
    // clone.
    let is_root = run(hermetic_command("id", Path::new("/")).arg("-u")).ok().stdout.trim() == "0";
    let check = |arguments: &[&str]| {
        if !is_root {
            return bed.bed.run(arguments);
        }
        let binary = bed.bed.home.path().join("xtask");
        // By another process: a file that this one has open for writing, in any thread's child, cannot be run.
        run(hermetic_command("cp", Path::new("/")).arg(env!("CARGO_BIN_EXE_xtask")).arg(&binary)).ok();
        run(hermetic_command("chown", Path::new("/"))
            .args(["-R", "65534:65534"])
            .args([clone, bed.bed.home.path()]))
        .ok();
        let command = bed.bed.command(arguments);
        let mut setpriv = hermetic_command("setpriv", bed.bed.home.path());
        setpriv
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(binary)
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            setpriv.env(name, value.unwrap_or_default());
        }
        run(setpriv.current_dir(clone))
    };
    let output = check(&["doctor", TAG]);
    assert!(
        output.code == 1 && output.stdout.contains("cannot write to the folder"),
        "{}\n{}",
        output.stdout,
        output.stderr
    );
    run(hermetic_command("chmod", Path::new("/")).arg("755").arg(clone.join("dist"))).ok();
    check(&["doctor", TAG]).ok();
}
