"""TLS between this library and others: OpenSSL's tools, curl, Python's ssl."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import loopback
import peers
from needs import need

SCRIPT = Path(__file__).parent.parent / "c" / "tls_certs.sh"
BODY = "The quick brown fox jumps over the lazy dog. " * 5000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the program, the certificates and their keys."""
    need("openssl")
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(["sh", SCRIPT], cwd=place, check=True)
    (place / "body.txt").write_text(BODY)
    peers.build("tls_peer", place)
    return place


@contextmanager
def server(place: Path, cert: str = "server", ca: str = "") -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Our server: its port and its process."""
    port = loopback.free_port()
    more = [place / f"{ca}.crt"] if ca else []
    command: list[str | Path] = [
        place / "tls_peer",
        "server",
        f"https://127.0.0.1:{port}",
        place / f"{cert}.crt",
        place / f"{cert}.key",
        *more,
    ]
    with peers.running(command) as process:
        peers.wait_until_ready(process)
        yield port, process


def curl(place: Path, port: int, *options: str | Path) -> subprocess.CompletedProcess[str]:
    need("curl")
    command: list[str | Path] = ["curl", "--silent", "--show-error", "--cacert", place / "ca.crt", *options]
    command += ["--data-binary", f"@{place}/body.txt", f"https://localhost:{port}/"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("options", [(), ("--tlsv1.2", "--tls-max", "1.2"), ("--tlsv1.3",), ("--http1.1",)])
def test_curl(place: Path, options: Sequence[str]) -> None:
    with server(place) as (port, _):
        done = curl(place, port, *options)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == BODY


def test_curl_with_a_certificate(place: Path) -> None:
    with server(place, ca="ca") as (port, _):
        for tls in ("1.2", "1.3"):
            most = ("--tls-max", tls)
            good = curl(place, port, *most, "--cert", place / "client.crt", "--key", place / "client.key")
            assert good.stdout == BODY
            stranger: list[str | Path] = ["--cert", place / "stranger.crt", "--key", place / "stranger.key"]
            for bad in ([], stranger):
                done = curl(place, port, *most, *bad)
                assert done.returncode != 0
                assert done.stdout == ""


def s_client(
    place: Path, port: int, *options: str, text: str = "GET /last HTTP/1.0\r\n\r\n"
) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        "openssl",
        "s_client",
        "-connect",
        f"127.0.0.1:{port}",
        "-CAfile",
        place / "ca.crt",
    ]
    command += ["-ign_eof", "-servername", "localhost", *options]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "options",
    [
        ("-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"),
        ("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"),
        ("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("-groups", "X25519"),
        ("-groups", "P-256"),
        ("-groups", "P-384"),
        ("-groups", "P-521"),
        ("-groups", "X448:P-256"),  # Answered with a HelloRetryRequest.
    ],
)
def test_openssl_client(place: Path, options: Sequence[str]) -> None:
    with server(place) as (port, _):
        done = s_client(place, port, *options)
        assert "HTTP/1.1 200 OK" in done.stdout
        assert "Verify return code: 0 (ok)" in done.stdout
        assert done.returncode == 0


@pytest.mark.parametrize(
    "options",
    [
        ("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"),
    ],
)
def test_openssl_client_that_has_nothing_in_common(place: Path, options: Sequence[str]) -> None:
    with server(place) as (port, process):
        done = s_client(place, port, *options)
        assert "alert handshake failure" in done.stderr
        assert process.stdout
        assert process.stdout.readline().startswith(b"error tls hs: ")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_client_that_comes_back(place: Path, version: str) -> None:
    with server(place) as (port, _):
        session = str(place / "session.pem")
        first = s_client(place, port, version, "-alpn", "h2,http/1.1", "-sess_out", session)
        assert "ALPN protocol: http/1.1" in first.stdout
        assert "New, TLSv" in first.stdout
        again = s_client(place, port, version, "-alpn", "http/1.1", "-sess_in", session)
        assert "Reused, TLSv" in again.stdout
        assert "HTTP/1.1 200 OK" in again.stdout


def test_key_update(place: Path) -> None:
    with (
        server(place) as (port, _),
        subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-no_ign_eof", "-tls1_3"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as client,
    ):
        assert client.stdin
        assert client.stdout
        for _ in range(3):
            client.stdin.write(b"GET / HTTP/1.1\r\n\r\n")
            client.stdin.flush()
            assert client.stdout.readline() == b"HTTP/1.1 200 OK\r\n"
            while client.stdout.readline() != b"\r\n":
                pass
        client.stdin.close()


def context(place: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(place / "ca.crt"))


def test_the_end_is_announced(place: Path) -> None:
    with (
        server(place) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        context(place).wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as tls,
    ):
        tls.sendall(b"POST /last HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY.encode())
        reply = b""
        while data := tls.recv(65536):
            reply += data
        assert reply.endswith(BODY.encode())


def test_many_clients_at_once(place: Path) -> None:
    count = 20
    seen: list[bytes] = []

    def fetch(port: int) -> None:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
            context(place).wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            tls.sendall(b"POST /last HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY.encode())
            reply = b""
            while data := tls.recv(65536):
                reply += data
            seen.append(reply[-len(BODY) :])

    with server(place) as (port, _):
        threads = [threading.Thread(target=fetch, args=(port,)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [BODY.encode()] * count


@contextmanager
def s_server(place: Path, cert: str, *options: str) -> Iterator[int]:
    port = loopback.free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet"]
    command += ["-cert", f"{cert}.crt", "-key", f"{cert}.key", *options]
    nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with loopback.running(command, cwd=place, **nowhere) as process:
        loopback.wait_for(process, port)
        yield port


def client(place: Path, port: int, ca: str, name: str = "localhost", cert: str = "") -> list[str]:
    """What our client prints."""
    more = [place / f"{cert}.crt", place / f"{cert}.key"] if cert else []
    url = f"https://127.0.0.1:{port}"
    return peers.output([place / "tls_peer", "client", url, place / f"{ca}.crt", name, *more])


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    ("cert", "ca"), [("server", "ca"), ("v1", "ca"), ("rsa", "rsa"), ("p384", "p384"), ("ed25519", "ed25519")]
)
def test_openssl_server(place: Path, version: str, cert: str, ca: str) -> None:
    with s_server(place, cert, version) as port:
        assert client(place, port, ca)[0].startswith("status 200 ")


def test_openssl_server_with_p521(place: Path) -> None:
    with s_server(place, "p521") as port:
        assert client(place, port, "p521")[0].startswith("status 200 ")


def test_openssl_server_that_is_not_believed(place: Path) -> None:
    with s_server(place, "server") as port:
        assert client(place, port, "other") == ["error tls hs: unknown CA"]
        assert client(place, port, "ca", "elsewhere") == ["error tls hs: name mismatch"]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_server_that_asks_for_a_certificate(place: Path, version: str) -> None:
    options = (version, "-Verify", "2", "-verify_return_error", "-CAfile", "ca.crt")
    with s_server(place, "server", *options) as port:
        assert client(place, port, "ca", cert="client")[0].startswith("status 200 ")
        for cert in ("", "stranger"):
            lines = client(place, port, "ca", cert=cert)
            assert all(line.startswith("error ") for line in lines)


def test_openssl_server_with_an_old_version(place: Path) -> None:
    with s_server(place, "server", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0") as port:
        assert client(place, port, "ca")[0].startswith("error tls hs: ")


def _serve_once(place: Path, listener: socket.socket, data: bytes, announce: bool) -> None:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(place / "server.crt", place / "server.key")
    plain, _ = listener.accept()
    with plain, made.wrap_socket(plain, server_side=True) as tls:
        tls.sendall(data)
        if announce:
            tls.unwrap()


@pytest.mark.parametrize("announce", [True, False])
def test_the_end_of_what_comes(place: Path, announce: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        data = BODY.encode()
        thread = threading.Thread(target=_serve_once, args=(place, listener, data, announce))
        thread.start()
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        assert peers.output([place / "tls_peer", "raw", url]) == [f"got {len(data)}"]
        thread.join()
