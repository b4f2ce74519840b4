"""Certificates for tests: made in memory by few keys, in any shape, right or wrong.

Certificates of version 1 and with SHA-1 are made by openssl, which alone still can.
"""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

PEM = serialization.Encoding.PEM
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
DATES = {
    "ok": (NOW - 10 * DAY, NOW + 100 * DAY),
    "expired": (NOW - 10 * DAY, NOW - 2 * DAY),
    "future": (NOW + 2 * DAY, NOW + 100 * DAY),
}
PURPOSES = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code": ExtendedKeyUsageOID.CODE_SIGNING,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
_serial = itertools.count(1000)


@cache
def key(name: str, kind: str = "P-256") -> Any:
    """The key of a name, always the same one."""
    if kind.startswith("RSA"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    curves: dict[str, type[ec.EllipticCurve]] = {
        "P-256": ec.SECP256R1,
        "P-384": ec.SECP384R1,
        "P-521": ec.SECP521R1,
        "K-256": ec.SECP256K1,
        "P-224": ec.SECP224R1,
        "brainpool": ec.BrainpoolP256R1,
    }
    if kind in curves:
        return ec.generate_private_key(curves[kind]())
    return ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else ed448.Ed448PrivateKey.generate()


@dataclass(frozen=True)
class Node:
    """A certificate and its key."""

    subject: x509.Name
    cert: bytes
    key: Any

    def key_pem(self) -> bytes:
        kind = serialization.PrivateFormat.PKCS8
        made: bytes = self.key.private_bytes(PEM, kind, serialization.NoEncryption())
        return made


def general_name(text: str) -> x509.GeneralName:
    """`DNS:a`, `IP:1.2.3.4`, `IP:10.0.0.0/8`, `email:a@b`, `URI:x`, `DIR:common name`."""
    kind, _, value = text.partition(":")
    if kind == "IP":
        return x509.IPAddress(ipaddress.ip_network(value) if "/" in value else ipaddress.ip_address(value))
    if kind == "DIR":
        return x509.DirectoryName(name(value))
    kinds: dict[str, Any] = {
        "DNS": x509.DNSName,
        "email": x509.RFC822Name,
        "URI": x509.UniformResourceIdentifier,
    }
    made: x509.GeneralName = kinds[kind](value)
    return made


def name(*common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one) for one in common])


def node(
    common: str | Sequence[str],
    by: Node | None = None,
    *,
    san: Sequence[str] | None = None,
    ca: bool | None = None,
    path: int | None = None,
    eku: Sequence[str] = (),
    ku: Sequence[str] = (),
    permitted: Sequence[str] = (),
    excluded: Sequence[str] = (),
    dates: str = "ok",
    key_of: str = "",
    kind: str = "P-256",
    unknown: bool | None = None,
    policies: bool = False,
    digest: Any = None,
    pss: bool = False,
    salt: int = 0,
    akid: bool = False,
    signer: Any = None,
) -> Node:
    """A certificate; without `by` it signs itself.

    unknown: has an extension that nobody knows, critical if true. key_of: whose key it has.
    """
    names = [common] if isinstance(common, str) else list(common)
    own = key(key_of or names[0], kind)
    subject = name(*names)
    start, end = DATES[dates]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.subject if by else subject)
        .public_key(own.public_key())
        .serial_number(next(_serial))
        .not_valid_before(start)
        .not_valid_after(end)
    )
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if ca is not None:
        extensions.append((x509.BasicConstraints(ca, path), True))
    if san is not None:
        extensions.append((x509.SubjectAlternativeName([general_name(one) for one in san]), False))
    if eku:
        extensions.append((x509.ExtendedKeyUsage([PURPOSES[one] for one in eku]), False))
    if ku:
        bits = {one: one in ku for one in USAGES}
        extensions.append((x509.KeyUsage(**bits, encipher_only=False, decipher_only=False), True))
    if permitted or excluded:
        trees = ([general_name(one) for one in some] or None for some in (permitted, excluded))
        extensions.append((x509.NameConstraints(*trees), True))
    if unknown is not None:
        oid = ObjectIdentifier("1.3.6.1.4.1.55555.1")
        extensions.append((x509.UnrecognizedExtension(oid, b"\x05\x00"), unknown))
    if policies:
        policy = x509.PolicyInformation(ObjectIdentifier("2.23.140.1.2.1"), None)
        extensions.append((x509.CertificatePolicies([policy]), True))
    if akid and by:
        public = by.key.public_key()
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False))
    for value, critical in extensions:
        made = made.add_extension(value, critical)
    signing = signer or (by.key if by else own)
    algorithm: Any = None
    if not isinstance(signing, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        algorithm = digest or hashes.SHA256()
    scheme = (
        padding.PSS(padding.MGF1(algorithm), salt or algorithm.digest_size) if pss and algorithm else None
    )
    cert = made.sign(signing, algorithm, rsa_padding=scheme)
    return Node(subject, cert.public_bytes(PEM), own)


def by_openssl(common: str, by: Node | None = None, extensions: str = "", digest: str = "sha256") -> Node:
    """What cryptography no longer makes: version 1 (without extensions), SHA-1."""
    own = key(common)
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        request = x509.CertificateSigningRequestBuilder().subject_name(name(common))
        (here / "csr").write_bytes(request.sign(own, hashes.SHA256()).public_bytes(PEM))
        (here / "extensions").write_text(extensions)
        (here / "own").write_bytes(Node(name(common), b"", own).key_pem())
        command = ["openssl", "x509", "-req", "-in", "csr", "-days", "100", f"-{digest}"]
        command += ["-set_serial", str(next(_serial))]
        if extensions:
            command += ["-extfile", "extensions"]
        if by:
            (here / "ca").write_bytes(by.cert)
            (here / "ca.key").write_bytes(by.key_pem())
            command += ["-CA", "ca", "-CAkey", "ca.key"]
        else:
            command += ["-signkey", "own"]
        done = subprocess.run(command, cwd=here, check=True, capture_output=True, timeout=60)
    return Node(name(common), done.stdout, own)
