#!/usr/bin/env python3
"""Measures how readable the Rust sources of a folder are, and prints one number a line.

Reads every `.rs` file below `crates`, `xtask` and `tests`; no file is left out. What the numbers mean is in CONTRIBUTING.md.
"""

import collections
import pathlib
import re
import sys

WORDS = ["none where", "nobody", "somebody", "said", "stands", "looked at"]
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
MIN_DUPLICATE_LINES = 10

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<raw>b?r(?P<hashes>\#*)".*?"(?P=hashes))|(?P<string>[bc]?"(?:\\.|[^"\\])*")"""
    r"""|(?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^'\\\n])')""",
    re.DOTALL | re.VERBOSE,
)


def blank(match):
    """Returns whitespace of the same shape, so that lines keep their numbers."""
    return re.sub(r"[^\n]", " ", match.group(0))


def is_comment(match):
    return match.group("comment") is not None


class Source:
    """A file: its text, its code without comments and strings, and its comments."""

    def __init__(self, root, path):
        self.path = path.relative_to(root)
        text = path.read_text(encoding="utf-8")
        self.lines = text.splitlines()
        self.code = TOKEN.sub(blank, text)
        self.comments = [
            line.strip().lstrip("/!* ")
            for match in TOKEN.finditer(text)
            if is_comment(match)
            for line in match.group(0).splitlines()
        ]
        self.code_lines = sum(1 for line in TOKEN.sub(lambda it: blank(it) if is_comment(it) else it.group(0), text).splitlines() if line.strip())

    @property
    def crate(self):
        parts = self.path.parts
        return parts[1] if parts[0] == "crates" else parts[0]


def read(root):
    files = sorted(path for top in ("crates", "xtask", "tests") for path in (root / top).rglob("*.rs"))
    return [Source(root, path) for path in files if "target" not in path.parts]


def closing(code, start):
    """Returns the index after the brace that closes the one at `start`."""
    depth = 0
    for index in range(start, len(code)):
        depth += {"{": 1, "}": -1}.get(code[index], 0)
        if depth == 0:
            return index + 1
    return len(code)


def type_names(source):
    """Returns the names of the types that a file defines; associated types are not definitions."""
    inside = [match.end() for match in re.finditer(r"^\s*(?:unsafe )?(?:impl|trait)\b[^;{]*\{", source.code, re.MULTILINE)]
    spans = [(start - 1, closing(source.code, start - 1)) for start in inside]
    for match in re.finditer(r"\b(struct|enum|trait|type|union)\s+([A-Z]\w*)", source.code):
        if match.group(1) == "type" and any(low < match.start() < high for low, high in spans):
            continue
        yield match.group(2)


def long_functions(source):
    for match in re.finditer(r"\bfn\s+(\w+)", source.code):
        body = re.compile(r"[{;]").search(source.code, match.end())
        if body and body.group(0) == "{":
            end = closing(source.code, body.start())
            if source.code.count("\n", match.start(), end) + 1 > MAX_FUNCTION_LINES:
                yield f"{source.path}::{match.group(1)}"


def module_of(path):
    """Returns the crate's root folder and the module path of a file."""
    parts = list(path.parts)
    if parts[0] == "tests":
        root, rest = ("tests",), parts[1:]
    elif "src" in parts:
        cut = parts.index("src") + 1
        root, rest = tuple(parts[:cut]), parts[cut:]
    else:
        root, rest = tuple(parts[:-1]), parts[-1:]
    rest[-1] = rest[-1].removesuffix(".rs")
    if rest[-1] in ("mod", "lib", "main"):
        rest.pop()
    return root, tuple(rest)


def imports(sources):
    """Returns the files that each file imports from, by the paths in its code."""
    files = {module_of(source.path): source for source in sources}
    exported = {}
    for key, source in files.items():
        for path, names in re.findall(r"\bpub(?:\([a-z]+\))?\s+use\s+(?:self::)?([\w:]+)::(\{[^}]*\}|\w+)\s*;", source.code):
            for name in re.findall(r"\w+", names):
                exported[key + (name,)] = (key[0], key[1] + tuple(path.split("::")))

    def resolve(root, path):
        for _ in range(8):
            for length in range(len(path), -1, -1):
                if (root, path[:length]) in files:
                    break
            step = exported.get((root, path[:length]) + path[length : length + 1])
            if step is None:
                return files.get((root, path[:length]))
            root, path = step
        return None

    edges = collections.defaultdict(set)
    for (root, module), source in files.items():
        code = re.sub(r"\bmod\s+\w+\s*\{", lambda it: it.group(0), source.code)
        inline = [(it.end() - 1, closing(code, it.end() - 1)) for it in re.finditer(r"\bmod\s+\w+\s*\{", code)]
        children = {name for name in re.findall(r"\bmod\s+(\w+)\s*;", code)}
        heads = "|".join(["crate", "super", "self", *sorted(children)])
        for match in re.finditer(rf"(?<![\w:])({heads})((?:::\w+)*)(?:::(?:\{{([^}}]*)\}}|\*))?", code):
            if not match.group(2) and match.group(3) is None:
                continue
            nested = sum(1 for low, high in inline if low < match.start() < high)
            parts = tuple(match.group(2).split("::")[1:])
            base = {"crate": (), "self": module}.get(match.group(1))
            if match.group(1) == "super":
                up = 1 + sum(1 for _ in re.match(r"(?:super::)*", "::".join(parts) + "::").group(0).split("::")[:-1])
                parts = tuple(part for part in parts if part != "super")
                level = len(module) - (up - nested)
                if level < 0 or up <= nested:
                    continue
                base = module[:level]
            elif base is None:
                base, parts = module, (match.group(1), *parts)
            leaves = re.findall(r"\b\w+", match.group(3) or "") or [None]
            for leaf in leaves:
                target = resolve(root, base + parts + ((leaf,) if leaf else ()))
                if target is not None and target is not source:
                    edges[str(source.path)].add(str(target.path))
    return edges


def circles(edges):
    """Returns the groups of files that import each other, directly or through others (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while True:
                group.append(stack.pop())
                if group[-1] == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def duplicates(sources):
    """Returns the pairs of places that share at least ten lines of code, import lines left out."""
    places = collections.defaultdict(list)
    listed = {}
    for source in sources:
        rows = [(number, line.strip()) for number, line in enumerate(source.lines, 1)]
        rows = [(n, line) for n, line in rows if line and not line.startswith(("//", "use ", "#["))]
        listed[str(source.path)] = rows
        for start in range(len(rows) - MIN_DUPLICATE_LINES + 1):
            window = tuple(line for _, line in rows[start : start + MIN_DUPLICATE_LINES])
            places[window].append((str(source.path), start))
    pairs = set()
    for found in places.values():
        for first in range(len(found)):
            for second in range(first + 1, len(found)):
                (a, i), (b, k) = found[first], found[second]
                if i and k and listed[a][i - 1][1] == listed[b][k - 1][1]:
                    continue  # the pair began earlier
                pairs.add(f"{a}:{listed[a][i][0]} {b}:{listed[b][k][0]}")
    return sorted(pairs)


def main(root, details):
    sources = read(root)
    crates = {path.parent.name for path in (root / "crates").glob("*/Cargo.toml")} | {"xtask"}
    names = [name for source in sources for name in type_names(source)]
    counts = collections.Counter(names)
    one_word = [name for name in names if len(re.findall(r"[A-Z][a-z0-9]*", name)) == 1]
    shared = [name for name in names if counts[name] > 1]
    comments = [line for source in sources for line in source.comments]
    text = "\n".join(comments).lower()
    functions = [name for source in sources for name in long_functions(source)]
    files = [str(source.path) for source in sources if len(source.lines) > MAX_FILE_LINES]
    rings = circles(imports(sources))
    exports = [
        f"{source.path}: {match.group(0)}"
        for source in sources
        for match in re.finditer(r"\bpub(?:\([a-z]+\))?\s+use\s+(?:::)?(\w+)", source.code)
        if match.group(1) in crates - {source.crate} and not (source.path.parent / f"{match.group(1)}.rs").exists()
    ]
    copies = duplicates(sources)
    code_lines = sum(source.code_lines for source in sources)
    rows = [
        ("types", len(names), None),
        ("one-word type names, %", 100 * len(one_word) / len(names), sorted(one_word)),
        ("types that share a name, %", 100 * len(shared) / len(names), sorted(set(shared))),
        ("comment lines", len(comments), None),
        ("comment lines per 100 lines of code", 100 * len(comments) / code_lines, None),
    ]
    for word in WORDS:
        count = len(re.findall(rf"\b{word.replace(' ', chr(92) + 's+')}\b", text))
        rows.append((f"“{word}” per 1,000 comment lines", 1000 * count / len(comments), None))
    rows += [
        (f"functions over {MAX_FUNCTION_LINES} lines", len(functions), functions),
        (f"files over {MAX_FILE_LINES} lines", len(files), files),
        ("import circles between files", len(rings), [", ".join(ring) for ring in rings]),
        ("re-exports of other crates", len(exports), exports),
        (f"duplicates of {MIN_DUPLICATE_LINES} or more lines", len(copies), copies),
    ]
    for label, value, found in rows:
        print(f"{label}\t{value:.1f}" if isinstance(value, float) else f"{label}\t{value}")
        if details and found:
            print("".join(f"\t\t{line}\n" for line in found), end="")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), "--details" in sys.argv[2:])
