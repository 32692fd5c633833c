#!/usr/bin/env bash
# Installs the programs and libraries that the suite needs to be built and tested. Prints what it installs. Does nothing
# if nothing is missing. Uses apt-get on Debian and its derivatives; on other systems it prints what to install and
# fails.
set -euo pipefail

# command, Debian package, purpose
needs() {
  cat <<'LIST'
git git the repository, and the oracle of most tests
cc gcc libgit2 is built from source
gpg gnupg makes and checks OpenPGP signatures
gpgsm gpgsm makes and checks signatures by certificates
gpgme-tool libgpgme-dev gpg for programs
pkg-config pkg-config tells the compiler where that is
ssh-keygen openssh-client makes signatures, and is the oracle of ours
openssl openssl makes a signature that ssh-keygen no longer makes
python3 python3 puts that signature together
gzip gzip the oracle of archives
curl curl asks the GitHub on loopback, and is the measure of uploads
npm npm fetches GitHub's own description of its API
pip3 python3-pip fetches gh and sigstore-python
sha256sum coreutils the oracle of SHA256SUMS
cmp diffutils compares tar streams
taskset util-linux runs a test on one core
pgrep procps sees that no program was left running
strace strace sees that nobody is asked offline, and nothing of the operator's read
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
