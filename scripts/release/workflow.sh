#!/usr/bin/env bash
# One step of .github/workflows/release-generic.yml: `release` with what was typed there, which comes by the environment, and with the
# flags of the step. Git pushes with GH_TOKEN, which stands in no file.
set -euo pipefail

flags=("$@")
[ -n "${FROM_TAG:-}" ] && flags+=("--from-tag=$FROM_TAG")
[ "${NO_PATH_FILTER:-false}" = true ] && flags+=(--no-path-filter)
[ "${INITIAL_RELEASE:-false}" = true ] && flags+=(--initial-release)
# Comma-separated, as the legacy workflow had them.
IFS=, read -ra paths <<< "${EXTRA_PATHS:-}"
for path in "${paths[@]}"; do
  flags+=("--path=$path")
done
# A tag that is there already says what is released, although the branch may have moved on since.
git rev-parse --quiet --verify "refs/tags/$TAG" >/dev/null && flags+=("--commit=refs/tags/$TAG")
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=credential.helper
# The helper is a command that git runs: it reads the token from its own environment.
# shellcheck disable=SC2016
export GIT_CONFIG_VALUE_0='!f() { echo username=x-access-token; echo "password=$GH_TOKEN"; }; f'
exec "$(dirname "${BASH_SOURCE[0]}")/xtask.sh" release "${flags[@]}" -- "$TAG"
