"""More of the table: fields and names that authorities seldom make, or should not."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives import hashes

from chain_cases import HOST, Case, leaf, middle, root
from chains import node
from der import (
    AUTHORITY,
    AUTHORITY_KEY,
    END,
    KEY_ID,
    LOCALHOST,
    NULL,
    RSA,
    SAN,
    START,
    Raw,
    common_name,
    dns,
    integer,
    odd,
    oid,
    sequence,
    tlv,
)


def fields() -> Iterator[Case]:
    """RFC 5280, 4.1."""
    ca, rsa = root(), root("rsa root", kind="RSA2048")
    for what, serial in (
        ("negative", integer(-5)),
        ("zero", integer(0)),
        ("of 20 bytes", tlv(2, b"\x7f" * 20)),
        ("of 21 bytes", tlv(2, b"\0" + b"\xff" * 20)),
        ("of 30 bytes", tlv(2, b"\x7f" * 30)),
        ("padded", tlv(2, b"\0\0\5")),
        ("empty", tlv(2)),
    ):
        yield Case(f"odd field: serial number {what}", odd("x", ca, serial=serial), (), (ca,))
    for what, version, extensions in (
        ("2", b"\xa0\3\2\1\1", ()),
        ("2 with extensions", b"\xa0\3\2\1\1", (LOCALHOST,)),
        ("1 with extensions", b"", (LOCALHOST,)),
        ("1, explicit", b"\xa0\3\2\1\0", ()),
        ("4", b"\xa0\3\2\1\3", (LOCALHOST,)),
        ("3 without extensions", b"\xa0\3\2\1\2", ()),
    ):
        shown = odd("localhost", ca, extensions, version=version)
        yield Case(f"odd field: version {what}", shown, (), (ca,))
        between = odd(f"version {what}", ca, AUTHORITY if extensions else (), version=version)
        yield Case(f"odd field: middle of version {what}", leaf(between), (between,), (ca,))
    yield Case(
        "odd field: unique identifiers",
        odd("x", ca, ids=tlv(0x81, b"\0abc") + tlv(0x82, b"\0abc")),
        (),
        (ca,),
    )
    far = tlv(24, b"99991231235959Z")
    for what, dates in (
        ("for ever", (START, far)),
        ("GeneralizedTime before 2050", (tlv(24, b"20200101000000Z"), tlv(24, b"20450101000000Z"))),
        ("UTCTime of 1950", (tlv(23, b"500101000000Z"), END)),
        ("UTCTime of 2049", (START, tlv(23, b"491231235959Z"))),
        ("without seconds", (tlv(23, b"2001010000Z"), END)),
        ("with a zone", (tlv(23, b"200101000000+0100"), END)),
        ("with fractions", (tlv(24, b"20200101000000.5Z"), END)),
        ("no dates", (tlv(23, b""), END)),
        ("swapped", (END, START)),
        ("the 30th of February", (tlv(23, b"200230000000Z"), END)),
        ("a leap second", (tlv(23, b"161231235960Z"), END)),
        ("hour 24", (tlv(23, b"200101240000Z"), END)),
    ):
        yield Case(f"odd field: dates {what}", odd("x", ca, dates=dates), (), (ca,))
    for digest in (hashes.MD5(), hashes.SHA1()):
        yield Case(f"odd field: RSA {digest.name}", odd("x", rsa, digest=digest), (), (rsa,))
        between = odd(f"middle {digest.name}", rsa, AUTHORITY, digest=digest)
        yield Case(f"odd field: middle RSA {digest.name}", leaf(between), (between,), (rsa,))
        own = odd(f"own {digest.name}", None, AUTHORITY, digest=digest, kind="RSA2048")
        yield Case(f"odd field: root RSA {digest.name}", leaf(own), (), (own,))
    other = sequence(oid(f"{RSA}.11"), NULL)
    yield Case("odd field: two algorithms", odd("x", ca, inner=other), (), (ca,))
    unknown = "1.3.6.1.4.1.55555.1"
    for critical in (True, False):
        shown = odd("x", ca, [LOCALHOST, (unknown, critical, b"\5\0")])
        yield Case(f"odd field: unknown extension, critical {critical}, explicit", shown, (), (ca,))
    yield Case(
        "odd field: unknown extension twice",
        odd("x", ca, [LOCALHOST, *[(unknown, None, NULL)] * 2]),
        (),
        (ca,),
    )
    yield Case(
        "odd field: unknown empty extension", odd("x", ca, [LOCALHOST, (unknown, None, b"")]), (), (ca,)
    )
    for kind in ("brainpool", "P-224", "RSA4096", "RSA2047"):
        yield Case(f"odd field: key {kind}", leaf(ca, f"leaf {kind}", kind=kind), (), (ca,))
    for kind in ("P-521", "Ed25519", "RSA3072", "RSA1024", "brainpool"):
        between = middle(ca, f"middle {kind}", kind=kind)
        yield Case(f"odd field: middle {kind}", leaf(between), (between,), (ca,))
    yield Case(
        "odd field: P-521 and SHA-512",
        leaf(by := root("big root", kind="P-521"), digest=hashes.SHA512()),
        (),
        (by,),
    )
    yield Case(
        "odd field: P-384 and SHA-384",
        leaf(by := root("fair root", kind="P-384"), digest=hashes.SHA384()),
        (),
        (by,),
    )
    yield Case("odd field: P-256 and SHA-512", leaf(ca, digest=hashes.SHA512()), (), (ca,))
    for pss in (hashes.SHA384(), hashes.SHA512()):
        yield Case(f"odd field: PSS {pss.name}", leaf(rsa, digest=pss, pss=True), (), (rsa,))
    yield Case("odd field: PSS with a short salt", leaf(rsa, pss=True, salt=20), (), (rsa,))
    named = odd("root with an identifier", None, [*AUTHORITY, (KEY_ID, None, tlv(4, b"own"))])
    for what, value in (
        ("of another key", sequence(tlv(0x80, b"x" * 20))),
        ("with another issuer", sequence(tlv(0xA1, tlv(0xA4, common_name(b"other"))), tlv(0x82, b"\7"))),
        ("empty", sequence()),
    ):
        yield Case(
            f"odd field: authority's key {what}",
            odd("x", named, [LOCALHOST, (AUTHORITY_KEY, None, value)]),
            (),
            (named,),
        )


def names() -> Iterator[Case]:
    """RFC 5280, 4.1.2.6 and 4.2.1.6; RFC 6125."""
    ca = root()
    empty = sequence()
    rows: list[tuple[str, bytes | None, list[Raw], str]] = [
        ("no subject, critical", empty, [(SAN, True, dns(b"localhost"))], "localhost"),
        ("no subject, not critical", empty, [LOCALHOST], "localhost"),
        ("no subject, no names", empty, [], "localhost"),
        ("critical", None, [(SAN, True, dns(b"localhost"))], "localhost"),
        ("none in the extension", common_name(b"localhost"), [(SAN, None, sequence())], "localhost"),
        ("twice the extension", None, [LOCALHOST, (SAN, None, dns(b"else.where"))], "localhost"),
        ("ends in a dot", None, [(SAN, None, dns(b"localhost."))], "localhost"),
        ("both end in a dot", None, [(SAN, None, dns(b"localhost."))], "localhost."),
        ("begins with a dot", None, [(SAN, None, dns(b".example.com"))], "a.example.com"),
        ("empty", None, [(SAN, None, dns(b"", b"localhost"))], "localhost"),
        ("with NUL", None, [(SAN, None, dns(b"localhost\0.evil.org"))], "localhost"),
        ("with a blank", None, [(SAN, None, dns(b"local host", b"localhost"))], "localhost"),
        ("blank after", None, [(SAN, None, dns(b"localhost "))], "localhost"),
        ("not ASCII", None, [(SAN, None, dns("b\u00fccher.example".encode(), b"localhost"))], "localhost"),
        ("two dots", None, [(SAN, None, dns(b"a..b", b"localhost"))], "localhost"),
        ("with a port", None, [(SAN, None, dns(b"localhost:443"))], "localhost"),
        ("a URL", None, [(SAN, None, dns(b"https://localhost/"))], "localhost"),
        ("long", None, [(SAN, None, dns(b"a." * 130 + b"a", b"localhost"))], "localhost"),
        (
            "300 of them",
            None,
            [(SAN, None, dns(*(f"h{i}.example.com".encode() for i in range(300))))],
            "h299.example.com",
        ),
        ("star and xn--", None, [(SAN, None, dns(b"xn--*.example.com"))], "xn--a.example.com"),
        (
            "star in the middle of xn--",
            None,
            [(SAN, None, dns(b"*.xn--bcher-kva.example"))],
            "a.xn--bcher-kva.example",
        ),
        ("**", None, [(SAN, None, dns(b"**.example.com"))], "a.example.com"),
        ("*a*", None, [(SAN, None, dns(b"*a*.example.com"))], "bab.example.com"),
        ("star and localhost", None, [(SAN, None, dns(b"*.localhost"))], "a.localhost"),
        ("star for a name with a line", None, [(SAN, None, dns(b"*.example.com"))], "a_b.example.com"),
        ("star for an upper case name", None, [(SAN, None, dns(b"*.EXAMPLE.com"))], "A.example.COM"),
        ("star for an address", None, [(SAN, None, dns(b"*.0.0.1"))], "127.0.0.1"),
        (
            "other name",
            None,
            [
                (
                    SAN,
                    None,
                    sequence(
                        tlv(0xA0, oid("1.3.6.1.4.1.311.20.2.3"), tlv(0xA0, tlv(12, b"a@b"))),
                        tlv(0x82, b"localhost"),
                    ),
                )
            ],
            "localhost",
        ),
        (
            "a registered number",
            None,
            [(SAN, None, sequence(tlv(0x88, b"\x2a\3"), tlv(0x82, b"localhost")))],
            "localhost",
        ),
        (
            "a directory name",
            None,
            [(SAN, None, sequence(tlv(0xA4, common_name(b"x")), tlv(0x82, b"localhost")))],
            "localhost",
        ),
        (
            "an unknown kind",
            None,
            [(SAN, None, sequence(tlv(0x89, b"x"), tlv(0x82, b"localhost")))],
            "localhost",
        ),
        (
            "an address of 5 bytes",
            None,
            [(SAN, None, sequence(tlv(0x87, b"\x7f\0\0\1\0"), tlv(0x82, b"localhost")))],
            "localhost",
        ),
        (
            "an IPv4 address as IPv6",
            None,
            [(SAN, None, sequence(tlv(0x87, bytes(10) + b"\xff\xff\x7f\0\0\1")))],
            "127.0.0.1",
        ),
        (
            "an IPv4 address as IPv6, asked as such",
            None,
            [(SAN, None, sequence(tlv(0x87, bytes(10) + b"\xff\xff\x7f\0\0\1")))],
            "::ffff:127.0.0.1",
        ),
        ("another spelling", None, [(SAN, None, sequence(tlv(0x87, bytes(15) + b"\1")))], "0:0:0:0:0:0:0:1"),
        ("common name as PrintableString", common_name(b"localhost", 19), [], "localhost"),
        ("common name as BMPString", common_name("localhost".encode("utf-16-be"), 30), [], "localhost"),
        ("common name as T61String", common_name(b"localhost", 20), [], "localhost"),
        ("common name as IA5String", common_name(b"localhost", 22), [], "localhost"),
        ("common name as UniversalString", common_name("localhost".encode("utf-32-be"), 28), [], "localhost"),
        ("common name with NUL", common_name(b"localhost\0.evil.org"), [], "localhost"),
        ("common name ends in a dot", common_name(b"localhost."), [], "localhost"),
        ("common name upper case", common_name(b"LOCALHOST"), [], "localhost"),
        ("common name empty", common_name(b""), [LOCALHOST], "localhost"),
        ("common name an address", common_name(b"127.0.0.1"), [], "127.0.0.1"),
        ("common name an IPv6 address", common_name(b"::1"), [], "::1"),
        ("common name a*", common_name(b"l*host"), [], "localhost"),
        (
            "common name and another",
            sequence(
                tlv(
                    0x31,
                    sequence(oid("2.5.4.3"), tlv(12, b"x")),
                    sequence(oid("2.5.4.3"), tlv(12, b"localhost")),
                )
            ),
            [],
            "localhost",
        ),
        (
            "common name and e-mail",
            sequence(
                tlv(0x31, sequence(oid("2.5.4.3"), tlv(12, b"localhost"))),
                tlv(0x31, sequence(oid("1.2.840.113549.1.9.1"), tlv(22, b"a@b.c"))),
            ),
            [],
            "localhost",
        ),
        (
            "common name as UniversalString, and another",
            common_name("x".encode("utf-32-be"), 28),
            [LOCALHOST],
            "localhost",
        ),
        (
            "common name as BMPString, and another",
            common_name("x".encode("utf-16-be"), 30),
            [LOCALHOST],
            "localhost",
        ),
        (
            "organisation only",
            sequence(tlv(0x31, sequence(oid("2.5.4.10"), tlv(12, b"localhost")))),
            [],
            "localhost",
        ),
    ]
    for what, subject, extensions, host in rows:
        yield Case(
            f"odd name: {what}, for {host}", odd("x", ca, extensions, subject=subject), (), (ca,), host
        )
    asked = node("asked", ca, san=HOST)
    for host in ("localhost.", "localhost..", "LocalHost", "localhost ", "xlocalhost"):
        if " " not in host:
            yield Case(f"odd name: asked for {host}", asked, (), (ca,), host)


def all_cases() -> list[Case]:
    """The table."""
    return [*fields(), *names()]
