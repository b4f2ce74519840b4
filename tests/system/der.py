"""Certificates byte by byte (RFC 5280, 4.1): what libraries refuse to make."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from chains import DATES, Node, key, name

_serial = itertools.count(0x5000)

SAN, CONSTRAINTS, POLICIES, MAPPINGS = "2.5.29.17", "2.5.29.30", "2.5.29.32", "2.5.29.33"
POLICY_CONSTRAINTS, EKU, ANY_POLICY = "2.5.29.36", "2.5.29.37", "2.5.29.54"
BASIC, USAGE, KEY_ID, AUTHORITY_KEY = "2.5.29.19", "2.5.29.15", "2.5.29.14", "2.5.29.35"
NETSCAPE = "2.16.840.1.113730.1.1"
RSA, ECDSA_SHA256 = "1.2.840.113549.1.1", "1.2.840.10045.4.3.2"
TRUE, FALSE, NULL = b"\x01\x01\xff", b"\x01\x01\x00", b"\x05\x00"

# oid, critical (None: the default, so it is left out), value
Raw = tuple[str, "bool | None", bytes]


def tlv(tag: int, *contents: bytes) -> bytes:
    """An element."""
    data = b"".join(contents)
    if len(data) < 128:
        return bytes([tag, len(data)]) + data
    length = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + data


def sequence(*contents: bytes) -> bytes:
    return tlv(0x30, *contents)


def oid(dotted: str) -> bytes:
    """An object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    data = bytearray()
    for number in (first * 40 + second, *rest):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | number & 0x7F)
        data += bytes(reversed(digits))
    return tlv(6, bytes(data))


def integer(number: int) -> bytes:
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def dns(*names: bytes) -> bytes:
    """The value of a SubjectAltName with DNS names."""
    return sequence(*(tlv(0x82, one) for one in names))


def common_name(text: bytes, kind: int = 12) -> bytes:
    """A subject with one common name, a UTF8String unless `kind` is another tag."""
    return sequence(tlv(0x31, sequence(oid("2.5.4.3"), tlv(kind, text))))


LOCALHOST: Raw = (SAN, None, dns(b"localhost"))
AUTHORITY: Sequence[Raw] = ((BASIC, True, sequence(TRUE)), (USAGE, True, b"\x03\x02\x02\x04"))
START, END = (tlv(23, date.strftime("%y%m%d%H%M%SZ").encode()) for date in DATES["ok"])


def odd(
    common: str,
    by: Node | None = None,
    extensions: Sequence[Raw] = (LOCALHOST,),
    *,
    version: bytes = b"\xa0\x03\x02\x01\x02",
    serial: bytes | None = None,
    subject: bytes | None = None,
    dates: tuple[bytes, bytes] = (START, END),
    ids: bytes = b"",
    digest: Any = None,
    inner: bytes | None = None,
    kind: str = "P-256",
) -> Node:
    """A certificate; without `by` it signs itself. inner: another algorithm in what is signed."""
    own = key(common, kind)
    signing = by.key if by else own
    digest = digest or hashes.SHA256()
    made: dict[str, tuple[str, bytes]] = {
        "sha256": ("11", b""),
        "sha1": ("5", b""),
        "md5": ("4", b""),
    }
    if isinstance(signing, rsa.RSAPrivateKey):
        algorithm = sequence(oid(f"{RSA}.{made[digest.name][0]}"), NULL)
    else:
        algorithm = sequence(oid(ECDSA_SHA256))
    public = own.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    flags = {None: b"", True: TRUE, False: FALSE}
    some = [sequence(oid(kind), flags[critical], tlv(4, value)) for kind, critical, value in extensions]
    signed = sequence(
        version,
        serial if serial is not None else integer(next(_serial)),
        inner or algorithm,
        (by.subject if by else name(common)).public_bytes(),
        sequence(*dates),
        name(common).public_bytes() if subject is None else subject,
        public,
        ids,
        tlv(0xA3, sequence(*some)) if some else b"",
    )
    if isinstance(signing, ec.EllipticCurvePrivateKey):
        signature = signing.sign(signed, ec.ECDSA(digest))
    else:
        signature = signing.sign(signed, padding.PKCS1v15(), digest)
    der = sequence(signed, algorithm, tlv(3, b"\x00", signature))
    text = base64.encodebytes(der).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
    return Node(name(common), pem.encode(), own)
