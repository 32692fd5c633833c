#!/usr/bin/env bash
# Compares the suite with other programs on a clone of the real repository: whole processes, both in the same run, as a
# ratio.
#
#   scripts/bench.sh <clone of alibaba/OpenSandbox, with all tags and files>
#
# Requires hyperfine, python3, git and, for the legacy script, ripgrep. Uses git-cliff if it is installed. Does not
# change the clone: all output goes to a temporary directory. The legacy script is the one in the clone.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
clone="$(cd "${1:?usage: scripts/bench.sh <clone>}" && pwd)"
for tool in hyperfine python3 git rg; do
  command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 1; }
done

cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --package xtask
xtask="$root/target/debug/xtask"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
git -C "$clone" show main:scripts/release/create-release.sh > "$work/legacy.sh"
# For the benchmark of the whole history: without tags, both programs start at the first commit.
# The legacy script must run inside a repository.
git clone --quiet --no-tags --no-checkout "$clone" "$work/untagged"
cd "$clone"

# compare <name> <runs> <ours> <peer>
compare() {
  hyperfine --shell=none --warmup 2 --runs "$2" --export-json "$work/$1.json" "$3" "$4" >/dev/null 2>&1 \
    || { echo "$1: a command failed; run it by hand: $3 | $4" >&2; exit 1; }
}

ours="$xtask -C $clone"
compare dry-run 20 "$ours release server/v0.1.15 --dry-run" \
  "bash $work/legacy.sh --target server --version 0.1.15 --dry-run"
(
  cd "$work/untagged"
  compare history 3 "$xtask release server/v0.1.15 --dry-run --initial-release --no-path-filter --allow clean-tree" \
    "bash $work/legacy.sh --target server --version 0.1.15 --initial-release --no-path-filter --dry-run"
)
compare archive 10 "$ours archive server/v0.1.14 --out $work/out" \
  "git -C $clone archive --format=tar.gz -o $work/git.tar.gz --prefix=opensandbox-server-v0.1.14/ server/v0.1.14"
if command -v git-cliff >/dev/null; then
  compare git-cliff 20 "$ours notes server/v0.1.15" \
    "git-cliff --workdir $clone --include-path server/** --tag-pattern server/.* server/v0.1.14..HEAD"
fi

python3 - "$work" "$xtask" "$clone" <<'PY'
import json, os, pathlib, resource, subprocess, sys
work, xtask, clone = map(pathlib.Path, sys.argv[1:])
rows = [("dry-run", "dry run, server, vs. the legacy script", "at least 20 times faster", lambda r: r >= 20),
        ("history", "dry run, whole history, vs. the legacy script", "at least 200 times faster", lambda r: r >= 200),
        ("git-cliff", "notes, server, vs. git-cliff", "at least 2 times faster", lambda r: r >= 2),
        ("archive", "archive, vs. git archive --format=tar.gz", "at least 1/0.6 times faster", lambda r: r >= 1 / 0.6)]
print(f"{'what':<48} {'ours':>9} {'peer':>9} {'ratio':>7}  wanted")
failed = False
for name, what, wanted, holds in rows:
    file = work / f"{name}.json"
    if not file.exists():
        print(f"{what:<48} {'-':>9} {'-':>9} {'-':>7}  {wanted} (the peer is not on this machine)")
        continue
    ours, peer = (it["median"] * 1000 for it in json.loads(file.read_text())["results"])
    failed |= not holds(peer / ours)
    print(f"{what:<48} {ours:>6.1f} ms {peer:>6.1f} ms {peer / ours:>6.1f}x  {wanted}: {'yes' if holds(peer / ours) else 'NO'}")
ours, peer = ((work / it).stat().st_size for it in ["out/opensandbox-server-v0.1.14.tar.gz", "git.tar.gz"])
failed |= ours > 1.02 * peer
print(f"{'archive, bytes':<48} {ours:>9} {peer:>9} {ours / peer:>6.4f}   at most 1.02: {'yes' if ours <= 1.02 * peer else 'NO'}")
subprocess.run([xtask, "-C", clone, "archive", "server/v0.1.14", "--out", work / "out"], check=True, capture_output=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
failed |= peak > 64
print(f"{'archive, peak memory':<48} {peak:>5.1f} MiB {'':>17}  under 64 MiB: {'yes' if peak <= 64 else 'NO'}")
sys.exit(failed)
PY
