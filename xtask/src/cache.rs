//! The cache folder of this user.

use std::path::PathBuf;

use ops::CacheDir;

use crate::environment::{self, non_empty};

/// The cache of this user (XDG Base Directory Specification). Without `XDG_CACHE_HOME` and `HOME` there is none.
pub(crate) fn cache_dir() -> CacheDir {
    let absolute = |name| non_empty(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let home = || absolute(environment::HOME).map(|it| it.join(".cache"));
    CacheDir::new(absolute(environment::XDG_CACHE_HOME).or_else(home))
}
