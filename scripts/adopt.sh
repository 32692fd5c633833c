#!/usr/bin/env bash
# Installs the suite into a clone of the repository that it releases: the committed state of this workspace as one
# directory, the release workflow and the legacy script at their usual paths, and the cargo alias `xtask` if the clone
# has no .cargo/config.toml. Commits nothing and changes nothing else. `git status` in the clone shows all changes.
# Usage: scripts/adopt.sh <clone> [folder]
set -euo pipefail
suite="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
usage="usage: scripts/adopt.sh <clone> [folder]"
clone="$(git -C "${1:?$usage}" rev-parse --show-toplevel)"
folder="${2:-release-suite}"
case "$folder" in
  */* | *[!a-zA-Z0-9._-]* | .*) echo "'$folder' is no plain name of a folder: $usage" >&2; exit 2 ;;
esac
[ ! -e "$clone/$folder" ] || { echo "$clone/$folder is there already: move it away first, or name another folder" >&2; exit 1; }

mkdir -p "$clone/$folder" "$clone/.github/workflows" "$clone/scripts/release" "$clone/.cargo"
git -C "$suite" archive HEAD | tar -x -C "$clone/$folder"
sed "s|^permissions: {}\$|&\n\ndefaults:\n  run:\n    working-directory: $folder|; s|path: target/debug/xtask|path: $folder/target/debug/xtask|" \
  "$suite/.github/workflows/release-generic.yml" > "$clone/.github/workflows/release-generic.yml"
cat > "$clone/scripts/release/create-release.sh" <<SCRIPT
#!/usr/bin/env bash
# The legacy entry point, at its usual path.
exec "\$(dirname "\${BASH_SOURCE[0]}")/../../$folder/scripts/release/create-release.sh" "\$@"
SCRIPT
chmod +x "$clone/scripts/release/create-release.sh"
if [ ! -e "$clone/.cargo/config.toml" ]; then
  printf '[alias]\nxtask = "run --quiet --manifest-path %s/Cargo.toml --package xtask --"\n' "$folder" > "$clone/.cargo/config.toml"
fi
git -C "$clone" status --short
