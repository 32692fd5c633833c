#!/usr/bin/env bash
# The legacy entry point. Passes its flags on to `cargo xtask release`, which accepts all of them.
#
#   --target <target> --version <version>   the release to create
#   --from-tag <tag>  --path <path>  --no-path-filter  --initial-release  --dry-run  --push  --sign-tag
#
# Set CARGO_XTASK to run another program instead of `cargo xtask`, for example a prebuilt binary.
set -euo pipefail

if [[ -n "${CARGO_XTASK:-}" ]]; then
  exec "$CARGO_XTASK" release "$@"
fi
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# Cargo builds this workspace; the release is that of the repository in the caller's working directory.
exec cargo run --quiet --manifest-path "$root/Cargo.toml" --package xtask -- release "$@"
