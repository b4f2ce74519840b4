"""TLS options of a connection."""

from __future__ import annotations


def _pem(value: str | bytes | None) -> bytes:
    if not value:
        return b""
    return value.encode() if isinstance(value, str) else bytes(value)


class TlsOpts:
    """What Connection.tls_init() takes: PEM or DER contents, not names of files.

    ca: certificates to verify the peer with. cert, key: this side's certificate and private key.
    name: the host name that the peer's certificate must have.
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
