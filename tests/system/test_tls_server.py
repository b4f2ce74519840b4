"""TLS of servers over time and against the rules: tickets, stapled answers, records, alerts."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

import cprogram
import peers
from client_hello import message
from talk import Ours, make_place, our_server

VERSIONS = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_place(tmp_path_factory)


def s_client(place: Path, ours: Ours, *options: str) -> str:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{ours.port}", "-CAfile", "ca.crt", "-ign_eof"]
    done = subprocess.run(
        [*command, *options],
        cwd=place,
        input="GET / HTTP/1.1\r\n\r\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "HTTP/1.1 200 OK" in done.stdout, done.stderr
    return done.stdout


@VERSIONS
def test_what_the_authority_says_is_handed_on(place: Path, version: str) -> None:
    with our_server(place, "-", OCSP=str(place / "server.ocsp")) as ours:
        seen = s_client(place, ours, version, "-status")
        assert "OCSP Response Status: successful" in seen
        assert "OCSP Response Status" not in s_client(place, ours, version)
    with our_server(place, "-") as ours:
        assert "OCSP response: no response sent" in s_client(place, ours, version, "-status")


@VERSIONS
def test_the_keys_of_tickets_change(place: Path, version: str) -> None:
    """Every six hours; the previous ones are good for six more."""
    library = cprogram.build(
        peers.PROGRAMS / "shifted_clock.c", place / "shifted_clock.so", flags=("-shared", "-fPIC")
    )
    clock = place / "clock"
    clock.write_text("0")
    hour = 3600
    with our_server(place, "-", LD_PRELOAD=str(library), CLOCK_SHIFT=str(clock)) as ours:

        def kind(shift: int, *options: str) -> str:
            clock.write_text(str(shift))
            s_client(place, ours, version, *options)
            return ours.saw()[4]

        session = ("-sess_in", "session")
        assert kind(0, "-sess_out", "session") == "new"
        assert kind(1 * hour, *session) == "resumed"
        assert kind(7 * hour, *session) == "resumed"
        assert kind(14 * hour, *session) == "new"
        assert kind(14 * hour, "-sess_out", "session") == "new"
        assert kind(15 * hour, *session) == "resumed"


# What clients show, and the alert of TLS 1.3 and of 1.2 (RFC 8446, 6.2).
CLIENTS = {
    "": ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE"),
    "stranger": ("UNKNOWN_CA", "UNKNOWN_CA"),
    "expired": ("CERTIFICATE_EXPIRED", "CERTIFICATE_EXPIRED"),
    "future": ("CERTIFICATE_EXPIRED", "CERTIFICATE_EXPIRED"),
    "server_only": ("UNSUPPORTED_CERTIFICATE", "UNSUPPORTED_CERTIFICATE"),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_alerts_of_a_server(place: Path, name: str) -> None:
    with our_server(place) as ours:
        for version, expected in zip(
            (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2), CLIENTS[name], strict=True
        ):
            context = ssl.create_default_context(cafile=str(place / "ca.crt"))
            context.minimum_version = context.maximum_version = version
            if name:
                context.load_cert_chain(place / f"{name}.crt", place / f"{name}.key")
            with (
                socket.create_connection(("127.0.0.1", ours.port), timeout=60) as plain,
                pytest.raises(ssl.SSLError) as caught,
                context.wrap_socket(plain, server_hostname="localhost") as tls,
            ):
                tls.recv(1)  # TLS 1.3: the handshake was complete for the client.
            assert expected in str(caught.value.reason)


# What servers show to a client that wants "localhost" of "ca", and the alert.
SERVERS = {
    ("stranger", "localhost"): "UNKNOWN_CA",
    ("expired", "localhost"): "CERTIFICATE_EXPIRED",
    ("future", "localhost"): "CERTIFICATE_EXPIRED",
    ("client_only", "localhost"): "UNSUPPORTED_CERTIFICATE",
    ("server", "elsewhere"): "BAD_CERTIFICATE",
}


@pytest.mark.parametrize(("shown", "name"), SERVERS)
def test_the_alerts_of_a_client(place: Path, shown: str, name: str) -> None:
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(place / f"{shown}.crt", place / f"{shown}.key")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"tls://127.0.0.1:{listener.getsockname()[1]}"
            with peers.running([place / "tls_talk", "client", url, place / "ca.crt", "-", name, "1"]):
                plain, _ = listener.accept()
                plain.settimeout(60)
                with plain, pytest.raises(ssl.SSLError) as caught:
                    context.wrap_socket(plain, server_side=True).recv(1)
        assert SERVERS[shown, name] in str(caught.value.reason)


class Writer:
    """The records of a client of TLS 1.3, whose keys are known (RFC 8446, 5.2)."""

    def __init__(self, port: int, place: Path) -> None:
        keys = place / "keys.log"
        keys.unlink(missing_ok=True)
        context = ssl.create_default_context(cafile=str(place / "ca.crt"))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.keylog_filename = str(keys)
        self.plain = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.outward, server_hostname="localhost")
        self.do(self.tls.do_handshake)
        self.plain.sendall(self.outward.read())
        lines = dict(line.split()[::2] for line in keys.read_text().splitlines() if line[0] != "#")
        secret = bytes.fromhex(lines["CLIENT_TRAFFIC_SECRET_0"])
        cipher = self.tls.cipher()
        assert cipher
        self.hash = hashes.SHA384() if cipher[0].endswith("384") else hashes.SHA256()
        size = 16 if "128" in cipher[0] else 32
        self.aead = (ChaCha20Poly1305 if "CHACHA" in cipher[0] else AESGCM)(self.expand(secret, b"key", size))
        self.iv = self.expand(secret, b"iv", 12)
        self.sequence = 0

    def expand(self, secret: bytes, label: bytes, size: int) -> bytes:
        label = b"tls13 " + label
        info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
        return HKDFExpand(self.hash, size, info).derive(secret)

    def do(self, step: object) -> bytes:
        """A step of the session, with what it needs from the network."""
        assert callable(step)
        while True:
            try:
                result = step()
                return result if isinstance(result, bytes) else b""
            except ssl.SSLWantReadError:
                self.plain.sendall(self.outward.read())
                data = self.plain.recv(65536)
                if data:
                    self.inward.write(data)
                else:
                    self.inward.write_eof()

    def record(self, content: bytes, kind: int = 23, padding: int = 0, spoil: int = 0) -> bytes:
        """A record, encrypted."""
        inner = content + bytes([kind]) + bytes(padding)
        header = b"\x17\3\3" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (int.from_bytes(self.iv, "big") ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        sealed = bytearray(self.aead.encrypt(nonce, inner, header))
        sealed[-1] ^= spoil
        return header + bytes(sealed)

    def answer(self) -> str:
        """The first line of the reply, or why there is none."""
        try:
            return self.do(lambda: self.tls.read(100)).split(b"\r\n")[0].decode()
        except ssl.SSLError as e:
            return str(e.reason)
        except ConnectionError:
            return ""


@contextmanager
def writer(ours: Ours, place: Path) -> Iterator[Writer]:
    made = Writer(ours.port, place)
    try:
        yield made
    finally:
        made.plain.close()


GET = b"GET / HTTP/1.1\r\n\r\n"
OK = "HTTP/1.1 200 OK"
UNEXPECTED, OVERFLOW = "SSLV3_ALERT_UNEXPECTED_MESSAGE", "TLSV1_ALERT_RECORD_OVERFLOW"
RUSTLS = "TLSV1_ALERT_DECODE_ERROR"  # RFC 8446, 5 has record_overflow, unexpected_message; also for "".
# What is sent after the handshake, and the answer.
RECORDS: dict[str, tuple[Callable[[Writer], list[bytes]], str]] = {
    "plain": (lambda w: [w.record(GET)], OK),
    "empty before": (lambda w: [*(w.record(b"") for _ in range(30)), w.record(GET)], OK),
    "empty between": (lambda w: [w.record(GET[:6]), w.record(b""), w.record(GET[6:])], OK),
    "padded": (lambda w: [w.record(GET, padding=1000)], OK),
    "only padding": (lambda w: [w.record(b"", padding=1000), w.record(GET)], OK),
    "full": (lambda w: [w.record(GET.ljust(16384, b"x"))], OK),
    "too many empty": (lambda w: [w.record(b"") for _ in range(33)], ""),
    "spoiled": (lambda w: [w.record(GET, spoil=1)], "SSLV3_ALERT_BAD_RECORD_MAC"),
    "too long": (lambda w: [b"\x17\3\3\x48\1"], RUSTLS),
    "too long inside": (lambda w: [w.record(bytes(16385))], OVERFLOW),
    "no kind": (lambda w: [w.record(b"", kind=0)], ""),
    "a hello": (lambda w: [w.record(message(), kind=22)], UNEXPECTED),
    "Finished": (lambda w: [w.record(b"\x14\0\0\0", kind=22)], UNEXPECTED),
    "unknown kind": (lambda w: [w.record(b"x", kind=99)], RUSTLS),
    "change_cipher_spec": (lambda w: [w.record(b"\1", kind=20)], UNEXPECTED),
    "plain text": (lambda w: [b"\x17\3\3\0\5hello"], "SSLV3_ALERT_BAD_RECORD_MAC"),
    "an unknown key update": (
        lambda w: [w.record(b"\x18\0\0\1\7", kind=22)],
        "SSLV3_ALERT_ILLEGAL_PARAMETER",
    ),
    "data in a message": (lambda w: [w.record(b"\x18\0", kind=22), w.record(GET)], ""),
}


def test_records(place: Path) -> None:
    """Empty and padded ones, and those that are against the rules (RFC 8446, 5)."""
    seen = {}
    with our_server(place, "-", "-") as ours:
        for what, (sent, _) in RECORDS.items():
            with writer(ours, place) as w:
                w.plain.sendall(b"".join(sent(w)))
                seen[what] = w.answer()
    assert seen == {what: expected for what, (_, expected) in RECORDS.items()}
