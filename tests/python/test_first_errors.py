"""What goes wrong in the first ten minutes: each error says what, why, and what to do, in a line or two."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pymongoose import Manager, TlsOpts

Call = Callable[[Any, Path], object]  # Any: the types are among the mistakes
AnyOpts: Any = TlsOpts


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port in use."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_busy_port(manager: Manager, taken: int) -> None:
    url = f"http://127.0.0.1:{taken}"
    with pytest.raises(RuntimeError) as caught:
        manager.listen(url)
    text = str(caught.value)
    assert text.startswith(f"Failed to listen on '{url}': Address already in use (")
    assert "choose another port" in text


def listening(url: str) -> Call:
    return lambda manager, _: manager.listen(url)


def pem(content: str) -> Call:
    def call(manager: Any, folder: Path) -> object:
        (folder / "cert.pem").write_text(content)
        return TlsOpts(cert=str(folder / "cert.pem"))

    return call


MISTAKES: list[tuple[str, Call, type[Exception], tuple[str, ...]]] = [
    (
        "an address of another machine",
        listening("http://192.0.2.1:0"),
        RuntimeError,
        ("Cannot assign", "0.0.0.0"),
    ),
    ("no URL", listening("nonsense"), RuntimeError, ("'nonsense'", "such as http://127.0.0.1:8000")),
    ("no port", listening("http://127.0.0.1:99999"), RuntimeError, ("99999", "such as http://")),
    ("no folder", listening("unix:/nowhere/s"), RuntimeError, ("No such file", "folder of the socket")),
    ("no descriptor", listening("fd://999"), RuntimeError, ("Bad file descriptor", "inherited")),
    ("nothing to connect to", lambda m, _: m.connect(""), RuntimeError, ("Failed to connect", "such as")),
    ("a URL of bytes", lambda m, _: m.listen(None), TypeError, ("url must be str, not NoneType",)),
    ("a handler that is none", lambda m, _: m.listen("http://127.0.0.1:0", 1), TypeError, ("callable",)),
    (
        "a misspelled setting",
        lambda m, _: m.set(http_max_bdy=1),
        TypeError,
        ("did you mean 'http_max_body'",),
    ),
    ("an unknown setting", lambda m, _: m.set(zzz=1), TypeError, ("no setting 'zzz'", "pymongoose.settings")),
    (
        "a setting of another type",
        lambda m, _: m.set(http_max_body="1"),
        TypeError,
        ("must be an int, not str",),
    ),
    ("a value out of range", lambda m, _: m.set(http_max_body=-1), ValueError, ("http_max_body=-1",)),
    ("a path instead of a certificate", pem("x"), ValueError, ("name of a file", "read_bytes()")),
    ("a number instead of a key", lambda *_: AnyOpts(key=5), TypeError, ("key must be str or bytes",)),
]


@pytest.mark.parametrize(
    ("call", "kind", "words"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_mistakes(
    manager: Manager, tmp_path: Path, call: Call, kind: type[Exception], words: tuple[str, ...]
) -> None:
    with pytest.raises(kind) as caught:
        call(manager, tmp_path)
    text = str(caught.value)
    assert [word for word in words if word not in text] == []
    assert len(text.splitlines()) <= 2


def test_a_dict_is_no_body(manager: Manager) -> None:
    listener = manager.listen("http://127.0.0.1:0")
    with pytest.raises(TypeError, match=r"not dict: reply_json\(\)"):
        listener.reply(200, {"a": 1})  # type: ignore[dict-item]


def test_a_key_of_another_certificate(manager: Manager, tmp_path: Path) -> None:
    pairs = []
    for name in ("one", "other"):
        cert, key = tmp_path / f"{name}.crt", tmp_path / f"{name}.key"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        command += ["-nodes", "-keyout", str(key), "-out", str(cert), "-subj", f"/CN={name}"]
        subprocess.run(command, check=True, capture_output=True)
        pairs.append((cert.read_bytes(), key.read_bytes()))
    listener = manager.listen("https://127.0.0.1:0")
    with pytest.raises(ValueError, match="key: it does not belong to the certificate"):
        listener.tls_init(TlsOpts(cert=pairs[0][0], key=pairs[1][1]))
