//! Attacks on the operator who runs the suite: hostile repositories, working directories, caches, bundles and servers.
//!
//! The numbers are those of `docs/security.md`. Each case has a twin that differs only in the attack and succeeds.

mod configured_programs;
mod equivalent_encodings;
mod hostile_repositories;
mod leaf_mutations;
mod planted_symlinks;
mod rekor_v2_proofs;
mod resource_limits;
mod stale_clones;
mod symlink_bed;
mod trusted_signers;
mod tuf_cache;
mod untrusted_text;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::support::repository::print_note;

/// Numbers of the cases. Each has a test of its own.
const CASE_NUMBERS: std::ops::Range<u32> = 92..108;

static CASE_TABLE: Mutex<BTreeMap<u32, String>> = Mutex::new(BTreeMap::new());

/// Records the outcome of an attack and of its twin. The table is printed as soon as every case has its row.
pub(crate) fn record_case(case: u32, attack: &str, outcome: &str, twin: &str) {
    let mut table = CASE_TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    table.insert(case, format!("{case:>4}  {outcome:<44} {twin:<36} {attack}"));
    if CASE_NUMBERS.clone().all(|it| table.contains_key(&it)) {
        let head = format!(
            "{:>4}  {:<44} {:<36} {}",
            "case", "outcome of the attack", "outcome of the twin", "attack"
        );
        let rows: Vec<&str> =
            std::iter::once(head.as_str()).chain(table.values().map(String::as_str)).collect();
        print_note(&rows.join("\n"));
    }
}
