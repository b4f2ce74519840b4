export DESTDIR PREFIX BINDIR LIBDIR INCLUDEDIR PKGCONFIGDIR CMAKEDIR MANDIR DOCDIR LINKDIR

# The commands that matter: `make run`, `make check` while you work, `make test` before you commit.

.PHONY: help run docs docs-serve check test test-arm64 test-hostile signals soak fuzz autobahn bench dropin header install uninstall miri lint types fmt clean

help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /make \1\t/' | expand -t 14

run: ## build everything and serve the demo page on 127.0.0.1
	@scripts/run.sh

docs: ## build the site of the documentation in target/site and check every link
	@scripts/docs.sh build

docs-serve: ## show that site on 127.0.0.1:8001 and follow changes
	@scripts/docs.sh serve

check: ## the tests for everyday work, a minute: no browsers, other programs, packages, soak
	@python3 scripts/run_tests.py --check

test: ## run every test; the last line says how many passed and failed
	@python3 scripts/run_tests.py

test-arm64: ## C and Rust tests on 64-bit ARM under QEMU; installs a compiler and QEMU, unpacks a Rust
	@scripts/cross.sh arm64 c
	@scripts/cross.sh arm64 rust --lib --tests

test-hostile: ## the suites on busy, poor and foreign machines; options: make test-hostile ARGS="busy"
	@python3 scripts/hostile.py $(ARGS)

signals: ## what every signal does to whatever is in progress under `pymongoose serve`
	@scripts/venv.sh --dev
	@MONGOOSE_SIGNALS=all .venv/bin/python -m pytest -q tests/serve/test_signal_matrix.py

soak: ## ten minutes of random traffic and misuse; other: make soak ARGS="SECONDS SEED"
	@cargo build --release --quiet
	@tests/soak/run.py $(ARGS)

fuzz: ## fuzz all targets, TIME seconds in sum, else 60: make fuzz TIME=600 ARGS="head url"; libFuzzer on nightly
	@python3 scripts/fuzz.py --time $(or $(TIME),60) $(ARGS)

autobahn: ## Autobahn's WebSocket suite, an hour or two; needs Python 2.7; options: make autobahn ARGS="server-c --cases 1.*"
	@cargo build --release --quiet
	@scripts/venv.sh
	@tests/autobahn/run.py $(ARGS) || [ $$? -eq 77 ]

bench: ## compare with other servers; options: make bench ARGS="--rounds 5"
	@scripts/tools.sh bench
	@scripts/venv.sh
	@python3 benches/run.py $(ARGS)

header: ## write include/mongoose.h from the sources
	@cargo build --profile quick --quiet
	@cp target/quick/include/mongoose.h include/mongoose.h

dropin: ## mongoose.h, mongoose.c, libmongoose.a for another build: make dropin DIR=lib TLS=0
	@python3 scripts/dropin.py "$(DIR)"

install: ## install library, header, pkg-config and CMake files, manual: make install PREFIX=/usr/local DESTDIR=
	@cargo build --release --quiet
	@python3 scripts/install.py install

uninstall: ## remove what `make install` with the same PREFIX and DESTDIR installed
	@python3 scripts/install.py uninstall

miri: ## undefined behaviour in the parts that need no socket; needs a nightly with miri
	@scripts/miri.sh

lint: ## formatting, lints and types
	@scripts/lint.sh

types: ## the stubs against the installed package, and types of all public names
	@scripts/types.sh

fmt: ## format Rust and Python
	@scripts/venv.sh --tools
	@cargo fmt
	@.venv/bin/ruff format --quiet

clean: ## remove what was built
	@cargo clean --quiet
	@rm -rf .venv build/lib* dist
