#!/usr/bin/env bash
# Runs a build whose result does not depend on who builds it, or where.
#
#   scripts/reproducible.sh cargo build --release --locked
#
# Paths of the builder, in panic messages and in assertions of C, become those of a fixed place. Two builds
# with the same compilers are the same, byte for byte. packaging/ and the release use it.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
home=$(realpath -m "${CARGO_HOME:-$HOME/.cargo}")
rust='' c=''
for pair in "$home/registry/src=/cargo" "$PWD=/libmongoose"; do
  rust+=" --remap-path-prefix=$pair"
  c+=" -ffile-prefix-map=$pair"
done
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
RUSTFLAGS="${RUSTFLAGS:-}$rust" CFLAGS="${CFLAGS:-}$c" SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH exec "$@"
