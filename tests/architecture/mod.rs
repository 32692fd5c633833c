//! Tests of the workspace rules: crates, imports, and what only `xtask` may do.

mod crate_rules;
mod readability;
