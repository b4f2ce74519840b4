"""TLS: options, handshakes in one manager, what starts by itself."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import poll_until

import pymongoose.tls
from pymongoose import (
    MG_EV_ACCEPT,
    MG_EV_CLOSE,
    MG_EV_CONNECT,
    MG_EV_ERROR,
    MG_EV_HTTP_MSG,
    MG_EV_TLS_HS,
    Connection,
    HttpMessage,
    Manager,
    TlsInfo,
    TlsOpts,
)
from pymongoose.asgi import ASGIServer

SCRIPT = Path(__file__).parent.parent / "c" / "tls_certs.sh"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Contents of the files that the script makes."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    place = tmp_path_factory.mktemp("certs")
    subprocess.run(["sh", SCRIPT], cwd=place, check=True)
    return lambda name: (place / name).read_text()


class Seen:
    """What a client saw."""

    def __init__(self, opts: TlsOpts | None, request: bytes = REQUEST) -> None:
        self.opts = opts
        self.request = request
        self.events: list[int] = []
        self.body = ""
        self.error = ""
        self.is_tls = False

    def __call__(self, conn: Connection, ev: int, data: Any) -> None:
        self.events.append(ev)
        if ev == MG_EV_CONNECT and self.opts is not None:
            conn.tls_init(self.opts)
        elif ev == MG_EV_TLS_HS:
            conn.send(self.request)
        elif ev == MG_EV_ERROR:
            self.error = data
        elif ev == MG_EV_HTTP_MSG:
            self.body, self.is_tls = data.body_text, conn.is_tls
            conn.close()

    def has_closed(self) -> bool:
        return MG_EV_CLOSE in self.events


@pytest.fixture
def manager() -> Iterator[Manager]:
    with Manager() as manager:
        yield manager


def serve(opts: TlsOpts | None) -> Callable[[Connection, int, Any], None]:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ACCEPT and conn.is_tls and opts is not None:
            conn.tls_init(opts)
        elif ev == MG_EV_HTTP_MSG:
            assert isinstance(data, HttpMessage)
            conn.reply(200, "secure hello" if conn.is_tls else "plain hello")

    return handler


def url_of(listener: Connection, host: str = "127.0.0.1", scheme: str = "https") -> str:
    assert listener.local_addr
    return f"{scheme}://{host}:{listener.local_addr[1]}"


def fetch(manager: Manager, url: str, opts: TlsOpts | None) -> Seen:
    seen = Seen(opts)
    manager.connect(url, handler=seen, http=True)
    poll_until(manager, seen.has_closed)
    return seen


def test_both_sides(manager: Manager, certs: Callable[[str], str]) -> None:
    listener = manager.listen(
        "https://127.0.0.1:0", serve(TlsOpts(cert=certs("v1.crt"), key=certs("v1.key"))), http=True
    )
    assert listener.is_tls
    for opts in (
        TlsOpts(ca=certs("ca.crt"), name=b"localhost", skip_verification=True),
        TlsOpts(ca=certs("ca.crt"), name="localhost"),
        TlsOpts(name=b"localhost", skip_verification=True),
    ):
        seen = fetch(manager, url_of(listener), opts)
        assert seen.body == "secure hello"
        assert seen.is_tls is True
        assert seen.error == ""
        assert MG_EV_TLS_HS in seen.events


def test_a_client_that_is_not_convinced(manager: Manager, certs: Callable[[str], str]) -> None:
    opts = TlsOpts(cert=certs("server.crt"), key=certs("server.key"))
    listener = manager.listen("https://127.0.0.1:0", serve(opts), http=True)
    for client, error in (
        (TlsOpts(ca=certs("ca.crt"), name="elsewhere"), "tls hs: name mismatch"),
        (TlsOpts(ca=certs("other.crt"), name="localhost"), "tls hs: unknown CA"),
        (TlsOpts(cert="rubbish"), "cert: no certificate in it"),
    ):
        seen = fetch(manager, url_of(listener), client)
        assert (seen.error, seen.body) == (error, "")


def test_without_options_the_system_decides(
    manager: Manager, certs: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opts = TlsOpts(cert=certs("server.crt"), key=certs("server.key"))
    listener = manager.listen("https://127.0.0.1:0", serve(opts), http=True)
    for client in (None, TlsOpts()):
        assert fetch(manager, url_of(listener), client).error == "tls hs: unknown CA"
    # As a system that trusts our authority.
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(certs("ca.crt"))
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(bundle))
    pymongoose.tls.system_authorities.cache_clear()
    try:
        for client in (None, TlsOpts()):
            assert fetch(manager, url_of(listener), client).body == "secure hello"
        # The certificate has this address, and not that one.
        for client in (None, TlsOpts()):
            other = manager.listen("https://127.0.0.2:0", serve(opts), http=True)
            assert fetch(manager, url_of(other, "127.0.0.2"), client).error == "tls hs: name mismatch"
            assert (
                fetch(manager, url_of(other, "127.0.0.2"), TlsOpts(name="localhost")).body == "secure hello"
            )
    finally:
        pymongoose.tls.system_authorities.cache_clear()


def test_authorities_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def found(cafile: str | None, capath: str | None) -> bytes:
        paths = ssl.get_default_verify_paths()._replace(cafile=cafile, capath=capath)  # type: ignore[arg-type]
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
        pymongoose.tls.system_authorities.cache_clear()
        return pymongoose.tls.system_authorities()

    try:
        assert found(None, None) == pymongoose.tls.NOBODY
        assert found(None, str(tmp_path)) == pymongoose.tls.NOBODY
        (tmp_path / "one.pem").write_text("1")
        (tmp_path / "12345678.0").write_text("2")
        assert sorted(found(None, str(tmp_path)).split(b"\n")) == [b"1", b"2"]
        (tmp_path / "ca-certificates.crt").write_text("all")
        assert found(None, str(tmp_path)) == b"all"
        assert found(str(tmp_path / "one.pem"), None) == b"1"
    finally:
        monkeypatch.undo()
        pymongoose.tls.system_authorities.cache_clear()


def test_a_listener_hands_its_options_on(manager: Manager, certs: Callable[[str], str]) -> None:
    any_server = TlsOpts(skip_verification=True)
    listener = manager.listen("https://127.0.0.1:0", serve(None), http=True)
    listener.tls_init(TlsOpts(cert=certs("server.crt"), key=certs("server.key")))
    assert fetch(manager, url_of(listener), any_server).body == "secure hello"
    # A handler may have others.
    opts = TlsOpts(cert=certs("own.crt"), key=certs("own.key"))
    listener.set_handler(serve(opts))
    assert (
        fetch(manager, url_of(listener), TlsOpts(ca=certs("own.crt"), name="localhost")).body
        == "secure hello"
    )
    listener.set_handler(serve(None))
    listener.tls_free()
    listener.tls_init(TlsOpts(cert="rubbish", key="rubbish"))
    assert fetch(manager, url_of(listener), any_server).body == ""
    listener.tls_free()
    seen = Seen(None)
    conn = manager.connect(url_of(listener, scheme="tcp"), handler=seen, http=True)
    conn.send(REQUEST)
    poll_until(manager, seen.has_closed)
    assert seen.body == "plain hello"


def test_a_bad_pair_is_refused_and_the_old_one_stays(manager: Manager, certs: Callable[[str], str]) -> None:
    trust = TlsOpts(ca=certs("ca.crt"), name="localhost")
    listener = manager.listen("https://127.0.0.1:0", serve(None), http=True)
    good = TlsOpts(cert=certs("server.crt"), key=certs("server.key"))
    mixed = TlsOpts(cert=certs("server.crt"), key=certs("v1.key"))
    with pytest.raises(ValueError, match="does not belong"):
        listener.tls_init(mixed)
    listener.tls_init(good)
    for wrong, text in (
        (mixed, "does not belong"),
        (TlsOpts(cert="rubbish", key=certs("server.key")), "cert: no certificate"),
        (TlsOpts(cert=certs("server.crt"), key=certs("server.encrypted")), "encrypted"),
        (TlsOpts(cert=certs("server.crt")), "without a private key"),
        (TlsOpts(cert=certs("server.crt"), key=certs("server.key"), crl="x", ca=certs("ca.crt")), "crl: "),
    ):
        with pytest.raises(ValueError, match=text):
            listener.tls_init(wrong)
        assert fetch(manager, url_of(listener), trust).body == "secure hello"
    listener.tls_init(TlsOpts(cert=certs("v1.crt"), key=certs("v1.key")))
    assert fetch(manager, url_of(listener), trust).body == "secure hello"


def test_the_host_of_the_url_counts(manager: Manager, certs: Callable[[str], str]) -> None:
    listener = manager.listen("https://127.0.0.1:0", serve(None), http=True)
    listener.tls_init(TlsOpts(cert=certs("wild.crt"), key=certs("wild.key")))
    for name, error in (
        ("", "tls hs: name mismatch"),
        ("a.example.com", ""),
        ("*", ""),
    ):
        seen = fetch(manager, url_of(listener), TlsOpts(ca=certs("ca.crt"), name=name))
        assert (seen.error, seen.body) == (error, "" if error else "secure hello")


def test_what_is_agreed_on(manager: Manager, certs: Callable[[str], str]) -> None:
    infos: list[TlsInfo | None] = []

    def server(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            infos.append(conn.tls_info())
            conn.reply(200, "hello")
        elif ev == MG_EV_ACCEPT:
            assert conn.tls_info() is None

    listener = manager.listen("https://127.0.0.1:0", server, http=True)
    listener.tls_init(
        TlsOpts(
            ca=certs("ca.crt"),
            cert=certs("server.crt"),
            key=certs("server.key"),
            alpn=["http/1.1"],
            pairs=[(certs("wild.crt"), certs("wild.key"))],
            crl=certs("none.crl"),
        )
    )
    opts = TlsOpts(
        ca=certs("ca.crt"), cert=certs("client.crt"), key=certs("client.key"), name="a.example.com"
    )
    for resumed in (False, True):
        assert fetch(manager, url_of(listener), opts).body == "hello"
        info = infos.pop()
        assert info
        assert info[:1] + info[3:7] == (
            "TLSv1.3",
            "http/1.1",
            "a.example.com",
            "CN=client",
            ("DNS:localhost",),
        )
        assert info.resumed is resumed
        assert info.cipher.startswith("TLS_")
        assert info.group
        assert info.peer_cert == ssl.PEM_cert_to_DER_cert(certs("client.crt"))
    for wrong in (["a,b"], [""], ["x" * 256]):
        with pytest.raises(ValueError, match="protocol"):
            TlsOpts(alpn=wrong)
    with pytest.raises(TypeError, match="alpn"):
        TlsOpts(alpn="h2")
    listener.tls_init(TlsOpts(cert=certs("server.crt"), key=certs("server.key"), crl=certs("client.crl")))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_listeners_survive(manager: Manager, scheme: str) -> None:
    errors: list[str] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ERROR:
            errors.append(data)

    listener = manager.listen(f"{scheme}://127.0.0.1:0", handler)
    rubbish = "-----BEGIN CERTIFICATE-----\nMIIBkTCB+wIJAK\n-----END CERTIFICATE-----\n"
    for opts in (
        TlsOpts(),
        TlsOpts(skip_verification=True),
        TlsOpts(cert=rubbish, key="-----BEGIN PRIVATE KEY-----\nMIICdg\n-----END PRIVATE KEY-----\n"),
    ):
        listener.tls_init(opts)
        manager.poll(1)
        listener.tls_init(opts)
        manager.poll(1)
        assert listener.is_tls
        assert listener.is_listening
        listener.tls_free()
        manager.poll(1)
    assert errors == []


def test_options_are_needed(manager: Manager) -> None:
    listener = manager.listen("http://127.0.0.1:0")
    with pytest.raises(TypeError, match="TlsOpts"):
        listener.tls_init(None)  # type: ignore[arg-type]


def test_websockets(manager: Manager, certs: Callable[[str], str]) -> None:
    heard: list[str] = []

    def server(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.ws_upgrade(data)
        elif ev == pymongoose.MG_EV_WS_MSG:
            conn.ws_send(data.text)

    def client(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_CONNECT:
            conn.tls_init(TlsOpts(ca=certs("ca.crt"), name="localhost"))
        elif ev == pymongoose.MG_EV_WS_OPEN:
            conn.ws_send("x" * 100_000)
        elif ev == pymongoose.MG_EV_WS_MSG:
            heard.append(data.text)

    listener = manager.listen("wss://127.0.0.1:0", server)
    listener.tls_init(TlsOpts(cert=certs("server.crt"), key=certs("server.key")))
    manager.ws_connect(url_of(listener, scheme="wss"), client)
    poll_until(manager, lambda: bool(heard))
    assert heard == ["x" * 100_000]


def test_an_asgi_server(certs: Callable[[str], str], tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["scheme"].encode() * 50_000})

    authorities = tmp_path / "ca.crt"
    authorities.write_text(certs("ca.crt"))

    def get(port: int) -> bytes:
        context = ssl.create_default_context(cafile=str(authorities))
        with urllib.request.urlopen(f"https://localhost:{port}/", context=context, timeout=30) as reply:
            body: bytes = reply.read()
            return body

    async def main() -> bytes:
        server = ASGIServer(app)
        listener = await server.start("https://127.0.0.1:0")
        try:
            listener.tls_init(TlsOpts(cert=certs("server.crt"), key=certs("server.key")))
            assert listener.local_addr
            return await asyncio.to_thread(get, listener.local_addr[1])
        finally:
            await server.stop()

    assert asyncio.run(main()) == b"https" * 50_000
