//! Tests of `audit`: published releases that were tampered with.

mod archive_attacks;
mod recordings;
mod release_attacks;
mod target_versions;
