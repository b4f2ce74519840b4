"""The TLS tab: a second port with a certificate that the demo has made, and what a client agrees on."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from .. import MG_EV_CONNECT, MG_EV_ERROR, MG_EV_TLS_HS, Connection, HttpMessage, Manager, TlsOpts, sha256
from .._core import gate

NAME = "localhost"
DAYS = 30
NO_TLS = "There is no TLS: the certificate is made by the command openssl, which is not installed."


def self_signed() -> tuple[bytes, bytes] | None:
    """A certificate that signs itself, and its key, in PEM; None without the command openssl."""
    with tempfile.TemporaryDirectory() as folder:
        cert, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        command += ["-nodes", "-days", str(DAYS), "-subj", "/CN=pymongoose demo"]
        command += ["-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1", "-out", str(cert)]
        try:
            subprocess.run([*command, "-keyout", str(key)], check=True, capture_output=True, timeout=60)
            return cert.read_bytes(), key.read_bytes()
        except (OSError, subprocess.SubprocessError):
            return None


def described(conn: Connection) -> dict[str, Any]:
    """What the two sides of a connection have agreed on."""
    info = conn.tls_info()
    assert info is not None
    found: dict[str, Any] = {"version": info.version, "cipher": info.cipher, "group": info.group}
    found["resumed"] = info.resumed
    if info.peer_cert:
        print_of = sha256(info.peer_cert).hex(":").upper()
        found |= {"subject": info.peer_subject, "names": info.peer_names, "fingerprint": print_of}
    return found


class Tls:
    """A listener for HTTPS; its pages are those of the demo."""

    def __init__(self, manager: Manager, host: str) -> None:
        self.manager = manager
        self.listener: Connection | None = None
        self.host = host
        self.cert: bytes = b""
        pair = self_signed() if gate.TLS else None
        if pair is not None:
            self.cert = pair[0]
            self.listener = manager.listen(f"https://{host}:0")
            self.listener.tls_init(TlsOpts(cert=pair[0], key=pair[1]))

    @property
    def port(self) -> int:
        """Where it listens; 0 without TLS."""
        address = self.listener.local_addr if self.listener is not None else None
        return 0 if address is None else address[1]

    def answer(self, page: Connection, request: HttpMessage) -> None:
        """Shakes hands with the second port and says what came out; over HTTPS, what the page uses."""
        found = {"port": self.port, "pem": self.cert.decode()}
        if page.is_tls:
            page.reply_json({**found, **described(page)})
            return
        if self.listener is None:
            page.reply(503, NO_TLS)
            return
        started = time.perf_counter()

        def shake(client: Connection, ev: int, data: Any) -> None:
            nonlocal started
            if ev == MG_EV_CONNECT:
                started = time.perf_counter()
            elif ev == MG_EV_TLS_HS:
                took = (time.perf_counter() - started) * 1000
                reply(200, {**found, **described(client), "milliseconds": took})
                client.close()
            elif ev == MG_EV_ERROR:
                reply(502, {"error": str(data)})

        def reply(status: int, answer: dict[str, Any]) -> None:
            if not page.is_closing and page.remote_addr is not None:  # It may have been closed meanwhile.
                page.reply_json(answer, status)

        client = self.manager.connect(f"https://{self.host}:{self.port}/", shake)
        client.tls_init(TlsOpts(ca=self.cert, name=NAME))  # Trusts this certificate, and no other.
