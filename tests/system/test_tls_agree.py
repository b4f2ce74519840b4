"""What this library and others agree on over TLS: protocols, resumption, names, certificates.

Both roles, with nginx, HAProxy, mosquitto, Node, curl and Python's ssl.
"""

from __future__ import annotations

import json
import os
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
from talk import make_place, our_server

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_place(tmp_path_factory)


def our_client(
    place: Path, port: int, name: str = "localhost", alpn: str = "h2,http/1.1", count: int = 3
) -> list[list[str]]:
    """What our client saw at so many connections."""
    command: list[str | Path] = [place / "tls_talk", "client", f"tls://127.0.0.1:{port}", place / "ca.crt"]
    command += [alpn, name, str(count), place / "client.crt", place / "client.key"]
    return [line.split("|") for line in peers.output(command)]


def check_client(place: Path, port: int, version: str, of_wild: str = "http/1.1") -> None:
    """Our client comes back, to both names. of_wild: the protocol of the second."""
    for name, subject, alpn in (
        ("localhost", "CN=server", "http/1.1"),
        ("a.example.com", "CN=wild", of_wild),
    ):
        first, *others = our_client(place, port, name)
        assert first == [f"TLSv{version}", alpn, "", subject, "new"]
        for other in others:
            assert other == [f"TLSv{version}", alpn, "", subject, "resumed"]


@contextmanager
def running(port: int, command: Sequence[str | Path], place: Path) -> Iterator[None]:
    with (
        open(place / "peer.log", "ab") as log,
        loopback.running(command, cwd=place, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        loopback.wait_for(process, port)
        yield


def nginx(place: Path, rules: str) -> list[str | Path]:
    need("nginx")
    (place / "nginx.conf").write_text(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;\n"
        "events {}\nhttp { access_log off; client_body_temp_path body; proxy_temp_path proxy;\n"
        "fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n" + rules + "}\n"
    )
    return ["nginx", "-p", place, "-c", place / "nginx.conf"]


@VERSIONS
def test_our_client_and_nginx(place: Path, version: str) -> None:
    port = loopback.free_port()
    rules = "".join(
        f"server {{ listen 127.0.0.1:{port} ssl; server_name {name};\n"
        f"ssl_certificate {place}/{cert}.crt; ssl_certificate_key {place}/{cert}.key;\n"
        f"ssl_client_certificate {place}/ca.crt; ssl_verify_client on; ssl_protocols TLSv{version};\n"
        "ssl_session_cache shared:all:1m; location / { return 200 ok; } }\n"
        for name, cert in (("localhost", "server"), ("a.example.com", "wild"))
    )
    with running(port, nginx(place, rules), place):
        check_client(place, port, version)


def fetch(port: int, path: str = "/") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        plain.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        reply = b""
        while data := plain.recv(65536):
            reply += data
    return reply


@VERSIONS
def test_nginx_and_our_server(place: Path, version: str) -> None:
    port = loopback.free_port()
    with our_server(place) as ours:
        rules = (
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass https://127.0.0.1:{ours.port};\n"
            "proxy_ssl_server_name on; proxy_ssl_name a.example.com; proxy_ssl_verify on;\n"
            f"proxy_ssl_trusted_certificate {place}/ca.crt; proxy_ssl_certificate {place}/client.crt;\n"
            f"proxy_ssl_certificate_key {place}/client.key; proxy_ssl_protocols TLSv{version}; }} }}\n"
        )
        with running(port, nginx(place, rules), place):
            for kind in ("new", "resumed"):
                assert fetch(port).startswith(b"HTTP/1.1 200")
                assert ours.saw() == [f"TLSv{version}", "", "a.example.com", "CN=client", kind]


def haproxy(place: Path, rules: str) -> list[str | Path]:
    need("haproxy")
    (place / "haproxy.cfg").write_text(
        "defaults\n mode http\n timeout connect 30s\n timeout client 30s\n timeout server 30s\n" + rules
    )
    return ["haproxy", "-f", place / "haproxy.cfg"]


@VERSIONS
def test_our_client_and_haproxy(place: Path, version: str) -> None:
    port = loopback.free_port()
    rules = (
        f"frontend f\n bind 127.0.0.1:{port} ssl crt {place}/server.pem crt {place}/wild.pem "
        f"alpn http/1.1 ca-file {place}/ca.crt verify required ssl-min-ver TLSv{version} "
        f"ssl-max-ver TLSv{version}\n http-request return status 200\n"
    )
    with running(port, haproxy(place, rules), place):
        check_client(place, port, version)


@VERSIONS
def test_haproxy_and_our_server(place: Path, version: str) -> None:
    port = loopback.free_port()
    with our_server(place) as ours:
        rules = (
            f"frontend f\n bind 127.0.0.1:{port}\n default_backend b\n"
            f"backend b\n server s 127.0.0.1:{ours.port} ssl verify required ca-file {place}/ca.crt "
            f"crt {place}/client.pem sni str(a.example.com) alpn http/1.1 "
            f"ssl-min-ver TLSv{version} ssl-max-ver TLSv{version}\n"
        )
        with running(port, haproxy(place, rules), place):
            # It keeps sessions for each of its threads.
            kinds: list[str] = []
            while "resumed" not in kinds and len(kinds) < 100:
                assert fetch(port).startswith(b"HTTP/1.1 200")
                saw = ours.saw()
                assert saw[:4] == [f"TLSv{version}", "http/1.1", "a.example.com", "CN=client"]
                kinds.append(saw[4])
            assert kinds[-1] == "resumed"


def test_our_client_and_mosquitto(place: Path) -> None:
    need("mosquitto")
    port = loopback.free_port()
    (place / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\ncafile {place}/ca.crt\ncertfile {place}/server.crt\n"
        f"keyfile {place}/server.key\nrequire_certificate true\nallow_anonymous true\n"
        + ("user root\n" if os.getuid() == 0 else "")
    )
    with running(port, ["mosquitto", "-c", place / "mosquitto.conf"], place):
        first, *others = our_client(place, port)
        assert first == ["TLSv1.3", "", "", "CN=server", "new"]
        assert others == [[*first[:4], "resumed"]] * 2


def test_mosquitto_and_our_server(place: Path) -> None:
    need("mosquitto_pub")
    command: list[str | Path] = ["mosquitto_pub", "-h", "localhost", "-t", "a", "-m", "b", "--cafile"]
    command += [place / "ca.crt", "--cert", place / "client.crt", "--key", place / "client.key"]
    command += ["--tls-alpn", "mqtt"]
    for offered, agreed in (("mqtt", "mqtt"), ("-", "")):
        with our_server(place, alpn=offered) as ours:
            subprocess.run([*command, "-p", str(ours.port)], capture_output=True, timeout=60)
            assert ours.saw() == ["TLSv1.3", agreed, "localhost", "CN=client", "new"]


NODE_CLIENT = """
const tls = require('tls'), fs = require('fs'), o = JSON.parse(process.argv[1]);
const options = {port: o.port, host: '127.0.0.1', servername: 'a.example.com',
  ALPNProtocols: ['h2', 'http/1.1'],
  ca: fs.readFileSync('ca.crt'), cert: fs.readFileSync('client.crt'), key: fs.readFileSync('client.key'),
  minVersion: o.version, maxVersion: o.version};
let session;
function go(left) {
  if (left === 0) return;
  const s = tls.connect({...options, session}, () => s.write('GET / HTTP/1.1\\r\\n\\r\\n'));
  s.on('session', (got) => { session = got; });
  s.on('data', () => {});
  s.on('error', (e) => { console.log(e.message); process.exit(1); });
  s.on('secureConnect', () => console.log(s.isSessionReused()));
  s.on('close', () => go(left - 1));
}
go(3);
"""
NODE_SERVER = """
const tls = require('tls'), fs = require('fs'), o = JSON.parse(process.argv[1]);
const of = (n) => ({cert: fs.readFileSync(n + '.crt'), key: fs.readFileSync(n + '.key')});
const server = tls.createServer({...of('server'), ca: fs.readFileSync('ca.crt'), requestCert: true,
  ALPNProtocols: ['http/1.1'], minVersion: o.version, maxVersion: o.version},
  (s) => { s.on('data', () => s.end('HTTP/1.1 200 OK\\r\\n\\r\\n')); s.on('error', () => {}); });
server.addContext('a.example.com', {...of('wild'), ca: fs.readFileSync('ca.crt')});
server.on('tlsClientError', () => {});
server.listen(o.port, '127.0.0.1');
"""


@VERSIONS
def test_node_and_our_server(place: Path, version: str) -> None:
    need("node")
    with our_server(place) as ours:
        given = json.dumps({"port": ours.port, "version": f"TLSv{version}"})
        done = subprocess.run(
            ["node", "-e", NODE_CLIENT, given], cwd=place, capture_output=True, text=True, timeout=60
        )
        assert done.stdout.split() == ["false", "true", "true"], done.stderr
        for kind in ("new", "resumed", "resumed"):
            assert ours.saw() == [f"TLSv{version}", "http/1.1", "a.example.com", "CN=client", kind]


@VERSIONS
def test_our_client_and_node(place: Path, version: str) -> None:
    need("node")
    port = loopback.free_port()
    given = json.dumps({"port": port, "version": f"TLSv{version}"})
    with running(port, ["node", "-e", NODE_SERVER, given], place):
        check_client(place, port, version)


@VERSIONS
def test_curl_and_our_server(place: Path, version: str) -> None:
    need("curl")
    with our_server(place) as ours:
        url = f"https://a.example.com:{ours.port}/"
        command = ["curl", "--silent", "--show-error", "--cacert", "ca.crt", "--cert", "client.crt"]
        command += ["--key", "client.key", "--resolve", f"a.example.com:{ours.port}:127.0.0.1"]
        command += [f"--tlsv{version}", "--tls-max", version, url, url]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=60)
        assert done.stdout == "ok\nok\n", done.stderr
        for kind in ("new", "resumed"):
            assert ours.saw() == [f"TLSv{version}", "http/1.1", "a.example.com", "CN=client", kind]


@VERSIONS
def test_our_client_and_openssl(place: Path, version: str) -> None:
    port = loopback.free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet", "-CAfile", "ca.crt"]
    command += [
        "-cert",
        "server.crt",
        "-key",
        "server.key",
        "-servername",
        "a.example.com",
        "-cert2",
        "wild.crt",
    ]
    command += ["-key2", "wild.key", "-alpn", "http/1.1", "-Verify", "1", "-verify_return_error"]
    with running(port, [*command, f"-tls{version.replace('.', '_')}"], place):
        check_client(place, port, version, of_wild="")  # s_server has one ALPN callback.


def ssl_version(context: ssl.SSLContext, version: str) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = {
        "1.2": ssl.TLSVersion.TLSv1_2,
        "1.3": ssl.TLSVersion.TLSv1_3,
    }[version]
    return context


@VERSIONS
def test_python_and_our_server(place: Path, version: str) -> None:
    context = ssl_version(ssl.create_default_context(cafile=str(place / "ca.crt")), version)
    context.load_cert_chain(place / "client.crt", place / "client.key")
    context.set_alpn_protocols(["http/1.1"])
    session = None
    with our_server(place) as ours:
        for kind in ("new", "resumed", "resumed"):
            with (
                socket.create_connection(("127.0.0.1", ours.port), timeout=60) as plain,
                context.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
            ):
                tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert tls.recv(100).startswith(b"HTTP/1.1 200")
                assert tls.selected_alpn_protocol() == "http/1.1"
                session = tls.session
            assert ours.saw() == [f"TLSv{version}", "http/1.1", "localhost", "CN=client", kind]


@contextmanager
def python_server(place: Path, version: str) -> Iterator[int]:
    """A server for two names, which wants a certificate."""
    contexts: dict[str, ssl.SSLContext] = {}
    for name in ("server", "wild"):
        context = ssl_version(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), version)
        context.load_cert_chain(place / f"{name}.crt", place / f"{name}.key")
        context.load_verify_locations(place / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = lambda tls, asked, _: setattr(
            tls, "context", contexts["wild" if asked == "a.example.com" else "server"]
        )
        contexts[name] = context

    def serve() -> None:
        while True:
            plain, _ = listener.accept()
            with plain:
                if stopped:
                    return
                with contexts["server"].wrap_socket(plain, server_side=True) as tls:
                    tls.recv(1000)
                    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    stopped: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield port
        finally:
            stopped.append(True)
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join(60)


@VERSIONS
def test_our_client_and_python(place: Path, version: str) -> None:
    with python_server(place, version) as port:
        check_client(place, port, version)
        kinds = [seen[4] for seen in our_client(place, port, count=100)]
        assert kinds == ["new", *["resumed"] * 99]


@VERSIONS
def test_a_hundred_connections_of_a_client(place: Path, version: str) -> None:
    context = ssl_version(ssl.create_default_context(cafile=str(place / "ca.crt")), version)
    session = None
    with our_server(place, "-") as ours:
        for _ in range(100):
            with (
                socket.create_connection(("127.0.0.1", ours.port), timeout=60) as plain,
                context.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
            ):
                tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert tls.recv(100).startswith(b"HTTP/1.1 200")
                session = tls.session
        assert [ours.saw()[4] for _ in range(100)] == ["new", *["resumed"] * 99]
