"""The folder that a build drops in, and the functions that programs replace."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402

SERVER = """
#include "mongoose.h"
static void fn(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) mg_http_reply(c, 200, "", "ok\\n");
  (void) ev_data;
}
int mldsa_ntt(void);
int mldsa_ntt(void) { return 7; }  /* a name of the TLS library */
int main(void) {
  struct mg_mgr mgr;
  mg_log_set(MG_LL_ERROR);
  mg_mgr_init(&mgr);
  if (mg_http_listen(&mgr, "http://127.0.0.1:0", fn, NULL) == NULL) return 1;
  mg_mgr_poll(&mgr, 1);
  printf("%lu %d\\n", (unsigned long) mgr.conns->recv.align, mldsa_ntt());
  mg_mgr_free(&mgr);
  return 0;
}
"""

# Each function that a program may define, once: it says that it was called.
HOOKS = """
#include "mongoose.h"
static int seen;
void *mg_calloc(size_t count, size_t size) { seen |= 1; return calloc(count, size); }
void mg_free(void *ptr) { seen |= 2; free(ptr); }
uint64_t mg_millis(void) { seen |= 4; return 12345; }
bool mg_random(void *buf, size_t len) { seen |= 8; memset(buf, 1, len); return true; }
void mg_log(const char *fmt, ...) { seen |= 16; (void) fmt; }
void mg_log_prefix(int level, const char *file, int line, const char *fname) {
  seen |= 32; (void) level, (void) file, (void) line, (void) fname;
}
bool mg_ota_begin(size_t size) { seen |= 64; return size == 3; }
bool mg_ota_write(const void *buf, size_t len) { seen |= 128; return buf != NULL && len > 0; }
bool mg_ota_end(void) { seen |= 256; return true; }
static void fn(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_HDRS) mg_http_start_ota(c, (struct mg_http_message *) ev_data, NULL);
}
static void client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) mg_printf(c, "POST / HTTP/1.1\\r\\nContent-Length: 3\\r\\n\\r\\nabc");
  (void) ev_data;
}
int main(void) {
  struct mg_mgr mgr;
  char text[20], url[50];
  int i;
  mg_mgr_init(&mgr);
  mg_http_listen(&mgr, "http://127.0.0.1:0", fn, NULL);
  mg_snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", mg_ntohs(mgr.conns->loc.port));
  mg_connect(&mgr, url, client, NULL);
  for (i = 0; i < 2000 && seen != 511; i++) {
    mg_mgr_poll(&mgr, 10);
    mg_random_str(text, sizeof(text));
    mg_free(mg_mprintf("%d", i));
  }
  mg_mgr_free(&mgr);
  printf("%d\\n", seen);
  return 0;
}
"""

LINKS = {
    "plain": [],
    "hidden": ["-fvisibility=hidden"],
    "lto": ["-O2", "-flto"],
    "hidden lto": ["-O2", "-flto", "-fvisibility=hidden"],
    "pie": ["-fPIE", "-pie"],
    "no pie": ["-no-pie"],
    "gc": ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"],
    "static pie": ["-static-pie"],
}


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `make dropin`, of the library that is tested."""
    directory = tmp_path_factory.mktemp("dropin")
    run(sys.executable, ROOT / "scripts" / "dropin.py", directory, "--library", cprogram.LIBRARY)
    (directory / "main.c").write_text(SERVER)
    return directory


def test_one_added_word(folder: Path) -> None:
    """The sources as they were, and the archive."""
    flags = ("-Wall", "-Wextra", "-Werror", "-Wpedantic", "-std=gnu99")
    run("cc", *flags, "main.c", "mongoose.c", "libmongoose.a", "-o", "plain", cwd=folder)
    assert run(folder / "plain") == "16384 7\n"


def test_macros_of_one_file_are_enough(folder: Path) -> None:
    """Builds may set them for mongoose.c only."""
    run("cc", "-DMG_IO_SIZE=128", "-c", "mongoose.c", "-o", "lib.o", cwd=folder)
    run("cc", "main.c", "lib.o", "libmongoose.a", "-o", "one", cwd=folder)
    assert run(folder / "one") == "128 7\n"
    # A file with values of its own has its own managers.
    run("cc", "-DMG_IO_SIZE=256", "main.c", "lib.o", "libmongoose.a", "-o", "two", cwd=folder)
    assert run(folder / "two") == "256 7\n"


def test_names(folder: Path) -> None:
    """Nothing but the interface is visible."""
    lines = run("nm", "-g", "--defined-only", folder / "libmongoose.a").splitlines()
    names = [line.split()[-1] for line in lines if len(line.split()) == 3]
    assert "mg_mgr_init" in names
    assert [name for name in names if not name.startswith("mg_")] == []


def test_a_second_rust_library(folder: Path) -> None:
    """Another archive with Rust in it may be linked beside ours."""
    if shutil.which("rustc") is None:
        pytest.skip("rustc is missing")
    (folder / "other.rs").write_text(
        '#[unsafe(no_mangle)] pub extern "C" fn other() -> i32 { println!("{:?}", vec![1]); 3 }'
    )
    flags = ("--edition=2024", "--crate-type=staticlib", "-Cpanic=unwind", "-o", "libother.a")
    run("rustc", *flags, "other.rs", cwd=folder)
    source = SERVER.replace("int main(void) {", "int other(void);\nint main(void) {\n  other();")
    (folder / "both.c").write_text(source)
    run("cc", "both.c", "mongoose.c", "libmongoose.a", "libother.a", "-lm", "-o", "both", cwd=folder)
    assert run(folder / "both") == "[1]\n16384 7\n"


KINDS = [(kind, link) for kind in ("so", "a") for link in LINKS if (kind, link) != ("so", "static pie")]


@pytest.mark.parametrize(("kind", "link"), [*KINDS, ("dropin", "gc"), ("dropin", "hidden lto")])
def test_replaced_functions_are_called(kind: str, link: str, folder: Path, tmp_path: Path) -> None:
    """Whatever the program is compiled and linked with."""
    source = tmp_path / "hooks.c"
    source.write_text(HOOKS)
    program = tmp_path / "hooks"
    flags = ["-w", *LINKS[link]]
    if kind == "dropin":
        run("cc", *flags, f"-I{folder}", source, folder / "libmongoose.a", "-o", program)
    elif link == "static pie":
        # libgcc_s is a shared library: the compiler knows its static half.
        include, archive = cprogram.LIBRARY / "include", cprogram.LIBRARY / "libmongoose.a"
        run("cc", *flags, f"-I{include}", source, archive, "-o", program)
    else:
        run(*cprogram.command(source, program, static=kind == "a", flags=flags))
    assert run(program) == "511\n"
