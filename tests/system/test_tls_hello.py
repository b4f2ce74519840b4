"""What a server makes of the first message of a client: odd names, and what is against the rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from client_hello import (
    ALPN,
    GROUPS,
    KEY_SHARE,
    P256,
    PRE_SHARED_KEY,
    PSK_MODES,
    SERVER_NAME,
    SIGNATURES,
    VERSIONS,
    X25519,
    answer,
    message,
    record,
    server_name,
    vector,
)
from talk import make_place, our_server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_place(tmp_path_factory)


# openssl and nginx accept these, as if the client had not named a host.
ODD = [b"", b".", b"..", b".a", b"a..b", b"a b", b"-a.b", b"a-.b", b"*.a.b", b"a@b", b"localhost:443", b"a/b"]
ODD += [
    b"1.2.3",
    b"0x7f",
    b"127.0.0.1",
    b"::1",
    b"[::1]",
    b"b\xc3\xbccher.example",
    b"\xff\xfe",
    b"a\nb",
    b"\x01",
]
ODD += [b"x" * 64, b"x" * 255, b"a." * 127, b"a." * 127 + b"a"]
GOOD = [b"a", b"a.", b"a.b.", b"a_b.example", b"_a.b", b"UPPER.example", b"xn--a.b", b"a." * 126 + b"a"]


def test_an_odd_name_does_not_end_a_handshake(place: Path) -> None:
    with our_server(place, "-", "-") as ours:
        for name in [*ODD, *GOOD]:
            sent = record(message({SERVER_NAME: server_name(name)}))
            assert answer(ours.port, sent) == "handshake", name
        # However it arrives.
        sent = record(message({SERVER_NAME: server_name(b"a..b")}))
        assert answer(ours.port, *(sent[at : at + 1] for at in range(len(sent)))) == "handshake"


WAYS = {
    "TLS 1.2": ("-tls1_2",),
    "TLS 1.3": ("-tls1_3",),
    "retry": ("-tls1_3", "-groups", "X448:P-256"),
    "large": ("-tls1_3", "-alpn", ",".join(f"protocol-{i}" for i in range(400))),
}


@pytest.mark.parametrize(
    ("way", "ca"), [("TLS 1.2", "ca.crt"), *((way, "-") for way in WAYS), ("retry", "ca.crt")]
)
def test_a_handshake_with_an_odd_name(place: Path, way: str, ca: str) -> None:
    """All of it, with and without a client's certificate; and the session is resumed."""
    version = "TLSv1.2" if way == "TLS 1.2" else "TLSv1.3"
    command = ["openssl", "s_client", "-CAfile", "ca.crt", "-ign_eof", "-servername", "a..b", *WAYS[way]]
    command += ["-cert", "client.crt", "-key", "client.key"]
    with our_server(place, ca, "-") as ours:
        for kind, session in (("new", "-sess_out"), ("resumed", "-sess_in")):
            done = subprocess.run(
                [*command, "-connect", f"127.0.0.1:{ours.port}", session, "session"],
                cwd=place,
                input="GET / HTTP/1.1\r\n\r\n",
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert "HTTP/1.1 200 OK" in done.stdout, done.stderr
            assert ours.saw() == [version, "", "", "CN=client" if ca != "-" else "", kind]


UNEXPECTED, OVERFLOW, FAILURE, ILLEGAL, DECODE = "fatal 10", "fatal 22", "fatal 40", "fatal 47", "fatal 50"
VERSION, MISSING, NAME = "fatal 70", "fatal 109", "fatal 112"
PSK = vector(2, vector(2, b"ticket"), bytes(4)) + vector(2, vector(1, bytes(32)))
HELLO = message()
# RFC 8446 unless it says another. What is sent, and how it is answered.
ALERTS: dict[str, tuple[list[bytes], str]] = {
    "a hello": ([record(HELLO)], "handshake"),
    "of TLS 1.2": ([record(message({VERSIONS: None, KEY_SHARE: None}))], "handshake"),
    "in two records": ([record(HELLO[:9]), record(HELLO[9:])], "handshake"),
    "no TLS": ([b"GET / HTTP/1.1\r\n\r\n"], UNEXPECTED),
    "5: unknown kind of record": ([record(HELLO, kind=99)], UNEXPECTED),
    "5: data first": ([record(b"hello", kind=23)], UNEXPECTED),
    "5: change_cipher_spec first": ([record(b"\1", kind=20)], UNEXPECTED),
    "5: change_cipher_spec of another value": ([record(b"\2", kind=20)], UNEXPECTED),
    "5.1: empty handshake record": ([record(b"")], UNEXPECTED),
    "5.1: record too long": ([b"\x16\x03\x01\xff\xff"], OVERFLOW),
    "5.1: alert in a message": ([record(HELLO[:9]), record(b"\1\0", kind=21)], UNEXPECTED),
    "4: message too long": ([record(b"\1\xff\xff\xff" + bytes(50))], DECODE),
    "4: Finished first": ([record(b"\x14" + vector(3, bytes(32)))], UNEXPECTED),
    "4: unknown message": ([record(b"\x63" + vector(3, b"x"))], UNEXPECTED),
    "5.1: two hellos in a record": ([record(HELLO * 2)], UNEXPECTED),
    "4.1.2: cut": ([record(b"\1" + vector(3, HELLO[4:-3]))], DECODE),
    "4.1.2: longer": ([record(b"\1" + vector(3, HELLO[4:] + b"x"))], DECODE),
    "4.1.2: empty": ([record(b"\1" + vector(3))], DECODE),
    "4.1.2: session of 33 bytes": ([record(message(session=bytes(33)))], DECODE),
    "4.1.2: compression": ([record(message(compression=b"\1\0"))], ILLEGAL),
    "4.1.2: half a suite": ([record(message(suites=b"\x13\1\x13"))], DECODE),
    "4.1.2: an extension twice": ([record(message(more=b"\0\x0a" + vector(2, vector(2, X25519))))], ILLEGAL),
    "4.1.1: no suite in common": ([record(message(suites=b"\0\x2f\xc0\x09"))], FAILURE),
    "4.1.1: no group in common": (
        [record(message({GROUPS: vector(2, b"\x7f\x7f"), KEY_SHARE: vector(2)}))],
        FAILURE,
    ),
    "RFC 5246, 7.4.1.4.1: no scheme in common": (
        [record(message({SIGNATURES: vector(2, b"\x7f\x7f"), VERSIONS: None}))],
        FAILURE,
    ),
    "RFC 5246, E.1: TLS 1.1": ([record(message({VERSIONS: None}, version=b"\3\2"))], VERSION),
    "4.2.1: no version in common": ([record(message({VERSIONS: vector(1, b"\3\2")}))], VERSION),
    "4.2.1: half a version": ([record(message({VERSIONS: vector(1, b"\3\4\3")}))], DECODE),
    "9.2: no signature algorithms": ([record(message({SIGNATURES: None}))], MISSING),
    "9.2: no groups": ([record(message({GROUPS: None}))], MISSING),
    "9.2: no key share": ([record(message({KEY_SHARE: None}))], MISSING),
    "4.2.9: no modes of a pre-shared key": ([record(message({PRE_SHARED_KEY: PSK}))], MISSING),
    "4.2.11: the pre-shared key is not last": (
        [record(message({PRE_SHARED_KEY: PSK, PSK_MODES: vector(1, b"\1")}))],
        ILLEGAL,
    ),
    "4.2.11: an unknown ticket": (
        [record(message({PSK_MODES: vector(1, b"\1"), PRE_SHARED_KEY: PSK}))],
        "handshake",
    ),
    "4.2.8: a share that is too short": (
        [record(message({KEY_SHARE: vector(2, X25519, vector(2, bytes(31)))}))],
        ILLEGAL,
    ),
    "RFC 7748, 6.1: a share of zeros": (
        [record(message({KEY_SHARE: vector(2, X25519, vector(2, bytes(32)))}))],
        ILLEGAL,
    ),
    "4.2.8.2: a point off the curve": (
        [
            record(
                message({GROUPS: vector(2, P256), KEY_SHARE: vector(2, P256, vector(2, b"\4" + bytes(64)))})
            )
        ],
        ILLEGAL,
    ),
    "4.2.8.2: a compressed point": (
        [
            record(
                message({GROUPS: vector(2, P256), KEY_SHARE: vector(2, P256, vector(2, b"\2" + bytes(32)))})
            )
        ],
        ILLEGAL,
    ),
    "RFC 7301, 3.1: an empty name": ([record(message({ALPN: vector(2, vector(1))}))], DECODE),
    "RFC 6066, 3: a name with NUL": ([record(message({SERVER_NAME: server_name(b"a\0b")}))], NAME),
    "RFC 6066, 3: 256 bytes": ([record(message({SERVER_NAME: server_name(b"a" * 256)}))], NAME),
    "RFC 6066, 3: no list": ([record(message({SERVER_NAME: b""}))], DECODE),
    "RFC 6066, 3: an empty list": ([record(message({SERVER_NAME: vector(2)}))], DECODE),
    "RFC 6066, 3: two names": (
        [record(message({SERVER_NAME: vector(2, *(b"\0" + vector(2, name) for name in (b"a", b"b")))}))],
        DECODE,
    ),
}


def test_what_is_wrong_has_its_alert(place: Path) -> None:
    with our_server(place, "-", "http/1.1") as ours:
        seen = {what: answer(ours.port, *sent) for what, (sent, _) in ALERTS.items()}
    assert seen == {what: expected for what, (_, expected) in ALERTS.items()}
