#!/usr/bin/env bash
# The site of the documentation, in an environment of its own.
#
#   scripts/docs.sh build             target/site, strictly; then every link is checked
#   scripts/docs.sh serve             shows it on 127.0.0.1 and follows changes
#   scripts/docs.sh version VERSION   adds the site as that version to the branch gh-pages (mike); all
#                                     but "dev" are the latest one, which readers get first
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/docs-venv
requirements=scripts/docs-requirements.txt
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$venv/requirements.txt"
fi
export NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true

case "${1:-build}" in
  build)
    "$venv/bin/mkdocs" build --strict --quiet
    python3 scripts/site_links.py target/site
    ;;
  serve) "$venv/bin/mkdocs" serve --dev-addr "${ADDRESS:-127.0.0.1:8001}" ;;
  version)
    if [ "$2" = dev ]; then
      "$venv/bin/mike" deploy dev
      "$venv/bin/mike" list | grep -q latest || "$venv/bin/mike" set-default dev
    else
      "$venv/bin/mike" deploy --update-aliases "$2" latest
      "$venv/bin/mike" set-default latest
    fi
    ;;
  *)
    sed -n 's/^# \{0,1\}//p' "$0" | sed -n 3,6p >&2
    exit 2
    ;;
esac
