#!/usr/bin/env bash
# The main job on a machine with nothing prepared: sets up, makes a demo repository in a temporary folder, and plans a
# release of it. Nothing outside that folder is touched, and it is removed at the end.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

"$root/scripts/setup.sh"
world="$(mktemp -d)"
trap 'rm -rf "$world"' EXIT
"$root/scripts/demo-repository.sh" "$world/demo"
cargo run --quiet --locked --manifest-path "$root/Cargo.toml" --package xtask -- -C "$world/demo" release server/v0.2.0 --dry-run
