#!/usr/bin/env bash
# Writes the digests and names of the files ARCHIVE and CHECKSUMS to GITHUB_OUTPUT. The job that attests the files
# receives only these two lines.
set -euo pipefail

subject() {
  cd "$(dirname "$1")"
  sha256sum -- "$(basename "$1")"
}
archive="$(subject "$ARCHIVE")"
checksums="$(subject "$CHECKSUMS")"
printf 'archive=%s\nchecksums=%s\n' "$archive" "$checksums" >> "$GITHUB_OUTPUT"
