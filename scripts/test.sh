#!/usr/bin/env bash
# Sets the machine up where something is missing, and runs every test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
scripts/tools.sh
cargo test --workspace --locked "$@"
