#!/usr/bin/env bash
# Makes a small repository that has what the real one has: several targets with tags, merged pull requests, squashed
# ones, a revert, co-authors, programs, odd subjects. Usage: scripts/demo-repository.sh <folder>
set -euo pipefail

folder="${1:?usage: scripts/demo-repository.sh <folder>}"
[ ! -e "$folder" ] || { echo "$folder is there already" >&2; exit 1; }
mkdir -p "$folder"
cd "$folder"
# Nobody's configuration, and the same object names every time.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME="Demo Maintainer" GIT_COMMITTER_EMAIL="maintainer@demo.example"
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
time=1780000000

# commit <author> <path> <message>
commit() {
  local author="$1" path="$2" message="$3"
  GIT_AUTHOR_NAME="${author%% <*}"
  GIT_AUTHOR_EMAIL="${author##*<}"
  GIT_AUTHOR_EMAIL="${GIT_AUTHOR_EMAIL%>}"
  time=$((time + 3600))
  GIT_AUTHOR_DATE="$time +0000" GIT_COMMITTER_DATE="$time +0000"
  mkdir -p "$(dirname "$path")"
  echo "$message" >> "$path"
  git add -A
  git commit -q -m "$message"
}

# merge <number> <branch>
merge() {
  time=$((time + 3600))
  GIT_AUTHOR_DATE="$time +0000" GIT_COMMITTER_DATE="$time +0000"
  git checkout -q main
  git merge -q --no-ff -m "Merge pull request #$1 from demo/$2" "$2"
}

ada="Ada Demo <101+ada-demo@users.noreply.github.com>"
grace="Grace Demo <grace@demo.example>"
bot="demo-bot[bot] <202+demo-bot[bot]@users.noreply.github.com>"

git init -q -b main
git config user.name "$GIT_COMMITTER_NAME"
git config user.email "$GIT_COMMITTER_EMAIL"
commit "$ada" README.md "chore: start the demo"
commit "$ada" server/main.py "feat(server): serve sandboxes (#1)"
commit "$grace" specs/sandbox-lifecycle.yml "feat(specs): describe the lifecycle (#2)"
commit "$ada" components/execd/main.go "feat(execd): run commands (#3)"
git tag server/v0.1.0
git tag docker/execd/v1.0.0

git checkout -q -b feature/pool
commit "$grace" server/pool.py "feat(server): keep a pool of warm sandboxes"
commit "$ada" server/pool.py "fix(server): do not leak a sandbox when the pool is full

Co-authored-by: Grace Demo <grace@demo.example>"
merge 4 feature/pool
commit "$bot" server/requirements.txt "chore(deps): bump @scope/example from 1.0 to 1.1 in /server (#5)"
commit "$grace" server/cache.py "feat(server): cache everything (#6)"
commit "$ada" server/cache.py "Revert \"feat(server): cache everything (#6)\" (#7)

This reverts commit $(git rev-parse HEAD)."
commit "$grace" server/api.py "feat(server)!: drop the v0 endpoints (#8)

BREAKING CHANGE: clients of /v0 must move to /v1."
commit "$grace" components/execd/main.go "fix(execd): kill the whole process group (#9)"
commit "$ada" docs/index.md "docs: tell how it all fits together"
commit "$ada" server/main.py "perf(server):start in half the time (#10)"

# A clone of nothing but this machine stands in for origin.
git clone -q --bare . .git/origin.git
git remote add origin "$PWD/.git/origin.git"
git fetch -q origin
git remote set-head origin main
