#!/usr/bin/env bash
# A whole `verify` of a bundle beside the real `gh attestation verify` of the same one: time and memory. The bundle is minted for the
# occasion, in a temporary folder. Needs hyperfine, time and python3; scripts/tools.sh fetches gh.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --package xtask
gh="$root/target/tools/gh-2.103.3/bin/gh"
[ -x "$gh" ] || { echo "gh is missing: run scripts/tools.sh" >&2; exit 1; }
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --workspace --example mint
"$root/target/debug/examples/mint" "$work"
cd "$work"
workflow=acme/widgets/.github/workflows/release-generic.yml
ours="$root/target/debug/xtask verify artifact -R acme/widgets --bundle bundle.json --trusted-root root.json --signer-workflow $workflow"
theirs="$gh attestation verify artifact --repo acme/widgets --bundle bundle.json --custom-trusted-root root.json --signer-workflow $workflow"
export GH_TOKEN=invented GH_CONFIG_DIR="$work/gh" GH_NO_UPDATE_NOTIFIER=1
hyperfine --shell=none --warmup 3 --runs 30 --export-json times.json "$ours" "$theirs" >/dev/null 2>&1 \
  || { echo "a command failed; run it by hand: $ours | $theirs" >&2; exit 1; }

# What time(1) tells: a child of python would count python's own memory.
peak() { command time -f %M -o memory "${@}" >/dev/null 2>&1; cat memory; }
# shellcheck disable=SC2086
python3 - "$(peak $ours)" "$(peak $theirs)" <<'PY'
import json, pathlib, sys
times = [it["median"] * 1000 for it in json.loads(pathlib.Path("times.json").read_text())["results"]]
memories = [int(it) / 1024 for it in sys.argv[1:3]]
print(f"{'what':<28} {'ours':>9} {'gh':>9} {'ratio':>7}  wanted")
for what, (ours, theirs), unit in [("verify, whole process", times, "ms"), ("peak resident memory", memories, "MiB")]:
    print(f"{what:<28} {ours:>6.1f} {unit:<3}{theirs:>6.1f} {unit:<3}{ours / theirs:>6.2f}  at most 0.2")
sys.exit(times[0] / times[1] > 0.2)
PY
