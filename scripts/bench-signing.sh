#!/usr/bin/env bash
# Measures how much time --sign-tag adds to a release of the demo repository, compared with ssh-keygen and gpg alone.
# Creates temporary keys in a temporary directory. Requires hyperfine and python3.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --package xtask
xtask="$root/target/debug/xtask"
work="$(mktemp -d)"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GNUPGHOME="$work/gnupg"
mkdir -m 700 "$GNUPGHOME"
trap 'gpgconf --kill all; rm -rf "$work"' EXIT
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --workspace --example demo
"$root/target/debug/examples/demo" "$work/demo"
cd "$work/demo"

ssh-keygen -q -t ed25519 -N '' -f "$work/key"
gpg --batch --quiet --passphrase '' --quick-gen-key 'Demo Maintainer <maintainer@demo.example>' ed25519 sign never 2>/dev/null
gpg --armor --export > .git/keys.asc
echo "maintainer@demo.example $(cut -d' ' -f1,2 "$work/key.pub")" > .git/allowed
fingerprint="$(gpg --with-colons --list-keys | grep '^fpr' | cut -d: -f10)"
{ cat "$root/release.toml"; printf '[signers]\nallowed_signers = "allowed"\nopenpgp_keyring = "keys.asc"\nopenpgp_fingerprints = ["%s"]\n' "$fingerprint"; } > .git/release.toml
echo payload > .git/payload

# measure <name> <command> [prepare]
measure() {
  hyperfine --warmup 3 --runs 30 --export-json "$work/$1.json" --prepare "${3:-true}" "$2" >/dev/null 2>&1
}
release="$xtask release server/v0.2.0 --quiet --config .git/release.toml"
untag="git tag -d server/v0.2.0 >/dev/null 2>&1 || true"
measure unsigned "$release" "$untag"
git config gpg.format ssh
git config user.signingKey "$work/key"
measure ssh "$release --sign-tag" "$untag"
measure ssh-alone "ssh-keygen -q -Y sign -n git -f $work/key < .git/payload"
git config gpg.format openpgp
git config user.signingKey "$fingerprint"
measure openpgp "$release --sign-tag" "$untag"
measure openpgp-alone "gpg --batch -bsa < .git/payload"

python3 - "$work" <<'PY'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
median = lambda name: json.loads((work / f"{name}.json").read_text())["results"][0]["median"] * 1000
failed = False
for kind, program in [("ssh", "ssh-keygen"), ("openpgp", "gpg")]:
    alone, added = median(f"{kind}-alone"), median(kind) - median("unsigned") - median(f"{kind}-alone")
    failed |= added > 50
    print(f"{kind:<8} {program} alone {alone:5.1f} ms, --sign-tag adds {added:5.1f} ms to that; at most 50 ms: {'yes' if added <= 50 else 'NO'}")
sys.exit(failed)
PY
