#!/usr/bin/env bash
# Runs every fuzz target, each for SECONDS (15 unless said); with `all` behind it those of bundles too, whose build takes minutes.
# Needs cargo-fuzz; where it is missing, that is said aloud: the property tests of the same parsers run everywhere.
#
#   scripts/fuzz.sh [SECONDS] [all]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds="${1:-15}"

if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "SKIPPED: cargo-fuzz is not on this machine; the property tests stand in for it" >&2
  exit 0
fi
# Seeds: a bundle that holds, with its trusted root, and archives as git makes them.
seeds="$(mktemp -d)"
trap 'rm -rf "$seeds"' EXIT
mkdir "$seeds/bundles" "$seeds/archives"
cargo build --quiet --locked --workspace --example mint
target/debug/examples/mint "$seeds/bundles"
git archive --format=tar.gz --prefix=seed/ HEAD:docs -o "$seeds/archives/seed.tar.gz"
git archive --format=tar --prefix=seed/ HEAD:docs -o "$seeds/archives/seed.tar"

# The sanitizer flags that cargo-fuzz sets are unstable; this lets the stable compiler take them. Not before: what is built with it
# set is built anew.
export RUSTC_BOOTSTRAP=1
crates=(tests/fuzz)
[ "${2:-}" = all ] && crates+=(tests/fuzz-bundles)
for crate in "${crates[@]}"; do
  for target in $(cargo fuzz list --fuzz-dir "$crate"); do
    echo "fuzzing $target for $seconds s"
    mkdir -p "$crate/corpus/$target" "$seeds/$target"
    cargo fuzz run --fuzz-dir "$crate" "$target" "$crate/corpus/$target" "$seeds/$target" \
      -- -max_total_time="$seconds" -max_len=16384 -print_final_stats=1 2>&1 | tail -n 8
  done
done
