//! The suite on the real repository, with `OPENSANDBOX_CLONE=<folder>`: a clone with all tags. Not run elsewhere, for
//! tests ask no network; `CONTRIBUTING.md` says how.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::repository::{Fixture, run, say, xtask};
use crate::support::test_bed::World;

/// The clone, or a word that there is none.
fn clone() -> Option<PathBuf> {
    let folder = std::env::var_os("OPENSANDBOX_CLONE").map(PathBuf::from);
    if folder.is_none() {
        say("SKIPPED: OPENSANDBOX_CLONE names no clone of the real repository");
    }
    folder
}

fn git(clone: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    run(command.arg("-C").arg(clone).args(arguments).stdin(Stdio::null())).ok().stdout
}

fn document(clone: &Path, arguments: &[&str]) -> Value {
    run(xtask(Path::new("/")).arg("-C").arg(clone).args(arguments).args(["--format", "json"])).ok().json()
}

/// Every target of the catalog with its tags, in the order in which git puts versions.
fn tags(clone: &Path) -> Vec<(Value, Vec<String>)> {
    let document = document(clone, &["targets"]);
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
        let listed = git(clone, &[&sort[..], &[&pattern]].concat());
        (target, listed.lines().map(str::to_owned).collect())
    };
    targets.into_iter().map(of).collect()
}

fn commits(notes: &Value) -> Vec<String> {
    let entries =
        notes["sections"].as_array().unwrap().iter().flat_map(|it| it["entries"].as_array().unwrap());
    let mut all: Vec<String> = entries.map(|it| it["commit"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

#[test]
fn every_adjacent_pair_of_tags_has_the_commits_of_git_log() {
    let Some(clone) = clone() else { return };
    let (mut pairs, mut chosen, mut listed) = (0, 0, 0);
    for (target, tags) in tags(&clone) {
        let paths: Vec<&str> =
            target["paths"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        for pair in tags.windows(2) {
            let notes = document(&clone, &["notes", &pair[1], "--from-tag", &pair[0]]);
            let range = format!("{}..{}", pair[0], pair[1]);
            let log = ["log", "--no-merges", "--format=%H", &range, "--"];
            let mut expected: Vec<String> =
                git(&clone, &[&log[..], &paths].concat()).lines().map(str::to_owned).collect();
            listed += expected.len();
            expected.sort();
            assert_eq!(commits(&notes), expected, "{range}");
            // Where nothing was asked for, the rules choose the tag below, unless it is a prerelease.
            let own = document(&clone, &["notes", &pair[1], "--initial-release"]);
            chosen += usize::from(own["previous"] == pair[0].as_str());
            pairs += 1;
        }
    }
    say(&format!(
        "real repository: {pairs} pairs of tags, {listed} commits as git log; previous tag chosen alike for {chosen}"
    ));
    assert!(pairs > 80, "only {pairs} pairs: is this a clone with all tags?");
}

#[test]
fn the_order_of_entries_is_that_of_git_log() {
    let Some(clone) = clone() else { return };
    let notes = document(
        &clone,
        &["notes", "server/v99.0.0", "--from-tag", "server/v0.1.0", "--no-path-filter", "--commit", "main"],
    );
    let order = git(&clone, &["log", "--no-merges", "--format=%H", "server/v0.1.0..main"]);
    let place: BTreeMap<&str, usize> = order.lines().enumerate().map(|(at, id)| (id, at)).collect();
    for section in notes["sections"].as_array().unwrap() {
        let entries = section["entries"].as_array().unwrap();
        let places: Vec<usize> = entries.iter().map(|it| place[it["commit"].as_str().unwrap()]).collect();
        assert!(places.is_sorted(), "{}", section["title"]);
    }
    assert_eq!(commits(&notes).len(), place.len());
}

#[test]
fn every_tag_archives_to_the_tar_of_git() {
    let Some(clone) = clone() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (_, tags) in tags(&clone) {
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
    say(&format!("real repository: {count} archives, tar streams identical to git's"));
    assert!(count > 100, "only {count} tags: is this a clone with all tags?");
}

/// Every target's next version goes to a GitHub on loopback, and outsiders find it as it was made.
#[test]
fn every_target_is_published_on_loopback() {
    let Some(real) = clone() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("clone.git");
    git(
        folder.path(),
        &["clone", "-q", "--bare", "--shared", real.to_str().unwrap(), bare.to_str().unwrap()],
    );
    std::fs::copy(real.join("info/attributes"), bare.join("info/attributes")).ok();
    let world = World::around(Fixture::at(bare));
    // The objects are borrowed: the mirror that this clone may come from lacks a file, and git pushes all or nothing.
    let objects = git(&real, &["rev-parse", "--path-format=absolute", "--git-path", "objects"]);
    std::fs::write(world.github.git_dir().join("objects/info/alternates"), objects).unwrap();
    let refs = [
        "fetch",
        "-q",
        real.to_str().unwrap(),
        "+refs/heads/main:refs/heads/main",
        "+refs/tags/*:refs/tags/*",
    ];
    git(world.github.git_dir(), &refs);
    let mut published = 0;
    for (target, tags) in tags(&real) {
        let plain = tags.last().is_some_and(|it| !it.rsplit('/').next().unwrap().starts_with('v'));
        let version = if plain { "9.0.0" } else { "v9.0.0" };
        let tag = format!("{}/{version}", target["id"].as_str().unwrap());
        let allowed = ["--allow", "version-source", "--allow", "empty-notes", "--initial-release"];
        let ran = world.run(&[&["release", &tag, "--push", "--format", "json"][..], &allowed].concat());
        assert_eq!(ran.code, 0, "{tag}:\n{}\n{}", ran.stdout, ran.stderr);
        assert_eq!(ran.json()["audit"]["verdict"], "proven", "{tag}");
        published += 1;
        // An outsider has sixty requests in an hour, and an audit takes a few.
        world.github.reset_rate_limit();
    }
    assert_eq!(world.github.releases().len(), published);
    say(&format!("{published} targets of the real repository published on loopback, each proven"));
    assert!(published >= 22);
}

/// A release of each kind of target is rehearsed, and everything of it proven.
#[test]
fn a_target_of_every_kind_is_rehearsed() {
    let Some(real) = clone() else { return };
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("clone");
    git(
        folder.path(),
        &["clone", "-q", "--shared", "--no-checkout", real.to_str().unwrap(), own.to_str().unwrap()],
    );
    // What a mirror lacks is taken out of the commit that is released: everybody clones that one.
    let lacking = std::fs::read_to_string(real.join("info/attributes")).unwrap_or_default();
    git(&own, &["read-tree", "HEAD"]);
    for path in lacking.lines().filter_map(|it| it.strip_suffix(" export-ignore")) {
        git(&own, &["rm", "-rq", "--cached", path]);
    }
    git(
        &own,
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
    git(&own, &["reset", "-q", "--hard"]);
    git(&own, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
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
    let all = tags(&own);
    let plain = |kind: &str| {
        let (_, tags) = all.iter().find(|it| it.0["id"] == kind).unwrap();
        tags.last().is_some_and(|it| !it.rsplit('/').next().unwrap().starts_with('v'))
    };
    for kind in kinds {
        let major = if kind == "sdks/sandbox/go" { 1 } else { 9 };
        let tag = format!("{kind}/{}{major}.99.0", if plain(kind) { "" } else { "v" });
        let mut command = xtask(folder.path());
        command.arg("-C").arg(&own).args(["rehearse", &tag, "--format", "json"]);
        command.args(["--allow", "version-source", "--allow", "empty-notes"]);
        let ran = run(&mut command);
        assert_eq!(ran.code, 0, "{tag}:\n{}\n{}", ran.stdout, ran.stderr);
        let document = ran.json();
        assert_eq!(
            (&document["verdict"], document["steps"].as_array().unwrap().len()),
            (&"proven".into(), 7)
        );
        let times =
            document["steps"].as_array().unwrap().iter().map(|it| it["milliseconds"].as_u64().unwrap());
        say(&format!("rehearsed on the real repository: {tag}: proven in {} ms", times.sum::<u64>()));
    }
}
