#!/usr/bin/env bash
# The main job on a machine with nothing prepared: sets up, and plays a whole release of a demo repository, in a temporary folder that
# is removed at the end. Arguments are those of `cargo xtask rehearse`: scripts/rehearse.sh --fault all
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

"$root/scripts/setup.sh"
if ! command -v gh >/dev/null 2>&1; then
  # The notes ask readers to run gh. Without it those commands are named and left out.
  "$root/scripts/tools.sh" gh || echo "gh is not to be had: what the notes ask of it is left out" >&2
  for folder in "$root"/target/tools/gh-*/bin; do
    PATH="$folder:$PATH"
  done
fi
exec cargo run --quiet --locked --manifest-path "$root/Cargo.toml" --package xtask -- rehearse --demo "$@"
