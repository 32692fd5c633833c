#!/usr/bin/env bash
# Runs the suite that another job of the workflow built: only if it has the digest that was handed on with it (BINARY_SHA256).
set -euo pipefail

binary="$RUNNER_TEMP/suite/xtask"
if ! sha256sum --check --strict --status <<< "$BINARY_SHA256  $binary"; then
  echo "::error::$binary does not have the SHA-256 digest $BINARY_SHA256 that the job 'build' gave: nothing was run" >&2
  exit 1
fi
chmod +x "$binary"
exec "$binary" "$@"
