#!/usr/bin/env bash
# Runs each fuzz target for SECONDS (default: 15). `all` includes the targets for bundles, which take minutes to build.
# Requires cargo-fuzz. If it is missing, prints that fuzzing was skipped and succeeds: the property tests of the same
# parsers run everywhere.
#
#   scripts/fuzz.sh [SECONDS] [all]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds="${1:-15}"

if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "SKIPPED: cargo-fuzz is not on this machine; the property tests stand in for it" >&2
  exit 0
fi
# Seeds: a valid bundle with its trusted root, archives written by git, and small packages.
seeds="$(mktemp -d)"
trap 'rm -rf "$seeds"' EXIT
mkdir "$seeds/bundles" "$seeds/archives" "$seeds/zip_packages" "$seeds/tar_packages"
cargo build --quiet --locked --workspace --example attested_file
target/debug/examples/attested_file "$seeds/bundles"
git archive --format=tar.gz --prefix=seed/ HEAD:docs -o "$seeds/archives/seed.tar.gz"
git archive --format=tar --prefix=seed/ HEAD:docs -o "$seeds/archives/seed.tar"
python3 - "$seeds" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile
seeds = pathlib.Path(sys.argv[1])
for name, method in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
    with zipfile.ZipFile(seeds / "zip_packages" / name, "w", method) as out:
        for path in ["widgets/__init__.py", "widgets/b.py"]:
            entry = zipfile.ZipInfo(path)
            entry.compress_type, entry.external_attr = method, 0o100644 << 16
            out.writestr(entry, f"{path}\n" * 20)
with tarfile.open(seeds / "tar_packages" / "ustar", "w", format=tarfile.USTAR_FORMAT) as out:
    for path in ["package/package.json", "package/src/index.js"]:
        entry = tarfile.TarInfo(path)
        entry.size = len(path)
        out.addfile(entry, io.BytesIO(path.encode()))
PYTHON

# Lets the stable compiler accept the unstable sanitizer flags that cargo-fuzz sets. Not set earlier, because a change
# of this variable rebuilds everything.
export RUSTC_BOOTSTRAP=1
crates=(tests/fuzz)
[ "${2:-}" = all ] && crates+=(tests/fuzz-bundles)
for crate in "${crates[@]}"; do
  for target in $(cargo fuzz list --fuzz-dir "$crate"); do
    echo "fuzzing $target for $seconds s"
    mkdir -p "$crate/corpus/$target" "$seeds/$target"
    cargo fuzz run --fuzz-dir "$crate" "$target" "$crate/corpus/$target" "$seeds/$target" \
      -- -max_total_time="$seconds" -max_len=16384 -print_final_stats=1 2>&1 | tail -n 8
  done
done
