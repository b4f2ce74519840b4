"""Files, as curl sees them."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cprogram
import loopback
from needs import need

Curl = Callable[..., subprocess.CompletedProcess[bytes]]

SECRET = b"top secret"
LONG = 5_000_000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with files to be served in `www`, and one beside it that is not."""
    place = tmp_path_factory.mktemp("files")
    (place / "www" / "sub").mkdir(parents=True)
    (place / "secret.txt").write_bytes(SECRET)
    (place / "www" / "a.txt").write_bytes(b"0123456789")
    (place / "www" / "long").write_bytes(os.urandom(LONG))
    (place / "www" / "page.html").write_bytes(b"<p>page")
    (place / "www" / "page.html.gz").write_bytes(
        subprocess.run(["gzip", "-c"], input=b"<p>page", capture_output=True, check=True).stdout
    )
    return place


@pytest.fixture(scope="module")
def curl(place: Path) -> Iterator[Curl]:
    """Runs curl against the file server of the benchmarks: curl(path, options...)."""
    need("curl")
    program = cprogram.build(cprogram.ROOT / "benches" / "files.c", place / "files", flags=["-O2"])
    port = loopback.free_port()
    url = f"http://127.0.0.1:{port}"

    def run(path: str, *options: str) -> subprocess.CompletedProcess[bytes]:
        command = ["curl", "--silent", "--show-error", "--max-time", "30", "--path-as-is", *options]
        return subprocess.run([*command, url + path], capture_output=True)

    with loopback.running([program, url, "www"], cwd=place) as process:
        loopback.wait_for(process, port)
        yield run


def nasty_paths() -> list[str]:
    lines = (cprogram.ROOT / "tests" / "c" / "nasty_paths.inc").read_text().splitlines()
    return [ast.literal_eval(line.rstrip(",")) for line in lines if line.startswith('"')]


def test_no_path_leads_out_of_the_root(curl: Curl) -> None:
    paths = nasty_paths()
    assert len(paths) >= 50
    for path in paths:
        done = curl("/", "--request-target", path)
        assert done.returncode == 0, (path, done.stderr)
        assert SECRET not in done.stdout, path
        assert b"root:" not in done.stdout, path


def test_whole_files(curl: Curl, place: Path) -> None:
    wanted = hashlib.sha256((place / "www" / "long").read_bytes()).digest()
    for options in ([], ["--http1.0"], ["--limit-rate", "20M"], ["--no-keepalive"]):
        done = curl("/long", "--fail", *options)
        assert done.returncode == 0, options
        assert hashlib.sha256(done.stdout).digest() == wanted, options
    head = curl("/long", "--head").stdout
    assert f"Content-Length: {LONG}\r\n".encode() in head
    assert curl("/sub", "--location", "--fail").stdout.count(b"Index of /sub/") == 2


def test_ranges_and_resumed_downloads(curl: Curl, place: Path) -> None:
    content = (place / "www" / "long").read_bytes()
    assert curl("/a.txt", "--range", "2-5").stdout == b"2345"
    assert curl("/a.txt", "--range", "-3").stdout == b"789"
    assert curl("/a.txt", "--range", "20-", "--fail").returncode == 22
    part = place / "part"
    part.write_bytes(content[:1_234_567])
    assert curl("/long", "--fail", "--continue-at", "-", "--output", str(part)).returncode == 0
    assert part.read_bytes() == content


def test_what_has_not_changed_is_not_sent(curl: Curl, place: Path) -> None:
    tag = place / "tag"
    assert curl("/a.txt", "--etag-save", str(tag)).stdout == b"0123456789"
    done = curl("/a.txt", "--etag-compare", str(tag), "--write-out", "%{http_code}")
    assert done.stdout == b"304"
    os.utime(place / "www" / "a.txt", (1, 1))
    assert curl("/a.txt", "--etag-compare", str(tag)).stdout == b"0123456789"


def test_compressed_pages(curl: Curl) -> None:
    assert curl("/page.html", "--compressed").stdout == b"<p>page"
    assert b"Content-Encoding: gzip" in curl("/page.html", "--compressed", "--head").stdout
    assert b"Content-Encoding" not in curl("/page.html", "--head").stdout


def test_many_on_one_connection(curl: Curl, place: Path) -> None:
    done = curl("/[1-100]/../long", "--fail")
    assert done.returncode == 22  # Each of them is refused, on the same connection.
    done = curl("/{long,a.txt,long,none,a.txt}", "--write-out", "%{num_connects}.")
    assert done.stdout.count(b"0123456789") == 2
    assert done.stdout.count((place / "www" / "long").read_bytes()) == 2


def test_the_example_of_the_guide(place: Path, tmp_path: Path) -> None:
    need("curl")
    port = loopback.free_port()
    guide = (cprogram.ROOT / "docs/reference/files.md").read_text()
    program = guide.split("```c\n")[1].split("```")[0]
    source = tmp_path / "guide.c"
    source.write_text(program.replace("8000", str(port)))
    with loopback.running([cprogram.build(source, tmp_path / "guide")], cwd=place) as process:
        loopback.wait_for(process, port)
        url = f"http://127.0.0.1:{port}/page.html"
        done = subprocess.run(["curl", "--silent", "--include", url], capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert body == b"<p>page"
    assert b"\r\nCache-Control: no-cache\r\n" in head + b"\r\n"
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in head
