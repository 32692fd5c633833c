#!/usr/bin/env bash
# Draws docs/rehearsal.svg, the picture in the README: the end of the terminal output of a real rehearsal. Rich (PyPI)
# converts the coloured output to an SVG that loads no fonts or other external files.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/tools.sh" rich
"$root/scripts/rehearse.sh" --quiet --color always | PYTHONPATH="$(echo "$root"/target/tools/rich-*)" python3 -c '
import io, re, sys
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

FORMAT = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="A rehearsal on a terminal">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
end = sys.stdin.read().split("The commands of the notes", 1)[1]
console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True, color_system="truecolor")
console.print(Text.from_ansi("$ cargo xtask rehearse\n…\n\n\x1b[1mThe commands of the notes" + end.rstrip()))
drawing = console.export_svg(title="cargo xtask rehearse", theme=MONOKAI, code_format=FORMAT, unique_id="rehearsal")
sys.stdout.write(re.sub(r"[ \t]+$", "", drawing, flags=re.M))
' > "$root/docs/rehearsal.svg.new"
mv "$root/docs/rehearsal.svg.new" "$root/docs/rehearsal.svg"
echo "drew docs/rehearsal.svg" >&2
