#!/usr/bin/env bash
# Runs every fuzz target, each for SECONDS (15 unless said). Needs cargo-fuzz; where it is missing, that is said aloud:
# the property tests of the same parsers run everywhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds="${1:-15}"

if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "SKIPPED: cargo-fuzz is not on this machine; the property tests stand in for it" >&2
  exit 0
fi
# The sanitizer flags that cargo-fuzz sets are unstable; this lets the stable compiler take them.
export RUSTC_BOOTSTRAP=1
# Seeds: a bundle that holds, with its trusted root, and an archive as git makes it.
seeds="$(mktemp -d)"
trap 'rm -rf "$seeds"' EXIT
mkdir "$seeds/bundles" "$seeds/archives"
cargo run --quiet --locked --package rehearsal --example mint -- "$seeds/bundles"
git archive --format=tar.gz --prefix=seed/ HEAD:docs -o "$seeds/archives/seed.tar.gz"
git archive --format=tar --prefix=seed/ HEAD:docs -o "$seeds/archives/seed.tar"
for target in $(cargo fuzz list --fuzz-dir tests/fuzz); do
  echo "fuzzing $target for $seconds s"
  cargo fuzz run --fuzz-dir tests/fuzz "$target" \
    $(for it in "tests/fuzz/corpus/$target" "$seeds/$target"; do [ -d "$it" ] && echo "$it"; done) \
    -- -max_total_time="$seconds" -max_len=16384 -print_final_stats=1 2>&1 | tail -n 8
done
