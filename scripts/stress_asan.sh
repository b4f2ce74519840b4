#!/usr/bin/env bash
# The stress test of the Python package under AddressSanitizer and its leak detector.
#
#   scripts/stress_asan.sh [requests]
#
# Library and extension module are instrumented, in a build of their own below target/.
set -euo pipefail
cd "$(dirname "$0")/.."

home=$PWD/target/asan
python=$home/venv/bin/python
[ -x "$python" ] || python3 -m venv "$home/venv"
# With a target given, cargo does not instrument what runs during the build.
CARGO_TARGET_DIR=$home CARGO_BUILD_TARGET=$(rustc -vV | sed -n 's/^host: //p') \
  RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" CFLAGS="-fsanitize=address" \
  "$python" -m pip install . --quiet --disable-pip-version-check

checked() { # Python's own objects are memory of malloc too; freed memory is not kept for long.
  LD_PRELOAD=$(gcc -print-file-name=libasan.so) PYTHONMALLOC=malloc ASAN_OPTIONS=quarantine_size_mb=1 \
    "$python" -X dev "$@"
}

must_be_found() {
  if checked -c "from pymongoose._core import ffi, lib; $2" 2>"$home/probe.txt" || ! grep -q "$1" "$home/probe.txt"; then
    echo "$0: the sanitizer does not find a bug that is put there: $1" >&2
    exit 1
  fi
}
must_be_found "detected memory leaks" "lib.mg_calloc(1, 100)"
must_be_found "heap-buffer-overflow" "lib.mg_crc32(0, ffi.cast('char *', lib.mg_calloc(1, 100)), 101)"

# The sanitizer's own memory grows for a while.
checked tests/python/stress.py "${1:-1000000}" 20000
