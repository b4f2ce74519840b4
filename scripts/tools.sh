#!/usr/bin/env bash
# Installs the Debian packages that the tests or the benchmarks need and that are missing.
#
#   scripts/tools.sh test|bench
#
# Without root (or apt-get) it says loudly what will be skipped; with CI=true that is a failure.
set -euo pipefail

declare -A package=(
  [gcc]=gcc [g++]=g++ [clang]=clang [curl]=curl [strace]=strace [valgrind]=valgrind
  [chromium]=chromium [chromedriver]=chromium-driver [nginx]=nginx-light [haproxy]=haproxy [luajit]=luajit [bindgen]=bindgen [node]=nodejs [mosquitto_pub]=mosquitto-clients [wrk]=wrk
  [dnsmasq]=dnsmasq-base [ip]=iproute2 [ab]=apache2-utils [openssl]=openssl
  [ffmpeg]=ffmpeg [mosquitto]=mosquitto [ccache]=ccache
  [dh]=debhelper [dpkg-buildpackage]=dpkg-dev [fakeroot]=fakeroot
  [pkg-config]=pkg-config [cmake]=cmake [meson]=meson [mandoc]=mandoc [ld.lld]=lld [mold]=mold
)
case "${1:-}" in
  test) wanted=(gcc g++ clang ccache curl strace valgrind chromium chromedriver nginx dnsmasq ip ab ffmpeg mosquitto mosquitto_pub
    haproxy luajit bindgen node openssl dh dpkg-buildpackage fakeroot
    pkg-config cmake meson mandoc ld.lld mold)
    # What the Debian packages are built with, and no command tells.
    packages=(python3-cffi python3-dev python3-pip python3-setuptools python3-wheel) ;;
  bench) wanted=(gcc wrk) ;;
  *) echo "usage: $0 test|bench" >&2; exit 2 ;;
esac

# Unpacked, not installed: as a package it would take the place of the machine's own time daemon.
unpacked=target/tools
needs_chrony() { [ "$1" = test ] && ! command -v chronyd >/dev/null && [ ! -x $unpacked/usr/sbin/chronyd ]; }

missing=()
if command -v dpkg-query >/dev/null; then
  for name in ${packages[@]+"${packages[@]}"}; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
fi
for tool in "${wanted[@]}"; do
  command -v "$tool" >/dev/null || missing+=("${package[$tool]}")
done
all=("${missing[@]}")
if needs_chrony "$1"; then all+=(chrony); fi
[ ${#all[@]} -gt 0 ] || exit 0

apt_get() { apt-get -o Acquire::Retries=5 "$@"; }
get() {
  apt_get update || return
  if [ ${#missing[@]} -gt 0 ]; then
    apt_get install -y --no-install-recommends "${missing[@]}" || return
  fi
  if needs_chrony "$1"; then
    mkdir -p $unpacked && cd $unpacked && apt_get download chrony && dpkg -x chrony_*.deb . && rm chrony_*.deb
  fi
}

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${all[*]} ..."
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  export DEBIAN_FRONTEND=noninteractive
  if (get "$1") >"$log" 2>&1; then exit 0; fi
  tail -n 20 "$log" >&2
fi

echo "MISSING: ${all[*]}. Install them (apt-get install ${all[*]}) to run everything." >&2
if [ "${CI:-}" = true ] || [ "$1" = bench ]; then exit 1; fi
echo "The tests that need them are SKIPPED." >&2
