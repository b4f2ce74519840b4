#!/usr/bin/env bash
# Types of the installed package: the stubs say what is there at run time, and every public name has a type.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/bin/stubtest ] || scripts/venv.sh --dev
export PATH="$PWD/.venv/bin:$PATH" PYMONGOOSE_QUIET=1 PYRIGHT_PYTHON_IGNORE_WARNINGS=1
allowlist="$PWD/scripts/stubtest-allowlist.txt"
config="$PWD/pyproject.toml"

# Elsewhere: in this folder a checker would find the sources.
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
echo "types: stubtest"
stubtest pymongoose --concise --mypy-config-file "$config" --allowlist "$allowlist"
if command -v node >/dev/null; then
  echo "types: pyright --verifytypes"
  pyright --verifytypes pymongoose --ignoreexternal >report.txt || {
    sed -n '/^Symbols used/,$p' report.txt >&2
    exit 1
  }
  grep "Type completeness score" report.txt
else
  [ "${CI:-}" != true ] || { echo "types: node is missing" >&2; exit 1; }
  echo "types: SKIPPED pyright, which needs node" >&2
fi
