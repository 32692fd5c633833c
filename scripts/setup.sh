#!/usr/bin/env bash
# Installs the programs and libraries that the suite needs to be built and tested. Prints what it installs. Does nothing
# if nothing is missing. Uses apt-get on Debian and its derivatives; on other systems it prints what to install and
# fails.
set -euo pipefail

# command, Debian package, purpose
needs() {
  cat <<'LIST'
git git manages the repository; the tests compare results with it
git-evtag git-evtag the tests compare the digests in tags with it
cc gcc compiles libgit2
gpg gnupg creates and verifies OpenPGP signatures
sqv sqv the tests compare verdicts on OpenPGP signatures with it
gpgsm gpgsm creates and verifies X.509 signatures
gpgme-tool libgpgme-dev the library through which gpg and gpgsm are called
pkg-config pkg-config finds that library for the compiler
ssh-keygen openssh-client creates SSH signatures; the tests compare verdicts with it
openssl openssl creates a test signature that ssh-keygen no longer creates
python3 python3 assembles that test signature
gzip gzip the tests decompress archives with it
curl curl the tests compare uploads with it
npm npm downloads GitHub's description of its API for the tests
pip3 python3-pip downloads gh and sigstore-python for the tests
sha256sum coreutils the tests verify SHA256SUMS with it
cmp diffutils the tests compare archives with it
taskset util-linux runs a test on one processor
pgrep procps shows whether a test left a process behind
strace strace shows that --offline opens no socket and which files are read
LIST
}

missing=()
while read -r command package purpose; do
  if ! command -v "$command" >/dev/null 2>&1; then
    echo "missing: $command ($package): $purpose" >&2
    missing+=("$package")
  fi
done < <(needs)

if ! command -v cargo >/dev/null 2>&1; then
  echo "missing: cargo. Install Rust $(grep -m1 '^rust-version' "$(dirname "${BASH_SOURCE[0]}")/../Cargo.toml" | tr -dc '0-9.') or later: https://rustup.rs" >&2
  exit 1
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "This is no Debian system. Install these with your package manager, then run again: ${missing[*]}" >&2
  exit 1
fi
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
echo "installing: ${missing[*]}" >&2
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
