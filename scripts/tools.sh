#!/usr/bin/env bash
# Installs the Debian packages that the tests or the benchmarks need and that are missing.
#
#   scripts/tools.sh test|bench
#
# Without root (or apt-get) it says loudly what will be skipped; with CI=true that is a failure.
set -euo pipefail

declare -A package=(
  [gcc]=gcc [g++]=g++ [clang]=clang [curl]=curl [strace]=strace [valgrind]=valgrind
  [chromium]=chromium [chromedriver]=chromium-driver [nginx]=nginx-light [wrk]=wrk
)
case "${1:-}" in
  test) wanted=(gcc g++ clang curl strace valgrind chromium chromedriver nginx) ;;
  bench) wanted=(gcc wrk) ;;
  *) echo "usage: $0 test|bench" >&2; exit 2 ;;
esac

missing=()
for tool in "${wanted[@]}"; do
  command -v "$tool" >/dev/null || missing+=("${package[$tool]}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]} ..."
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  export DEBIAN_FRONTEND=noninteractive
  if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    exit 0
  fi
  tail -n 20 "$log" >&2
fi

echo "MISSING: ${missing[*]}. Install them (apt-get install ${missing[*]}) to run everything." >&2
if [ "${CI:-}" = true ] || [ "$1" = bench ]; then exit 1; fi
echo "The tests that need them are SKIPPED." >&2
