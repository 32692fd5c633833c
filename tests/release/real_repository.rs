//! Tests on a clone of the real repository with all tags, given by `OPENSANDBOX_CLONE=<folder>`. They are skipped
//! without it, because tests do not use the network. See `CONTRIBUTING.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::repository::{TestRepository, print_note, run, xtask};
use crate::support::test_bed::TestBed;

/// Returns the folder in `OPENSANDBOX_CLONE`. If it is not set, prints that the test is skipped and returns `None`.
fn real_clone() -> Option<PathBuf> {
    let folder = std::env::var_os("OPENSANDBOX_CLONE").map(PathBuf::from);
    if folder.is_none() {
        print_note("SKIPPED: OPENSANDBOX_CLONE is not set (path of a clone of the real repository)");
    }
    folder
}

fn git_stdout(clone: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    run(command.arg("-C").arg(clone).args(arguments).stdin(Stdio::null())).ok().stdout
}

fn json_document(clone: &Path, arguments: &[&str]) -> Value {
    run(xtask(Path::new("/")).arg("-C").arg(clone).args(arguments).args(["--format", "json"])).ok().json()
}

/// Returns every target of the release configuration with its tags, in the version order of git.
fn targets_with_tags(clone: &Path) -> Vec<(Value, Vec<String>)> {
    let document = json_document(clone, &["targets"]);
    let targets = document["targets"].as_array().unwrap().clone();
    let of = |target: Value| {
        let pattern = format!("refs/tags/{}/*", target["id"].as_str().unwrap());
        let sort = [
            "-c",
            "versionsort.suffix=.dev",
            "for-each-ref",
            "--sort=version:refname",
            "--format=%(refname:strip=2)",
        ];
        let listed = git_stdout(clone, &[&sort[..], &[&pattern]].concat());
        (target, listed.lines().map(str::to_owned).collect())
    };
    targets.into_iter().map(of).collect()
}

/// Returns the commits of all sections of the notes, sorted by id.
fn notes_commits(notes: &Value) -> Vec<String> {
    let entries =
        notes["sections"].as_array().unwrap().iter().flat_map(|it| it["entries"].as_array().unwrap());
    let mut all: Vec<String> = entries.map(|it| it["commit"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

#[test]
fn notes_of_adjacent_tags_match_git_log() {
    let Some(clone) = real_clone() else { return };
    let (mut pairs, mut chosen, mut listed) = (0, 0, 0);
    for (target, tags) in targets_with_tags(&clone) {
        let paths: Vec<&str> =
            target["paths"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        for pair in tags.windows(2) {
            let notes = json_document(&clone, &["notes", &pair[1], "--from-tag", &pair[0]]);
            let range = format!("{}..{}", pair[0], pair[1]);
            let log = ["log", "--no-merges", "--format=%H", &range, "--"];
            let mut expected: Vec<String> =
                git_stdout(&clone, &[&log[..], &paths].concat()).lines().map(str::to_owned).collect();
            listed += expected.len();
            expected.sort();
            assert_eq!(notes_commits(&notes), expected, "{range}");
            // By default the notes start at the next lower tag, but those of a final release skip pre-releases. So this
            // counts matches and does not assert them.
            let default_notes = json_document(&clone, &["notes", &pair[1], "--initial-release"]);
            chosen += usize::from(default_notes["previous"] == pair[0].as_str());
            pairs += 1;
        }
    }
    print_note(&format!(
        "real repository: {pairs} pairs of tags, {listed} commits equal to git log; default previous tag is the next lower one for {chosen}"
    ));
    assert!(pairs > 80, "expected more than 80 pairs of tags, found {pairs}: run git fetch --tags");
}

#[test]
fn notes_entries_keep_the_order_of_git_log() {
    let Some(clone) = real_clone() else { return };
    let notes = json_document(
        &clone,
        &["notes", "server/v99.0.0", "--from-tag", "server/v0.1.0", "--no-path-filter", "--commit", "main"],
    );
    let order = git_stdout(&clone, &["log", "--no-merges", "--format=%H", "server/v0.1.0..main"]);
    let position: BTreeMap<&str, usize> = order.lines().enumerate().map(|(index, id)| (id, index)).collect();
    for section in notes["sections"].as_array().unwrap() {
        let entries = section["entries"].as_array().unwrap();
        let positions: Vec<usize> =
            entries.iter().map(|it| position[it["commit"].as_str().unwrap()]).collect();
        assert!(positions.is_sorted(), "{}", section["title"]);
    }
    assert_eq!(notes_commits(&notes).len(), position.len());
}

#[test]
fn archives_of_all_tags_match_git_archive() {
    let Some(clone) = real_clone() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (_, tags) in targets_with_tags(&clone) {
        for tag in tags {
            let safe = tag.replace('/', "-");
            let mut command = xtask(folder.path());
            run(command.arg("-C").arg(&clone).args(["archive", &tag, "--out"]).arg(folder.path())).ok();
            let archive = folder.path().join(format!("opensandbox-{safe}.tar.gz"));
            let script = format!(
                "gzip -dc {} | cmp - <(git -C {} -c tar.umask=0002 archive --format=tar --prefix=opensandbox-{safe}/ {tag}) \
                 && cd {} && sha256sum -c SHA256SUMS",
                archive.display(),
                clone.display(),
                folder.path().display()
            );
            run(Command::new("bash").args(["-euo", "pipefail", "-c", &script])).ok();
            std::fs::remove_file(archive).unwrap();
            count += 1;
        }
    }
    print_note(&format!("real repository: {count} archives, tar streams identical to git archive"));
    assert!(count > 100, "expected more than 100 tags, found {count}: run git fetch --tags");
}

/// Publishes a next version of every target on the emulated GitHub. The audit at the end of each run must be proven.
#[test]
fn every_real_target_is_published_on_the_emulator() {
    let Some(real) = real_clone() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("clone.git");
    git_stdout(
        folder.path(),
        &["clone", "-q", "--bare", "--shared", real.to_str().unwrap(), bare.to_str().unwrap()],
    );
    std::fs::copy(real.join("info/attributes"), bare.join("info/attributes")).ok();
    let bed = TestBed::with_empty_origin(TestRepository::open(bare));
    // Borrow the objects instead of pushing: a clone of a mirror may lack a blob, and git refuses to push without it.
    let objects = git_stdout(&real, &["rev-parse", "--path-format=absolute", "--git-path", "objects"]);
    std::fs::write(bed.github.git_dir().join("objects/info/alternates"), objects).unwrap();
    let refs = [
        "fetch",
        "-q",
        real.to_str().unwrap(),
        "+refs/heads/main:refs/heads/main",
        "+refs/tags/*:refs/tags/*",
    ];
    git_stdout(bed.github.git_dir(), &refs);
    let mut published = 0;
    for (target, tags) in targets_with_tags(&real) {
        let plain = tags.last().is_some_and(|it| !it.rsplit('/').next().unwrap().starts_with('v'));
        let version = if plain { "9.0.0" } else { "v9.0.0" };
        let tag = format!("{}/{version}", target["id"].as_str().unwrap());
        let allowed = ["--allow", "version-source", "--allow", "empty-notes", "--initial-release"];
        let output = bed.run(&[&["release", &tag, "--push", "--format", "json"][..], &allowed].concat());
        assert_eq!(output.code, 0, "{tag}:\n{}\n{}", output.stdout, output.stderr);
        assert_eq!(output.json()["audit"]["verdict"], "proven", "{tag}");
        published += 1;
        // GitHub allows anonymous clients 60 requests per hour, and every audit needs some.
        bed.github.reset_rate_limit();
    }
    assert_eq!(bed.github.releases().len(), published);
    print_note(&format!("real repository: {published} targets published on the emulated GitHub, all proven"));
    assert!(published >= 22);
}

/// Returns a clone whose newest commit lacks the paths that a mirror lacks, which `info/attributes` lists as
/// `export-ignore`: a rehearsal clones the released commit.
fn clone_without_missing_blobs(real: &Path, folder: &Path) -> PathBuf {
    let scratch_clone = folder.join("clone");
    git_stdout(
        folder,
        &[
            "clone",
            "-q",
            "--shared",
            "--no-checkout",
            real.to_str().unwrap(),
            scratch_clone.to_str().unwrap(),
        ],
    );
    let lacking = std::fs::read_to_string(real.join("info/attributes")).unwrap_or_default();
    git_stdout(&scratch_clone, &["read-tree", "HEAD"]);
    for path in lacking.lines().filter_map(|it| it.strip_suffix(" export-ignore")) {
        git_stdout(&scratch_clone, &["rm", "-rq", "--cached", path]);
    }
    git_stdout(
        &scratch_clone,
        &[
            "-c",
            "user.name=Ada",
            "-c",
            "user.email=ada@example.com",
            "commit",
            "-qm",
            "chore: out",
            "--allow-empty",
        ],
    );
    git_stdout(&scratch_clone, &["reset", "-q", "--hard"]);
    git_stdout(&scratch_clone, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    scratch_clone
}

/// Rehearses a release for each kind of target. All seven steps must be proven.
#[test]
fn every_kind_of_real_target_is_rehearsed() {
    let Some(real) = real_clone() else { return };
    let folder = tempfile::tempdir().unwrap();
    let scratch_clone = clone_without_missing_blobs(&real, folder.path());
    let kinds = [
        "server",
        "docker/execd",
        "helm/opensandbox",
        "js/sandbox",
        "java/sandbox",
        "python/sandbox",
        "csharp/sandbox",
        "sdks/sandbox/go",
    ];
    let all = targets_with_tags(&scratch_clone);
    let plain = |kind: &str| {
        let (_, tags) = all.iter().find(|it| it.0["id"] == kind).unwrap();
        tags.last().is_some_and(|it| !it.rsplit('/').next().unwrap().starts_with('v'))
    };
    for kind in kinds {
        let major = if kind == "sdks/sandbox/go" { 1 } else { 9 };
        let tag = format!("{kind}/{}{major}.99.0", if plain(kind) { "" } else { "v" });
        let mut command = xtask(folder.path());
        command.arg("-C").arg(&scratch_clone).args(["rehearse", &tag, "--format", "json"]);
        command.args(["--allow", "version-source", "--allow", "empty-notes"]);
        let output = run(&mut command);
        assert_eq!(output.code, 0, "{tag}:\n{}\n{}", output.stdout, output.stderr);
        let document = output.json();
        assert_eq!(
            (&document["verdict"], document["steps"].as_array().unwrap().len()),
            (&"proven".into(), 7)
        );
        let times =
            document["steps"].as_array().unwrap().iter().map(|it| it["milliseconds"].as_u64().unwrap());
        print_note(&format!("real repository: rehearsal of {tag} proven in {} ms", times.sum::<u64>()));
    }
}
