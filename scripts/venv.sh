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
[ "${1:-}" != --tools ] || exit 0

# Everything that the package is made of, and the options of its build (docs/python/building.md).
ingredients() {
  "$python" -V
  env | grep -E '^(MONGOOSE_PROFILE|USE_[A-Z]+|MG_[A-Z_]+|C?FLAGS|CC)=' | sort || true
  find setup.py pyproject.toml Cargo.toml Cargo.lock build.rs cbindgen.toml build cffi src \
    -type f ! -name '*.pyc' ! -path 'build/lib*' -print0 | sort -z | xargs -0 sha256sum
}
built=.venv/built.txt
made_of=$(ingredients | sha256sum)
if [ "$(cat $built 2>/dev/null)" != "$made_of" ] || ! "$python" -m pip show --quiet libmongoose 2>/dev/null; then
  # With the tools there is all that the build needs, and nothing is fetched.
  isolation=()
  [ "${1:-}" != --dev ] || isolation=(--no-build-isolation)
  rm -f $built
  pip install ${isolation[@]+"${isolation[@]}"} .
  echo "$made_of" >$built
fi
