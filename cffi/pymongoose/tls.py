"""TLS options of a connection."""

from __future__ import annotations

from functools import lru_cache

# What distributions call the file of all authorities, in OpenSSL's directory of certificates.
BUNDLES = ("ca-certificates.crt", "ca-bundle.crt")
# `ca` of a system that has no authorities: nobody is trusted, instead of everybody.
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


def _pem(value: str | bytes | None) -> bytes:
    if not value:
        return b""
    return value.encode() if isinstance(value, str) else bytes(value)


class TlsOpts:
    """What Connection.tls_init() takes: PEM or DER contents, not names of files.

    ca: certificates of the authorities that may vouch for the peer. A client without it trusts those
    of the system; a server with it demands a certificate of its clients. cert, key: this side's
    certificate and private key. name: the host name that a server's certificate must have; that of
    the URL when neither ca nor name is given. skip_verification: a client takes any certificate.
    """

    __slots__ = ("_ca", "_cert", "_key", "_name", "_skip_verification")

    def __init__(
        self,
        ca: str | bytes | None = None,
        cert: str | bytes | None = None,
        key: str | bytes | None = None,
        name: str | bytes | None = None,
        skip_verification: bool = False,
    ) -> None:
        self._ca = _pem(ca)
        self._cert = _pem(cert)
        self._key = _pem(key)
        self._name = _pem(name)
        self._skip_verification = bool(skip_verification)

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
