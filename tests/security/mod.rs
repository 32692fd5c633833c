//! Attacks on whoever runs the suite: hostile repositories, working directories, caches, bundles and servers.
//!
//! The numbers are those of `docs/security.md`. Each case has a twin that differs only in the attack and succeeds.

mod foreign;
mod leaves;
mod limits;
mod misleading;
mod old_clones;
mod programs;
mod rekor;
mod rewritings;
mod signers;
mod symlinks;
mod trusted_roots;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::support::repository::say;

/// The cases, each shown by a test of its own.
const CASES: std::ops::Range<u32> = 92..108;

static TABLE: Mutex<BTreeMap<u32, String>> = Mutex::new(BTreeMap::new());

/// Records what became of an attack and of its twin. The table is printed when every case has its row.
pub(crate) fn record(case: u32, attack: &str, outcome: &str, twin: &str) {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    table.insert(case, format!("{case:>4}  {outcome:<44} {twin:<36} {attack}"));
    if CASES.clone().all(|it| table.contains_key(&it)) {
        let head = format!("{:>4}  {:<44} {:<36} {}", "case", "attack ends in", "twin ends in", "attack");
        let rows: Vec<&str> =
            std::iter::once(head.as_str()).chain(table.values().map(String::as_str)).collect();
        say(&rows.join("\n"));
    }
}
