#!/usr/bin/env bash
# Builds the library with the options in the environment (MG_DATA_SIZE=64 ...) into a target
# directory of its own. The dependencies, which know no options, are copied from the quick build.
#
#   NAME=value scripts/options.sh TARGET_DIRECTORY [cargo arguments; default: build]
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1
shift

if [ ! -d "$target/quick" ] && [ -d target/quick/deps ]; then
  made=$target/quick.$$
  mkdir -p "$made"
  cp -a target/quick/{deps,build,.fingerprint} "$made"
  find "$made" -maxdepth 2 \( -name 'mongoose*' -o -name 'libmongoose*' \) -exec rm -rf {} +
  mv "$made" "$target/quick"
fi
command=${1:-build}
exec cargo "$command" --profile quick --target-dir "$target" "${@:2}"
