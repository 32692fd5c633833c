//! Compares the notes of the suite with those of the legacy script: every difference is a fixed defect of the script.
//!
//! The second column of the table is output of the legacy script. If `OPENSANDBOX_CLONE` is set and ripgrep is
//! installed, the tests run the script of that clone again and compare. The script of the same name in this repository
//! only forwards to the suite.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::repository::{TestRepository, hermetic_command, print_note, run};

/// Commit message; section and entry of the legacy script; section and entry of the suite; number of the defect of the
/// legacy script that explains the difference, 0 if the two are equal.
const LEGACY_DIFFERENCES: &[(&str, [&str; 2], [&str; 2], u8)] = &[
    ("feat: plain", ["Features", "feat: plain"], ["Features", "feat: plain"], 0),
    (
        "fix(x): with number (#7)",
        ["Bug Fixes", "fix(x): with number (#7)"],
        ["Bug Fixes", "fix(x): with number (#7)"],
        0,
    ),
    ("refactor!: mark", ["Breaking Changes", "refactor!: mark"], ["Breaking Changes", "refactor!: mark"], 0),
    ("chore: rest", ["Misc", "chore: rest"], ["Misc", "chore: rest"], 0),
    (
        "fix: closes\n\nSee kubernetes/kubernetes#128000.",
        ["Bug Fixes", "fix: closes (#128000)"],
        ["Bug Fixes", "fix: closes"],
        11,
    ),
    (
        "fix: review of PR #1007",
        ["Bug Fixes", "fix: review of PR #1007 (#1007)"],
        ["Bug Fixes", "fix: review of PR #&#8203;1007"],
        11,
    ),
    (
        "fix: talk\n\nThis is no BREAKING CHANGE at all.",
        ["Breaking Changes", "fix: talk"],
        ["Bug Fixes", "fix: talk"],
        12,
    ),
    ("fix: dash\n\nBREAKING-CHANGE: act", ["Bug Fixes", "fix: dash"], ["Breaking Changes", "fix: dash"], 12),
    (
        "fix: footer\n\nBREAKING CHANGE: act",
        ["Breaking Changes", "fix: footer"],
        ["Breaking Changes", "fix: footer"],
        0,
    ),
    ("Feat: upper case", ["Misc", "Feat: upper case"], ["Features", "Feat: upper case"], 12),
    ("feat(x):no-space", ["Misc", "feat(x):no-space"], ["Features", "feat(x):no-space"], 12),
    ("perf: faster", ["Misc", "perf: faster"], ["Features", "perf: faster"], 12),
    ("feat: taken back", ["Features", "feat: taken back"], ["Misc", "feat: taken back"], 12),
    (
        "Revert \"feat: taken back\"",
        ["Misc", "Revert \"feat: taken back\""],
        ["Misc", "Revert \"feat: taken back\""],
        0,
    ),
    (
        "chore: bump @scope/name",
        ["Misc", "chore: bump @scope/name"],
        ["Misc", "chore: bump @&#8203;scope/name"],
        13,
    ),
    ("docs: [x](y) <b>", ["Misc", "docs: [x](y) <b>"], ["Misc", "docs: \\[x\\](y) \\<b\\>"], 13),
];

/// Returns the entries of Markdown notes as section and text, sorted. Ignores entries outside a section and `None`.
fn notes_entries(markdown: &str) -> Vec<[String; 2]> {
    let mut section = String::new();
    let mut entries = Vec::new();
    for line in markdown.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            section = title.split_once(' ').map_or("", |it| it.1).to_owned();
        } else if line.starts_with("## ") {
            section.clear();
        } else if let Some(entry) = line.strip_prefix("- ").filter(|it| *it != "None" && !section.is_empty())
        {
            entries.push([section.clone(), entry.to_owned()]);
        }
    }
    entries.sort();
    entries
}

/// Returns one column of the table, sorted like [`notes_entries`].
fn table_column(column: impl Fn(&(&str, [&str; 2], [&str; 2], u8)) -> [String; 2]) -> Vec<[String; 2]> {
    let mut all: Vec<[String; 2]> = LEGACY_DIFFERENCES.iter().map(column).collect();
    all.sort();
    all
}

fn to_owned_pair(it: [&str; 2]) -> [String; 2] {
    it.map(str::to_owned)
}

#[test]
fn legacy_defects_are_fixed() {
    let mut fixture = TestRepository::new();
    for (index, (message, ..)) in LEGACY_DIFFERENCES.iter().enumerate() {
        fixture.commit(message, &[("server/file", &index.to_string())]);
    }
    let ours = fixture.xtask(["notes", "server/v0.1.0", "--initial-release"]).ok().stdout;
    assert_eq!(notes_entries(&ours), table_column(|it| to_owned_pair(it.2)));
    for (message, legacy, ours, defect) in LEGACY_DIFFERENCES {
        assert_eq!(
            legacy == ours,
            *defect == 0,
            "{message:?}: expected a defect number if and only if the notes differ"
        );
        if *defect > 0 {
            print_note(&format!(
                "defect {defect:>2}: {:<32} was {:<18} {:<36} is {:<18} {}",
                format!("{:?}", message.lines().next().unwrap()),
                legacy[0],
                legacy[1],
                ours[0],
                ours[1]
            ));
        }
    }
    if let Some(markdown) =
        legacy_script(&fixture, &["--target", "server", "--version", "0.1.0", "--initial-release"])
    {
        assert_eq!(
            notes_entries(&markdown),
            table_column(|it| to_owned_pair(it.1)),
            "the table differs from the output of the legacy script"
        );
        print_note("the table matches the output of the legacy script");
    }
}

/// Returns the dry-run output of the legacy script from the real repository. `None` if `OPENSANDBOX_CLONE` is not set
/// or ripgrep is missing.
fn legacy_script(fixture: &TestRepository, arguments: &[&str]) -> Option<String> {
    let clone = std::env::var_os("OPENSANDBOX_CLONE")?;
    Command::new("rg").arg("--version").stdout(Stdio::null()).status().ok()?;
    let mut show = Command::new("git");
    let path = "main:scripts/release/create-release.sh";
    let script = run(show.arg("-C").arg(clone).args(["show", path])).ok().stdout;
    let file = fixture.path().join(".git/legacy.sh");
    std::fs::write(&file, script).unwrap();
    let mut command = hermetic_command("bash", fixture.path());
    let output = run(command.arg(file).args(arguments).arg("--dry-run").current_dir(fixture.path())).ok();
    Some(output.stdout)
}

#[test]
fn real_notes_differ_from_the_legacy_script_only_by_fixed_defects() {
    let Some(clone) = std::env::var_os("OPENSANDBOX_CLONE") else {
        return print_note("SKIPPED: OPENSANDBOX_CLONE is not set (path of a clone of the real repository)");
    };
    let fixture = TestRepository::new();
    let folder = fixture.path().join("clone");
    fixture.git(["clone", "-q", "--no-checkout", clone.to_str().unwrap(), folder.to_str().unwrap()]);
    let copy = TestRepository::open(folder);
    let targets = copy.xtask(["targets", "--format", "json"]).ok().json();
    let (mut pairs, mut same, mut explained) = (0, 0, 0);
    for target in targets["targets"].as_array().unwrap() {
        let id = target["id"].as_str().unwrap();
        let listed = copy.git([
            "for-each-ref",
            "--sort=version:refname",
            "--format=%(refname:strip=2)",
            &format!("refs/tags/{id}/*"),
        ]);
        let tags: Vec<&str> = listed.lines().collect();
        for pair in tags.windows(2) {
            copy.git(["update-ref", "--no-deref", "HEAD", &format!("{}^{{commit}}", pair[1])]);
            let version = pair[1].rsplit('/').next().unwrap();
            let ours = copy.xtask(["notes", pair[1], "--from-tag", pair[0], "--format", "json"]).ok().json();
            let Some(theirs) = legacy_notes(&copy, id, version, pair[0]) else { continue };
            let (equal, fixed) = compare_entries(&ours, &theirs, pair[1]);
            same += equal;
            explained += fixed;
            pairs += 1;
        }
    }
    print_note(&format!(
        "real repository: {pairs} pairs compared with the legacy script: {same} entries equal, {explained} differ by a fixed defect"
    ));
    assert!(pairs > 80, "expected more than 80 pairs of tags, found {pairs}");
}

/// Returns the legacy notes for a pair of tags. `None` if the script does not know the target, or cannot run.
fn legacy_notes(copy: &TestRepository, target: &str, version: &str, from: &str) -> Option<Vec<[String; 2]>> {
    if ["k8s/image-committer", "helm/opensandbox-controller", "helm/opensandbox-server"].contains(&target) {
        return None;
    }
    // The script requires a version above the start of the range, but its order is wrong for development versions. The
    // notes do not depend on the version.
    let version = if version.contains("dev") { "99.0.0" } else { version };
    Some(notes_entries(&legacy_script(
        copy,
        &["--target", target, "--version", version, "--from-tag", from],
    )?))
}

/// Returns the number of equal entries, and of entries that differ by a fixed defect. Panics on any other difference.
fn compare_entries(ours: &Value, theirs: &[[String; 2]], tag: &str) -> (usize, usize) {
    let (mut alike, mut fixed) = (0, 0);
    let mut remaining: Vec<&[String; 2]> = theirs.iter().collect();
    let has_revert = theirs.iter().any(|it| it[1].starts_with("Revert \""));
    for section in ours["sections"].as_array().unwrap() {
        let title = section["title"].as_str().unwrap().split_once(' ').unwrap().1;
        for entry in section["entries"].as_array().unwrap() {
            let subject = entry["subject"].as_str().unwrap();
            let number = entry["number"].as_u64().map_or(String::new(), |it| format!(" (#{it})"));
            let mine = [title.to_owned(), format!("{subject}{number}")];
            let position = remaining
                .iter()
                .position(|it| **it == mine)
                .or_else(|| remaining.iter().position(|it| it[1].starts_with(subject)));
            let position =
                position.unwrap_or_else(|| panic!("{tag}: entry missing in the legacy notes: {mine:?}"));
            let their = remaining.remove(position);
            if *their == mine {
                alike += 1;
                continue;
            }
            // The suite moves a reverted feature to Misc, the legacy script does not.
            let reverted = title == "Misc" && has_revert;
            let kind_fixed = subject.starts_with("perf")
                || subject.starts_with(char::is_uppercase)
                || subject.contains("):") && !subject.contains("): ")
                || their[0] == "Breaking Changes"
                || reverted;
            assert!(
                their[0] == mine[0] || kind_fixed,
                "{tag}: unexplained difference: legacy {their:?}, suite {mine:?}"
            );
            fixed += 1;
        }
    }
    assert!(remaining.is_empty(), "{tag}: entries only in the legacy notes: {remaining:?}");
    (alike, fixed)
}
