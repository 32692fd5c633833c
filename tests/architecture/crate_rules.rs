//! Which crate may import which, and what only `xtask` may do: `ARCHITECTURE.md` compared with the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::repository::run;

pub(super) fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the normal dependencies of each crate from `cargo metadata`: workspace crates first, then external ones.
/// Development and build dependencies are not counted.
fn crate_dependencies() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(workspace_root());
    let metadata = run(&mut command).ok().json();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|it| it["name"].as_str().unwrap()).collect();
    let of = |package: &serde_json::Value| {
        let normal = package["dependencies"].as_array().unwrap().iter().filter(|it| it["kind"].is_null());
        let names = normal.map(|it| it["name"].as_str().unwrap().to_owned());
        let (workspace_crates, foreign) = names.partition(|it| ours.contains(it.as_str()));
        (package["name"].as_str().unwrap().to_owned(), (workspace_crates, foreign))
    };
    packages.iter().map(of).collect()
}

/// Returns the same from the table in `ARCHITECTURE.md`, whose third column lists external crates and the fourth
/// workspace crates.
fn architecture_table() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let text = std::fs::read_to_string(workspace_root().join("ARCHITECTURE.md")).unwrap();
    let names = |cell: &str| {
        cell.split(',')
            .map(|it| it.trim().trim_matches('`').to_owned())
            .filter(|it| !it.is_empty() && it != "–")
            .collect()
    };
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].trim_matches('`').to_owned(), (names(cells[3]), names(cells[2])))
    })
    .collect()
}

#[test]
fn crate_dependencies_match_the_architecture_table() {
    assert_eq!(
        crate_dependencies(),
        architecture_table(),
        "left: cargo metadata; right: the table in ARCHITECTURE.md"
    );
}

#[test]
fn every_library_is_used_by_one_crate() {
    // General-purpose libraries, allowed in every crate.
    let everywhere = ["thiserror", "serde", "tokio"];
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    // These emulate servers, so they write the formats that a client crate reads and may use its library too.
    let other_side = ["emulators", "rehearsal"];
    for (name, (_, foreign)) in
        crate_dependencies().into_iter().filter(|(name, _)| !other_side.contains(&name.as_str()))
    {
        for library in foreign.into_iter().filter(|it| !everywhere.contains(&it.as_str())) {
            let before = seen.insert(library.clone(), name.clone());
            // A format that several crates read.
            assert!(
                before.is_none() || library == "serde_json",
                "{library} is a dependency of {name} and {before:?}"
            );
        }
    }
}

fn rust_sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

#[test]
fn only_xtask_uses_output_environment_or_clock() {
    let forbidden = [
        "println!",
        "print!(",
        "eprintln!",
        "eprint!(",
        "std::env",
        "env::var",
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
    ];
    let mut files = rust_sources(&workspace_root().join("crates"));
    // An example is a separate program, not part of its crate.
    files.retain(|(path, _)| !path.components().any(|it| it.as_os_str() == "examples"));
    assert!(files.len() > 30, "expected more than 30 source files");
    for (path, text) in files {
        for word in forbidden {
            assert!(!text.contains(word), "{} uses {word}", path.display());
        }
    }
    for pure in ["model", "rules", "notes"] {
        for (path, text) in rust_sources(&workspace_root().join("crates").join(pure)) {
            for word in ["std::fs", "std::process", "std::net", "File::"] {
                assert!(!text.contains(word), "{} uses {word}, but the crate must be pure", path.display());
            }
        }
    }
}

#[test]
fn no_function_takes_a_dry_run_flag() {
    for (path, text) in rust_sources(&workspace_root().join("crates")) {
        assert!(!text.contains("dry_run"), "{}", path.display());
    }
}
