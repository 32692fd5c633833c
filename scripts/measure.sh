#!/usr/bin/env bash
# Prints how readable the sources are, for this working tree and, beside it, for an earlier commit: `scripts/measure.sh
# [COMMIT] [--details]`. CONTRIBUTING.md says what the numbers mean and which limits a test enforces.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

before=""
details=()
for argument in "$@"; do
  if [ "$argument" = --details ]; then details=(--details); else before="$argument"; fi
done
if [ -z "$before" ]; then
  exec python3 scripts/measure.py . "${details[@]}"
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
git archive "$before" | tar -x -C "$work"
paste <(python3 scripts/measure.py "$work") <(python3 scripts/measure.py . | cut -f2) | awk -F'\t' '{ printf "%-44s %10s %10s\n", $1, $2, $3 }'
if [ "${#details[@]}" -gt 0 ]; then python3 scripts/measure.py . --details; fi
