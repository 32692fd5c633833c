#!/usr/bin/env bash
# Simulates a full release of a demo repository on an unprepared machine: installs missing packages, then runs
# `cargo xtask rehearse --demo`. Its temporary directory is removed at the end. Passes its arguments on, for example:
#
#   scripts/rehearse.sh --fault all
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

"$root/scripts/setup.sh"
if ! command -v gh >/dev/null 2>&1; then
  # The release notes contain gh commands. Without gh, the rehearsal lists and skips them.
  "$root/scripts/tools.sh" gh || echo "gh is not to be had: what the notes ask of it is left out" >&2
  for folder in "$root"/target/tools/gh-*/bin; do
    PATH="$folder:$PATH"
  done
fi
exec cargo run --quiet --locked --manifest-path "$root/Cargo.toml" --package xtask -- rehearse --demo "$@"
