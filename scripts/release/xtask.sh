#!/usr/bin/env bash
# Runs the binary that the job `build` of the workflow created, if its SHA-256 digest is the one that this job reported
# (BINARY_SHA256).
set -euo pipefail

binary="$RUNNER_TEMP/suite/xtask"
if ! sha256sum --check --strict --status <<< "$BINARY_SHA256  $binary"; then
  echo "::error::$binary does not have the SHA-256 digest $BINARY_SHA256 that the job 'build' gave: nothing was run" >&2
  exit 1
fi
chmod +x "$binary"
exec "$binary" "$@"
