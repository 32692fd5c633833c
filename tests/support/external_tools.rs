//! External programs and API descriptions that `scripts/tools.sh` fetches.

use std::path::{Path, PathBuf};

use crate::support::repository::print_note;

/// Returns the path of a file that `scripts/tools.sh` fetches. If the file is missing, prints that the test is skipped
/// and returns `None`.
///
/// # Panics
///
/// If the file is missing and `CI` is set: a skipped comparison must not pass in CI.
pub(crate) fn fetched_tool(path: &str, test: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools").join(path);
    if file.is_file() {
        return Some(file);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing: run scripts/tools.sh", file.display());
    print_note(&format!("SKIPPED {test}: {} is missing; scripts/tools.sh fetches it", file.display()));
    None
}

/// As [`fetched_tool`], for a tool that is too large to be fetched for every run of the tests.
///
/// # Panics
///
/// If the file is missing and the environment variable `required_by` is set, as in the job of CI that fetches the tool.
pub(crate) fn large_tool(path: &str, test: &str, required_by: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools").join(path);
    if file.is_file() {
        return Some(file);
    }
    assert!(
        std::env::var_os(required_by).is_none(),
        "{} is missing: run scripts/tools.sh helm",
        file.display()
    );
    print_note(&format!("SKIPPED {test}: {} is missing; scripts/tools.sh helm fetches it", file.display()));
    None
}
