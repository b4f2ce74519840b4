"""One shared library, and programs with different layouts of its structs at the same time."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402

# Counts requests in the last byte of `data`, and reads what follows each array.
SERVER = """
#include "mongoose.h"
static void fn(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    int n = 0;
    while (n < MG_MAX_HTTP_HEADERS && hm->headers[n].name.len > 0) n++;
    c->data[MG_DATA_SIZE - 1]++;
    mg_http_reply(c, 200, "", "%d %d %d %d %.*s %.*s", (int) sizeof(c->data), c->data[MG_DATA_SIZE - 1], n,
                  (int) c->is_accepted, (int) hm->body.len, hm->body.buf, 5, hm->message.buf);
  }
}
static bool pipe_is_closed(void) {
  struct timeval none = {0, 0};
  fd_set fds;
  FD_ZERO(&fds);
  FD_SET(0, &fds);
  return select(1, &fds, NULL, NULL, &none) > 0;
}
int main(void) {
  struct mg_mgr mgr;
  struct mg_connection *c;
  mg_log_set(MG_LL_ERROR);
  mg_mgr_init(&mgr);
  c = mg_http_listen(&mgr, "http://127.0.0.1:0", fn, NULL);
  if (c == NULL || !c->is_listening) return 1;
  printf("%d\\n", (int) mg_ntohs(c->loc.port));
  fflush(stdout);
  while (!pipe_is_closed()) mg_mgr_poll(&mgr, 20);
  mg_mgr_free(&mgr);
  return 0;
}
"""

LAYOUTS: dict[str, list[str]] = {
    "default": [],
    "data": ["-DMG_DATA_SIZE=64"],
    "headers": ["-DMG_MAX_HTTP_HEADERS=50"],
    "all": ["-DMG_DATA_SIZE=3", "-DMG_MAX_HTTP_HEADERS=200", "-DMG_DASH_MAX_USER_NAME=64"],
}
BUILDS: dict[str, list[str]] = {
    "plain": ["cc"],
    "hidden-lto": ["cc", "-O2", "-flto", "-fvisibility=hidden"],
    "gc": ["cc", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"],
    "c++": ["c++", "-x", "c++", "-std=c++20"],
}


def compiled(source: str, place: Path, *flags: str, static: bool = False) -> Path:
    place.with_suffix(".c").write_text(source)
    command = cprogram.command(place.with_suffix(".c"), place, static=static, flags=list(flags))
    subprocess.run([str(word) for word in command], check=True)
    return place


@contextmanager
def running(program: Path) -> Iterator[int]:
    """A server, and its port. It ends when its standard input does."""
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        assert process.wait() == 0


def ask(port: int) -> list[str]:
    """The answers to two requests on one connection, with 60 headers each."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    answers = []
    for _ in range(2):
        client.request("POST", "/", body="body", headers={f"H{i}": "x" for i in range(57)})
        answers.append(client.getresponse().read().decode())
    client.close()
    return answers


def test_programs_share_a_library(tmp_path: Path) -> None:
    with ExitStack() as stack:
        programs = {name: compiled(SERVER, tmp_path / name, *flags) for name, flags in LAYOUTS.items()}
        ports = {name: stack.enter_context(running(program)) for name, program in programs.items()}
        answers = {name: ask(port) for name, port in ports.items()}
    assert answers == {
        "default": ["32 1 30 1 body POST ", "32 2 30 1 body POST "],
        "data": ["64 1 30 1 body POST ", "64 2 30 1 body POST "],
        "headers": ["32 1 50 1 body POST ", "32 2 50 1 body POST "],
        "all": ["3 1 60 1 body POST ", "3 2 60 1 body POST "],
    }


@pytest.mark.parametrize("static", [False, True], ids=["so", "a"])
@pytest.mark.parametrize("build", BUILDS)
def test_however_it_is_built(build: str, static: bool, tmp_path: Path) -> None:
    """The library is told the layout before `main` in each kind of build."""
    compiler, *flags = BUILDS[build]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing")
    (tmp_path / "server.c").write_text(SERVER)
    command = cprogram.command(
        tmp_path / "server.c",
        tmp_path / "server",
        cc="cc",
        static=static,
        flags=[*LAYOUTS["all"], *(flag for flag in flags if flag not in ("-x", "c++"))],
    )
    if compiler == "c++":
        command = ["c++", "-x", "c++", *map(str, command[1:])]
        where = command.index(str(tmp_path / "server.c"))
        command[where + 1 : where + 1] = ["-x", "none"]
    subprocess.run([str(word) for word in command], check=True)
    with running(tmp_path / "server") as port:
        assert ask(port) == ["3 1 60 1 body POST ", "3 2 60 1 body POST "]


@pytest.mark.parametrize("other", [[], ["-DMG_DATA_SIZE=48"]], ids=["default", "another"])
def test_files_that_disagree(other: list[str], tmp_path: Path) -> None:
    """The process ends before it reads at a wrong place, and says why."""
    second = tmp_path / "second.c"
    second.write_text(
        '#include "mongoose.h"\nint second(void) { return (int) sizeof(struct mg_connection); }\n'
    )
    include = f"-I{cprogram.LIBRARY / 'include'}"
    made = tmp_path / "second.o"
    subprocess.run(["cc", include, *other, "-c", str(second), "-o", str(made)], check=True)
    program = compiled(SERVER, tmp_path / "program", "-DMG_DATA_SIZE=64", str(made))
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode < 0
    (line,) = done.stderr.splitlines()
    assert "MG_DATA_SIZE=64" in line
    assert f"MG_DATA_SIZE={48 if other else 32}" in line
    assert "compile all parts with the same values" in line


PLUGIN = """
#include "mongoose.h"
size_t plugin(struct mg_connection **made);
size_t plugin(struct mg_connection **made) {
  static struct mg_mgr mgr;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  *made = mg_http_listen(&mgr, "http://127.0.0.1:0", NULL, NULL);
  mg_mgr_poll(&mgr, 0);
  if (!(*made)->is_listening || (*made)->is_closing) return 0;
  return (*made)->recv.align * 1000 + sizeof((*made)->data);
}
"""
HOST = """
#include <dlfcn.h>
#include "mongoose.h"
int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  struct mg_connection *c, *theirs;
  void *plugin;
  size_t (*run)(struct mg_connection **);
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  plugin = dlopen(argv[argc - 1], RTLD_NOW | RTLD_GLOBAL);
  if (plugin == NULL) return fprintf(stderr, "%s\\n", dlerror()), 1;
  *(void **) &run = dlsym(plugin, "plugin");
  c = mg_http_listen(&mgr, "http://127.0.0.1:0", NULL, NULL);
  printf("%lu ", (unsigned long) run(&theirs));
  printf("%lu\\n", (unsigned long) (c->recv.align * 1000 + sizeof(c->data)));
  mg_mgr_free(&mgr);
  return c == NULL ? 1 : 0;
}
"""


def test_a_plugin_has_its_own_macros(tmp_path: Path) -> None:
    """One with the library of its host: macros of behaviour count for its own managers."""
    plugin = compiled(PLUGIN, tmp_path / "plugin.so", "-shared", "-fPIC", "-DMG_IO_SIZE=512")
    host = compiled(HOST, tmp_path / "host", "-DMG_IO_SIZE=4096")
    done = subprocess.run([host, plugin], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "512032 4096032\n"), done.stderr


def test_a_plugin_with_its_own_layout(tmp_path: Path) -> None:
    """It links the archive, and keeps the names to itself."""
    flags = ("-shared", "-fPIC", "-DMG_DATA_SIZE=64", "-Wl,--exclude-libs,ALL", "-Wl,-Bsymbolic")
    plugin = compiled(PLUGIN, tmp_path / "plugin.so", *flags, static=True)
    host = compiled(HOST, tmp_path / "host")
    done = subprocess.run([host, plugin], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "16384064 16384032\n"), done.stderr


def test_a_plugin_that_disagrees(tmp_path: Path) -> None:
    """With the library of its host it would read at wrong places: the process says so and ends."""
    plugin = compiled(PLUGIN, tmp_path / "plugin.so", "-shared", "-fPIC", "-DMG_DATA_SIZE=64")
    host = compiled(HOST, tmp_path / "host")
    done = subprocess.run([host, plugin], capture_output=True, text=True)
    assert done.returncode < 0
    assert "compile all parts with the same values" in done.stderr
