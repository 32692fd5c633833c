#!/usr/bin/env bash
# The legacy entry point: its flags are those of `cargo xtask release`, and are passed on as they are.
#
#   --target <target> --version <version>   what to release
#   --from-tag <tag>  --path <path>  --no-path-filter  --initial-release  --dry-run  --push  --sign-tag
#
# CARGO_XTASK names another program to run instead of `cargo xtask`, such as a binary that was built before.
set -euo pipefail

if [[ -n "${CARGO_XTASK:-}" ]]; then
  exec "$CARGO_XTASK" release "$@"
fi
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# Cargo is run for this workspace, and the release for the repository that the caller stands in.
exec cargo run --quiet --manifest-path "$root/Cargo.toml" --package xtask -- release "$@"
