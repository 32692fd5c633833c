//! The location of the cache directory, from the environment.

use std::path::PathBuf;

use ops::CacheDir;

use crate::environment::{self, non_empty};

/// Returns the cache in `XDG_CACHE_HOME`, else in `$HOME/.cache` (XDG Base Directory Specification). Relative paths are
/// ignored, as the specification requires. Without both variables there is no cache.
pub(crate) fn cache_dir() -> CacheDir {
    let absolute = |name| non_empty(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let home = || absolute(environment::HOME).map(|it| it.join(".cache"));
    CacheDir::new(absolute(environment::XDG_CACHE_HOME).or_else(home))
}
