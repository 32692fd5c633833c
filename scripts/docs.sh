#!/usr/bin/env bash
# Writes the generated parts of the documentation: docs/messages.md, and the tables of reasons in docs/verifying.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 scripts/messages.py . > docs/messages.md
cargo run --quiet --locked --package model --example reasons > target/reasons.md
python3 - <<'PY'
import pathlib
path = pathlib.Path("docs/verifying.md")
begin, end = "<!-- reasons: begin -->\n", "<!-- reasons: end -->"
before, rest = path.read_text(encoding="utf-8").split(begin)
_, after = rest.split(end)
path.write_text(before + begin + pathlib.Path("target/reasons.md").read_text(encoding="utf-8") + end + after, encoding="utf-8")
PY
