#!/usr/bin/env bash
# Compares time and memory of `opensandbox-verify` with those of `gh attestation verify` for the same bundle, as whole
# processes. Also measures `cargo xtask verify` without cargo, to show the cost of the whole suite. Creates the bundle
# in a temporary directory. The first run builds the release profile, which takes minutes. Requires hyperfine, time and
# python3; scripts/tools.sh fetches gh.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --package xtask
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --package xtask --release --bin opensandbox-verify
gh="$root/target/tools/gh-2.103.3/bin/gh"
[ -x "$gh" ] || { echo "gh is missing: run scripts/tools.sh" >&2; exit 1; }
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --workspace --example attested_file
"$root/target/debug/examples/attested_file" "$work"
cd "$work"
workflow=acme/widgets/.github/workflows/release-generic.yml
wanted="artifact -R acme/widgets --bundle bundle.json --trusted-root root.json --signer-workflow $workflow"
ours="$root/target/release/opensandbox-verify $wanted"
suite="$root/target/debug/xtask verify $wanted"
theirs="$gh attestation verify artifact --repo acme/widgets --bundle bundle.json --custom-trusted-root root.json --signer-workflow $workflow"
export GH_TOKEN=invented GH_CONFIG_DIR="$work/gh" GH_NO_UPDATE_NOTIFIER=1
hyperfine --shell=none --warmup 3 --runs 30 --export-json times.json "$ours" "$suite" "$theirs" >/dev/null 2>&1 \
  || { echo "a command failed; run it by hand: $ours | $suite | $theirs" >&2; exit 1; }

# Prints the peak memory of a command: the median of five runs of time(1). A child process of python would include the
# memory of python itself.
peak() {
  for _ in 1 2 3 4 5; do command time -f %M -o memory "${@}" >/dev/null 2>&1; cat memory; done | sort -n | sed -n 3p
}
# shellcheck disable=SC2086
python3 - "$(peak $ours)" "$(peak $suite)" "$(peak $theirs)" <<'PY'
import json, pathlib, sys
times = [it["median"] * 1000 for it in json.loads(pathlib.Path("times.json").read_text())["results"]]
memories = [int(it) / 1024 for it in sys.argv[1:]]
print(f"{'what':<46} {'ours':>9} {'gh':>9} {'ratio':>7}  wanted")
missed = False
for what, (ours, suite, theirs), unit in [("whole process", times, "ms"), ("peak resident memory", memories, "MiB")]:
    print(f"{'opensandbox-verify, ' + what:<46} {ours:>6.1f} {unit:<3}{theirs:>6.1f} {unit:<3}{ours / theirs:>6.2f}  at most 0.2")
    print(f"{'cargo xtask verify, ' + what:<46} {suite:>6.1f} {unit:<3}{theirs:>6.1f} {unit:<3}{suite / theirs:>6.2f}")
    missed |= ours / theirs > 0.2
sys.exit(missed)
PY
