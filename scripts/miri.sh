#!/bin/sh
# Runs the tests that use no socket, no file and no C code under Miri: codec, queue, mailbox, buffers.
# Miri interprets them, and stops at the first undefined behaviour.
set -eu
cd "$(dirname "$0")/.."
if ! cargo +nightly miri --version >/dev/null 2>&1; then
  echo "make miri needs a nightly toolchain with Miri: rustup toolchain install nightly --component miri"
  exit 1
fi
# What an interpreter cannot do: it has no clock of the machine and no descriptors here.
exec cargo +nightly miri test --lib -- codec:: net::event_loop::queue net::event_loop::mailbox \
  net::event_loop::iobuf "$@"
