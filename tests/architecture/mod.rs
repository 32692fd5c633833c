//! The rules of the workspace: crates, imports, and what only `xtask` may do.

mod crate_rules;
