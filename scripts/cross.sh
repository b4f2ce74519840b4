#!/usr/bin/env bash
# Builds the library for another processor, and runs tests there under QEMU.
#
#   scripts/cross.sh PLATFORM check                    compiles it, without linking
#   scripts/cross.sh PLATFORM build [CARGO ARGUMENTS]
#   scripts/cross.sh PLATFORM c [PROGRAM ...]          C programs (tests/c); all if none is named
#   scripts/cross.sh PLATFORM rust [CARGO ARGUMENTS]   Rust tests, for example: --lib --test json
#
# PLATFORM is one of arm64, armhf, i386, riscv64, s390x. On Debian it installs the compiler and QEMU if it
# may. It takes the Rust of the machine if that has a standard library for the target (rustup target add),
# else Debian's (scripts/debian_rust.sh). PROFILE=release builds what is shipped; the default is quick.
set -euo pipefail
cd "$(dirname "$0")/.."
usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
platform=$1 action=$2
shift 2

flags=()
case $platform in
  arm64) target=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu qemu=aarch64 ;;
  armhf) target=armv7-unknown-linux-gnueabihf gnu=arm-linux-gnueabihf qemu=arm ;;
  i386) target=i686-unknown-linux-gnu gnu=i686-linux-gnu qemu=i386 ;;
  riscv64) target=riscv64gc-unknown-linux-gnu gnu=riscv64-linux-gnu qemu=riscv64 ;;
  s390x) target=s390x-unknown-linux-gnu gnu=s390x-linux-gnu qemu=s390x ;;
  *) usage ;;
esac

missing=()
command -v $gnu-gcc >/dev/null || missing+=("gcc-$gnu" "libc6-dev-$platform-cross")
command -v qemu-$qemu-static >/dev/null || missing+=(qemu-user-static)
if [ ${#missing[@]} -gt 0 ]; then
  echo "cross: installing ${missing[*]} ..." >&2
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  export DEBIAN_FRONTEND=noninteractive
  (apt-get update && apt-get install -y --no-install-recommends "${missing[@]}") >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; echo "cross: install ${missing[*]}" >&2; exit 1; }
fi

has_std() { compgen -G "$("$1" --print target-libdir --target $target)/libstd-*.rlib" >/dev/null; }
if ! has_std rustc; then
  # Packaged for few architectures: the others' is built from the sources, which a stable rustc does only
  # when it is told that it may.
  arch=amd64
  [ $platform = arm64 ] && arch=arm64
  RUSTC=$(scripts/debian_rust.sh $arch)
  export RUSTC
  if ! has_std "$RUSTC"; then
    export RUSTC_BOOTSTRAP=1
    flags+=(-Z "build-std=std,panic_unwind")
  fi
fi

profile=${PROFILE:-quick}
upper=$(echo $target | tr a-z- A-Z_)
export CARGO_TARGET_DIR=$PWD/target/cross
export "CC_${target//-/_}=$gnu-gcc"
export "CARGO_TARGET_${upper}_LINKER=$gnu-gcc"
export "CARGO_TARGET_${upper}_RUNNER=qemu-$qemu-static -L /usr/$gnu"
# The programs that build it are not worth optimising.
flags+=(--profile "$profile" --target $target --config 'profile.quick.package."*".opt-level=1')

case $action in
  check) cargo check --lib "${flags[@]}" "$@" ;;
  build) cargo build --lib "${flags[@]}" "$@" ;;
  c)
    cargo build --lib "${flags[@]}" ${CARGO_FLAGS:-}
    library=$CARGO_TARGET_DIR/$target/$profile
    python3 tests/c/run_programs.py --library "$library" --platform "$gnu:qemu-$qemu-static" \
      --configurations gcc-so "$@"
    ;;
  rust) cargo test "${flags[@]}" --no-fail-fast ${CARGO_FLAGS:-} "$@" ;;
  *) usage ;;
esac
