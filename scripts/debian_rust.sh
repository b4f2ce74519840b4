#!/usr/bin/env bash
# Unpacks Debian's Rust, with its sources and the standard library for ARCH, below target/debian-rust, and
# prints the path of its rustc. Installs nothing: as packages they would take the place of a rustup.
#
#   scripts/debian_rust.sh ARCH      an architecture of Debian: amd64, arm64, ...
#
# The standard library is not packaged for every architecture; cargo can build it from the sources.
set -euo pipefail
cd "$(dirname "$0")/.."
arch=$1
place=$PWD/target/debian-rust
rustc=$place/rustc
if [ -e "$place/$arch.done" ]; then echo "$rustc"; exit 0; fi
command -v apt-get >/dev/null || { echo "$0: needs apt-get" >&2; exit 1; }

# A state of apt's own, in which nothing is installed and two architectures are known.
state=$place/apt
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$place/debs" "$place/root"
: >"$state/status"
cat >"$state/apt.conf" <<END
Dir::State "$state";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
APT::Architecture "$(dpkg --print-architecture)";
APT::Architectures { "$(dpkg --print-architecture)"; "$arch"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "5";
END
export APT_CONFIG=$state/apt.conf
{
  apt-get -q update
  wanted="rustc-web rust-web-src libstd-rust-web-dev:$arch"
  # shellcheck disable=SC2086
  packages=$(apt-get -qq -s install $wanted | sed -nE 's/^Inst ((rust|libstd-rust|libllvm)[^ ]*) .*/\1/p')
  cd "$place/debs"
  # shellcheck disable=SC2086
  apt-get -q download $packages
  for package in *.deb; do dpkg -x "$package" "$place/root"; done
  rm -- *.deb
} >"$place/log" 2>&1 || { tail -n 20 "$place/log" >&2; exit 1; }
cat >"$rustc" <<END
#!/bin/sh
LD_LIBRARY_PATH="$place/root/usr/lib/$(gcc -print-multiarch)\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" \\
  exec "$place/root/usr/bin/rustc" "\$@"
END
chmod +x "$rustc"
touch "$place/$arch.done"
echo "$rustc"
