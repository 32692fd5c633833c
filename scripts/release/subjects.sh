#!/usr/bin/env bash
# Writes digest and name of the files ARCHIVE and CHECKSUMS for the job that attests them: it gets nothing but these two lines.
set -euo pipefail

subject() {
  cd "$(dirname "$1")"
  sha256sum -- "$(basename "$1")"
}
archive="$(subject "$ARCHIVE")"
checksums="$(subject "$CHECKSUMS")"
printf 'archive=%s\nchecksums=%s\n' "$archive" "$checksums" >> "$GITHUB_OUTPUT"
