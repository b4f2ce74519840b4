#!/usr/bin/env bash
# Makes a tarball of the committed tree with the sources of all crates: it builds without a network.
#
#   scripts/tarball.sh [DIRECTORY]     writes DIRECTORY/libmongoose-VERSION-vendored.tar.gz (dist/)
#
# Two runs on the same commit give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-dist}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
name=libmongoose-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/$name"
git archive HEAD | tar -x -C "$work/$name"
# cargo prints the configuration that makes it use the folder, unless it is told to be quiet.
mkdir -p "$work/$name/.cargo"
(cd "$work/$name" && cargo vendor --locked --versioned-dirs vendor >.cargo/config.toml 2>"$work/log") ||
  { cat "$work/log" >&2; exit 1; }
# A cargo that has no crates finds each of them there.
(cd "$work/$name" && CARGO_HOME=$work/empty cargo fetch --locked --offline --quiet)
time=$(git log -1 --format=%ct)
tar --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner -C "$work" -c "$name" |
  gzip -n >"$out/$name-vendored.tar.gz"
echo "$out/$name-vendored.tar.gz"
