#!/usr/bin/env bash
# Runs `release` for a step of .github/workflows/release-generic.yml, with the flags of the step and the inputs of the
# workflow, which are environment variables. git pushes with GH_TOKEN, which is not written to any file.
set -euo pipefail

flags=("$@")
[ -n "${FROM_TAG:-}" ] && flags+=("--from-tag=$FROM_TAG")
[ "${NO_PATH_FILTER:-false}" = true ] && flags+=(--no-path-filter)
[ "${INITIAL_RELEASE:-false}" = true ] && flags+=(--initial-release)
# Comma-separated, as in the legacy workflow.
IFS=, read -ra paths <<< "${EXTRA_PATHS:-}"
for path in "${paths[@]}"; do
  flags+=("--path=$path")
done
# If the tag exists, release its commit: the branch may have moved since.
git rev-parse --quiet --verify "refs/tags/$TAG" >/dev/null && flags+=("--commit=refs/tags/$TAG")
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=credential.helper
# git runs this helper as a command, which reads the token from its environment.
# shellcheck disable=SC2016
export GIT_CONFIG_VALUE_0='!f() { echo username=x-access-token; echo "password=$GH_TOKEN"; }; f'
exec "$(dirname "${BASH_SOURCE[0]}")/xtask.sh" release "${flags[@]}" -- "$TAG"
