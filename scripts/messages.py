#!/usr/bin/env python3
"""Prints docs/messages.md: every error and hint that the code can print, read from the sources.

Errors are the texts of `#[error("...")]` and the literals of `anyhow!`, hints those of functions called `hint` and of
`with_hint`. Reasons of findings have a table of their own in docs/verifying.md.
"""

import pathlib
import re
import sys

STRING = r'"((?:\\.|[^"\\])*)"'


def unescape(text):
    """Returns a Rust string literal's text: line continuations joined, escapes resolved as far as they occur."""
    text = re.sub(r"\\\n\s*", "", text)
    return text.replace('\\"', '"').replace("\\\\", "\\").replace("\\n", " ").replace("{{", "{").replace("}}", "}")


def closing(text, start):
    depth = 0
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1, "(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    return len(text)


def without_tests(text):
    at = text.find("#[cfg(test)]\nmod tests")
    return text if at < 0 else text[:at]


def literals(pattern, text):
    return [unescape(match.group(1)) for match in re.finditer(pattern, text)]


def hints(text):
    found = []
    for match in re.finditer(r"\bfn hint\(", text):
        body = text.index("{", match.end())
        end = closing(text, body)
        found += [literal for literal in literals(STRING, text[body:end]) if " " in literal]
    found += literals(r"with_hint\(\s*(?:format!\(\s*)?" + STRING, text)
    return found


def main(root):
    print("# Messages\n")
    print("Every error and hint that the programs can print, by crate. `{name}` stands for a value.")
    print("Reasons of findings and checks, with their hints, are in [verifying.md](verifying.md#reason-codes).")
    print("`scripts/docs.sh` writes this file from the sources; a test compares it.")
    folders = [*sorted((root / "crates").iterdir()), root / "xtask"]
    for folder in folders:
        errors, advice = [], []
        for path in sorted((folder / "src").rglob("*.rs")):
            text = without_tests(path.read_text(encoding="utf-8"))
            errors += literals(r"#\[error\(\s*" + STRING, text)
            errors += literals(r"anyhow!\(\s*" + STRING, text)
            advice += hints(text)
        errors = [it for it in dict.fromkeys(errors) if it not in ("{}", "{message}", "{evidence}")]
        advice = list(dict.fromkeys(advice))
        if errors or advice:
            print(f"\n## {folder.name}")
        for title, messages in (("Errors", errors), ("Hints", advice)):
            if messages:
                print(f"\n{title}:\n")
                print("\n".join(f"- `{it.replace('`', chr(39))}`" for it in messages))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
