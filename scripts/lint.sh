#!/usr/bin/env bash
# Formatting, lints and types of everything. Changes nothing; `make fmt` does.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/venv.sh --tools

step() { echo "lint: $*"; "$@"; }
step cargo fmt --check
step cargo clippy --profile quick --quiet --all-targets -- -D warnings
# For readers of the code: links to private items are welcome.
RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" \
  step cargo doc --profile quick --quiet --no-deps --document-private-items
step .venv/bin/ruff check --quiet
step .venv/bin/ruff format --check --quiet
step .venv/bin/mypy --strict cffi/pymongoose scripts benches/{run,echo,files,slowloris,ws,tls}.py tests
