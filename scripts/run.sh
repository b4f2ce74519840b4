#!/usr/bin/env bash
# Builds everything, then serves the demo page until Ctrl+C.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "building the library ..."
cargo build --release --quiet
echo "installing pymongoose into .venv ..."
scripts/venv.sh
exec .venv/bin/python -m pymongoose.demo
