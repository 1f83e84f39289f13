#!/usr/bin/env bash
# Installs the programs named as arguments with apt-get when running as root, since that needs no
# prompt; each is also the name of its Debian package. Never fails: a test whose program is missing
# is SKIPPED with the command that installs it (test/helpers/needs.ts), and CI rejects skips.
set -euo pipefail

missing=()
for name in "$@"; do
  command -v "$name" >/dev/null || missing+=("$name")
done
if [[ ${#missing[@]} -eq 0 || $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then exit 0; fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  DEBIAN_FRONTEND=noninteractive timeout 240 \
    apt-get -qq -o DPkg::Lock::Timeout=60 -o Acquire::http::Timeout=15 "$@" >>"$log" 2>&1
}
install() { apt install --yes --no-install-recommends "${missing[@]}"; }

echo "test: installing ${missing[*]}"
# The package lists of an image are often missing or out of date; fetch them only when the install
# fails.
install || { apt update && install; } || {
  tail -n 5 "$log" >&2
  echo "test: could not install ${missing[*]}; the tests that need them are skipped" >&2
}
