//! Tests of `audit`: published releases that were tampered with.

mod archive_attacks;
mod release_attacks;
