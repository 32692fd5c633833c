//! The limits of names, functions, files and imports, as `scripts/measure.py` counts them, and the generated documents.

use std::process::Command;

use super::crate_rules::workspace_root;
use crate::support::repository::run;

fn measure() -> Vec<(String, f64)> {
    let mut command = Command::new("python3");
    let output = run(command.args(["scripts/measure.py", "."]).current_dir(workspace_root())).ok().stdout;
    let rows = output.lines().filter_map(|line| line.split_once('\t'));
    rows.map(|(label, value)| (label.to_owned(), value.parse().unwrap())).collect()
}

#[test]
fn sources_stay_within_the_readability_limits() {
    let limits = [
        ("one-word type names, %", 30.0),
        ("types that share a name, %", 5.0),
        ("“none where” per 1,000 comment lines", 1.5),
        ("“nobody” per 1,000 comment lines", 1.5),
        ("“somebody” per 1,000 comment lines", 1.5),
        ("“said” per 1,000 comment lines", 1.5),
        ("“stands” per 1,000 comment lines", 1.5),
        ("“looked at” per 1,000 comment lines", 1.5),
        ("functions over 60 lines", 0.0),
        ("files over 400 lines", 0.0),
        ("import circles between files", 0.0),
        ("re-exports of other crates", 0.0),
    ];
    let measured = measure();
    for (label, limit) in limits {
        let (_, value) = measured.iter().find(|it| it.0 == label).unwrap_or_else(|| panic!("no row {label}"));
        assert!(*value <= limit, "{label}: {value}, limit {limit}; see scripts/measure.sh --details");
    }
}

#[test]
fn messages_md_lists_every_error_and_hint() {
    let mut command = Command::new("python3");
    let generated = run(command.args(["scripts/messages.py", "."]).current_dir(workspace_root())).ok().stdout;
    let document = std::fs::read_to_string(workspace_root().join("docs/messages.md")).unwrap();
    assert!(document == generated, "run scripts/docs.sh: docs/messages.md differs from the sources");
}
