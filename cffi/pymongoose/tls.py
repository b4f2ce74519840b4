"""TLS options of a connection."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

# What distributions call the file of all authorities, in OpenSSL's directory of certificates.
BUNDLES = ("ca-certificates.crt", "ca-bundle.crt")
# `ca` on a system that has no authorities: no peer is trusted, instead of every peer.
NOBODY = b"no certificates"


@lru_cache(maxsize=1)
def system_authorities() -> bytes:
    """The certificates of the authorities that this system trusts, as Python's ssl finds them."""
    # They take long to load, and not every program uses TLS.
    import ssl
    from pathlib import Path

    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        folder = Path(paths.capath)
        bundles = [folder / name for name in BUNDLES]
        files += [path for path in bundles if path.is_file()] or sorted(folder.glob("*.[0-9p]*"))
    return b"\n".join(path.read_bytes() for path in files if path.is_file()) or NOBODY


def _text(value: str | bytes | None) -> bytes:
    if not value:
        return b""
    return value.encode() if isinstance(value, str) else bytes(value)


NAME_MAX = 4096  # bytes of the name of a file


def _pem(value: str | bytes | None, what: str) -> bytes:
    if not value:
        return b""
    if isinstance(value, int):
        raise TypeError(f"{what} must be str or bytes, not int")
    data = value.encode() if isinstance(value, str) else bytes(value)
    if len(data) < NAME_MAX and b"\n" not in data and os.path.isfile(data):
        raise ValueError(f"{what} is the name of a file: give what is in it, Path({value!r}).read_bytes()")
    return data


class TlsInfo(NamedTuple):
    """What the two sides of a connection have agreed on, and whose certificate the peer showed.

    The certificate was verified if this side has authorities.
    """

    version: str  # TLSv1.2 or TLSv1.3
    cipher: str  # such as TLS_AES_128_GCM_SHA256
    group: str  # of the key exchange, such as X25519
    alpn: str  # the protocol, or empty
    name: str  # on a server: the host that the client asked for (SNI), or empty
    peer_subject: str  # as RFC 4514 writes it
    peer_names: tuple[str, ...]  # DNS:, IP:, email: or URI: and the name
    peer_cert: bytes  # DER
    resumed: bool  # whether an earlier session was resumed


class TlsOpts:
    """What Connection.tls_init() takes: PEM or DER contents, not names of files.

    ca: certificates of the authorities that may vouch for the peer. A client without it trusts those
    of the system; a server with it demands a certificate of its clients. cert, key: this side's
    certificate and private key. name: the host name that a server's certificate must have, if it is
    not that of the URL; "*": any. skip_verification: a client takes any certificate.

    pairs: a server's further certificates and keys, chosen by the name that the client asks for.
    alpn: protocols to agree on one of, the best first; http/1.1 on HTTP connections if there are none
    here. crl: lists of revoked certificates. ocsp: what the authority says about cert, for clients
    that ask.
    """

    __slots__ = (
        "_ca",
        "_cert",
        "_key",
        "_name",
        "_skip_verification",
        "alpn",
        "crl",
        "ocsp",
        "pairs",
    )

    def __init__(
        self,
        ca: str | bytes | None = None,
        cert: str | bytes | None = None,
        key: str | bytes | None = None,
        name: str | bytes | None = None,
        skip_verification: bool = False,
        *,
        pairs: Iterable[tuple[str | bytes, str | bytes]] = (),
        alpn: Iterable[str] = (),
        crl: str | bytes | None = None,
        ocsp: bytes | None = None,
    ) -> None:
        self._ca = _pem(ca, "ca")
        self._cert = _pem(cert, "cert")
        self._key = _pem(key, "key")
        self._name = _text(name)
        self._skip_verification = bool(skip_verification)
        self.pairs: list[tuple[bytes, bytes]] = [
            (_pem(one, "a certificate of pairs"), _pem(other, "a key of pairs")) for one, other in pairs
        ]
        if isinstance(alpn, str):
            raise TypeError("alpn must be several strings, not one")
        self.alpn: list[str] = list(alpn)
        if any(not 0 < len(name.encode()) < 256 or "," in name for name in self.alpn):
            raise ValueError("a protocol's name has 1 to 255 bytes and no comma")
        self.crl: bytes = _pem(crl, "crl")
        self.ocsp: bytes = _pem(ocsp, "ocsp")

    @staticmethod
    def _bytes(value: bytes) -> bytes:
        if not isinstance(value, bytes):
            raise TypeError(f"expected bytes, not {type(value).__name__}")
        return value

    @property
    def ca(self) -> bytes:
        return self._ca

    @ca.setter
    def ca(self, value: bytes) -> None:
        self._ca = self._bytes(value)

    @property
    def cert(self) -> bytes:
        return self._cert

    @cert.setter
    def cert(self, value: bytes) -> None:
        self._cert = self._bytes(value)

    @property
    def key(self) -> bytes:
        return self._key

    @key.setter
    def key(self, value: bytes) -> None:
        self._key = self._bytes(value)

    @property
    def name(self) -> bytes:
        return self._name

    @name.setter
    def name(self, value: bytes) -> None:
        self._name = self._bytes(value)

    @property
    def skip_verification(self) -> bool:
        return self._skip_verification

    @skip_verification.setter
    def skip_verification(self, value: bool) -> None:
        self._skip_verification = bool(value)
