//! The system clock, read only here.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the current time, in seconds since 1970 in UTC. A clock before 1970 counts as 0.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
