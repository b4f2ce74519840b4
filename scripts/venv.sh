#!/usr/bin/env bash
# Makes .venv and installs pymongoose, built from this tree, into it.
#
#   scripts/venv.sh          the package
#   scripts/venv.sh --dev    the tools of lints and tests, then the package
#   scripts/venv.sh --tools  the tools only
set -euo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
[ -x "$python" ] || python3 -m venv .venv
pip() { "$python" -m pip "$@" --quiet --disable-pip-version-check; }

if [ "${1:-}" != "" ]; then
  stamp=.venv/dev-requirements.txt
  cmp -s scripts/dev-requirements.txt "$stamp" || {
    pip install -r scripts/dev-requirements.txt
    cp scripts/dev-requirements.txt "$stamp"
  }
fi
[ "${1:-}" = --tools ] || pip install .
