//! Programs and descriptions from elsewhere, which `scripts/tools.sh` fetches.

use std::path::{Path, PathBuf};

use crate::support::repository::print_note;

/// A file that `scripts/tools.sh` fetches. Where it is missing, a test that wants it says aloud that it is skipped; in CI
/// it fails.
pub(crate) fn fetched_tool(path: &str, test: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools").join(path);
    if file.is_file() {
        return Some(file);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing: run scripts/tools.sh", file.display());
    print_note(&format!("SKIPPED {test}: {} is missing; scripts/tools.sh fetches it", file.display()));
    None
}
