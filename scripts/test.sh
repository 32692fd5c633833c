#!/usr/bin/env bash
# Installs missing packages and tools, then runs all tests. Passes its arguments on to `cargo test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
scripts/tools.sh
cargo test --workspace --locked "$@"
