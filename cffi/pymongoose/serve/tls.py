"""The server's certificate: checked before it is used, read again when its files change."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from .errors import Misuse

if TYPE_CHECKING:
    from ..tls import TlsOpts

log: logging.Logger = logging.getLogger("pymongoose.serve")

NONE, OPTIONAL, REQUIRED = 0, 1, 2  # as in Python's ssl


class Certificates:
    """The files, and what they contain."""

    def __init__(self, cert: str, key: str, authorities: str | None) -> None:
        self._paths = [cert, key, *([authorities] if authorities else [])]
        self._contents = self._read()
        self._facts = self._look()

    @classmethod
    def of(cls, options: Any) -> Certificates | None:
        """Those that the options name. Misuse when they cannot be used."""
        if not options.ssl_certfile:
            return None
        authorities = options.ssl_ca_certs if options.ssl_cert_reqs != NONE else None
        return cls(options.ssl_certfile, options.ssl_keyfile or options.ssl_certfile, authorities)

    def options(self) -> TlsOpts:
        """For Connection.tls_init()."""
        from ..tls import TlsOpts

        cert, key, *authorities = self._contents
        return TlsOpts(ca=authorities[0] if authorities else None, cert=cert, key=key)

    def changed(self) -> bool:
        """Whether the files have changed, and can be used; then they have been read."""
        facts = self._look()
        if facts == self._facts:
            return False
        self._facts = facts
        try:
            contents = self._read()
        except Misuse as e:
            log.error("the certificate stays: %s", e)
            return False
        log.info("the certificate was read again")
        self._contents = contents
        return True

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_facts(path) for path in self._paths]

    def _read(self) -> list[bytes]:
        import ssl  # Only servers with TLS need it.

        contents = []
        for path in self._paths:
            try:
                with open(path, "rb") as file:
                    contents.append(file.read())
            except OSError as e:
                raise Misuse(f"cannot read {path}: {e.strerror}") from None
        cert, key, *authorities = self._paths
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key, password=lambda: "")
            for path in authorities:
                context.load_verify_locations(path)
        except (OSError, ValueError) as e:
            raise Misuse(f"cannot use the certificate {cert} with the key {key}: {_reason(e)}") from None
        return contents


def check(options: Any) -> None:
    """Misuse when the TLS options do not fit together, or the files cannot be used."""
    if not options.ssl_certfile:
        for name in ("ssl_keyfile", "ssl_ca_certs", "ssl_cert_reqs"):
            if getattr(options, name) is not None:
                raise Misuse(f"--{name.replace('_', '-')} needs --ssl-certfile")
        return
    if options.ssl_cert_reqs == OPTIONAL:
        raise Misuse("--ssl-cert-reqs 1 (optional certificates) is not supported: use 0 or 2")
    if options.ssl_cert_reqs not in (None, NONE, REQUIRED):
        raise Misuse(f"--ssl-cert-reqs {options.ssl_cert_reqs}: expected 0 or 2")
    if options.ssl_cert_reqs == REQUIRED and not options.ssl_ca_certs:
        raise Misuse("--ssl-cert-reqs 2 needs --ssl-ca-certs")
    Certificates.of(options)


def _facts(path: str) -> tuple[int, int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _reason(e: Exception) -> str:
    return getattr(e, "reason", None) or getattr(e, "strerror", None) or str(e)
