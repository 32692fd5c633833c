#!/usr/bin/env bash
# Downloads real packages of OpenSandbox with pip and npm, and compares each with its tag in a clone of OpenSandbox:
# `scripts/real-packages.sh CLONE [FOLDER]`. FOLDER keeps the packages; the default is a temporary folder. Prints a row
# for each package: the verdict, the tag and the file, and every finding that is not proven. Exits with 1 if a package
# cannot be downloaded, or if one is not proven that must be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
clone="${1:?usage: scripts/real-packages.sh CLONE [FOLDER]}"
folder="${2:-}"
if [ -z "$folder" ]; then
  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"

# tag, client, package, version. Each Python package has a wheel and a source distribution.
packages='
server/v0.1.14 pip opensandbox-server 0.1.14
server/v0.1.8 pip opensandbox-server 0.1.8
python/sandbox/v0.1.10 pip opensandbox 0.1.10
cli/v0.1.1 pip opensandbox-cli 0.1.1
python/code-interpreter/v0.1.2 pip opensandbox-code-interpreter 0.1.2
python/mcp/sandbox/v0.1.1 pip opensandbox-mcp 0.1.1
js/sandbox/v0.1.6 npm @alibaba-group/opensandbox 0.1.6
js/sandbox/v0.1.7 npm @alibaba-group/opensandbox 0.1.7
'

# The clients run in the folder, so that no configuration of this repository is used. Source distributions are not
# built: `pip download` would run code of the package to read its metadata.
download_wheel() {
  (cd "$folder" && python3 -m pip --isolated --disable-pip-version-check --quiet download --no-deps --only-binary :all: "$1==$2" >&2)
}
download_sdist() {
  python3 - "$1" "$2" "$folder" <<'PYTHON'
import json, pathlib, re, subprocess, sys, urllib.parse, urllib.request
name, version, folder = sys.argv[1:]
pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=True).stdout
index = re.search(r"^(?:global|install|:env:)\.index-url='?([^'\n]+)", listed, re.M)
if not index:
    usage = subprocess.run([*pip, "install", "--help"], capture_output=True, text=True, check=True).stdout
    index = re.search(r"--index-url <url>.*?\(default\s+(\S+?)\)", usage, re.S)
url = f"{index[1].rstrip('/')}/{name}/"
accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
with urllib.request.urlopen(urllib.request.Request(url, headers=accept), timeout=60) as answer:
    files = json.load(answer)["files"]
wanted = f"{name.replace('-', '_')}-{version}.tar.gz"
found = next(it for it in files if it["filename"] == wanted)
with urllib.request.urlopen(urllib.parse.urljoin(url, found["url"]), timeout=60) as answer:
    pathlib.Path(folder, wanted).write_bytes(answer.read())
PYTHON
}
download_npm() {
  (cd "$folder" && npm pack --silent "$1@$2" >/dev/null)
}

cargo build --quiet --locked --package xtask --bin xtask
failed=0
# compare TAG FILE: prints the row of a package.
compare() {
  local report code=0
  report="$(target/debug/xtask -C "$clone" compare "$2" "$1" --format json)" || code=$?
  case "$code" in
    0 | 10 | 11) ;;
    *) failed=1; echo "FAILED    $1  $(basename "$2")"; return ;;
  esac
  [ "$code" = 0 ] || failed=1
  python3 - "$1" "$2" "$report" <<'PYTHON'
import json, pathlib, sys
tag, file, report = sys.argv[1:]
report = json.loads(report)
equal = next((it["evidence"] for it in report["findings"] if it["check"] == "files" and it["verdict"] == "proven"), "")
print(f"{report['verdict']:<9} {tag:<32} {pathlib.Path(file).name:<56} {equal}")
for finding in report["findings"]:
    if finding["verdict"] != "proven":
        print(f"          {finding['reason']}: {finding['evidence']}")
PYTHON
}

while read -r tag client name version; do
  [ -n "$tag" ] || continue
  base="${name#@}"
  if [ "$client" = npm ]; then
    file="$folder/${base//\//-}-$version.tgz"
    [ -f "$file" ] || download_npm "$name" "$version" || { failed=1; echo "cannot download $name $version" >&2; continue; }
    compare "$tag" "$file"
    continue
  fi
  wheel="$folder/${base//-/_}-$version-py3-none-any.whl"
  sdist="$folder/${base//-/_}-$version.tar.gz"
  [ -f "$wheel" ] || download_wheel "$name" "$version" || { failed=1; echo "cannot download $name $version" >&2; continue; }
  [ -f "$sdist" ] || download_sdist "$name" "$version" || { failed=1; echo "cannot download $name $version" >&2; continue; }
  compare "$tag" "$wheel"
  compare "$tag" "$sdist"
done <<<"$packages"
exit "$failed"
