"""More of the table: constraints, purposes, policies and paths that authorities seldom make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chain_cases import HOST, Case, leaf, middle, root
from chains import Node, by_openssl, node
from der import (
    ANY_POLICY,
    AUTHORITY,
    BASIC,
    CONSTRAINTS,
    EKU,
    FALSE,
    LOCALHOST,
    MAPPINGS,
    NETSCAPE,
    POLICIES,
    POLICY_CONSTRAINTS,
    SAN,
    TRUE,
    USAGE,
    Raw,
    dns,
    integer,
    odd,
    oid,
    sequence,
    tlv,
)


def trees(permitted: Sequence[bytes] = (), excluded: Sequence[bytes] = ()) -> bytes:
    """The value of name constraints, of general names."""
    return sequence(
        *(
            tlv(tag, *(sequence(one) for one in some))
            for tag, some in ((0xA0, permitted), (0xA1, excluded))
            if some
        )
    )


def DNS(text: str) -> bytes:
    return tlv(0x82, text.encode())


def IP(*octets: int) -> bytes:
    return tlv(0x87, bytes(octets))


def constraints() -> Iterator[Case]:
    """RFC 5280, 4.2.1.10."""
    rows: list[tuple[str, bytes, tuple[str, ...], str]] = [
        ("permitted .example.com", trees([DNS(".example.com")]), ("DNS:a.example.com",), "a.example.com"),
        ("permitted .example.com", trees([DNS(".example.com")]), ("DNS:example.com",), "example.com"),
        ("excluded .evil.org", trees((), [DNS(".evil.org")]), ("DNS:a.evil.org",), "a.evil.org"),
        ("excluded .evil.org", trees((), [DNS(".evil.org")]), ("DNS:evil.org",), "evil.org"),
        ("permitted nothing", trees([DNS("")]), ("DNS:a.example.com",), "a.example.com"),
        ("excluded everything", trees((), [DNS("")]), ("DNS:a.example.com",), "a.example.com"),
        ("excluded everything", trees((), [DNS("")]), ("IP:127.0.0.1",), "127.0.0.1"),
        ("permitted EXAMPLE.com", trees([DNS("EXAMPLE.com")]), ("DNS:a.example.COM",), "a.example.com"),
        ("permitted example.com.", trees([DNS("example.com.")]), ("DNS:a.example.com",), "a.example.com"),
        ("permitted a.example.com", trees([DNS("a.example.com")]), ("DNS:*.example.com",), "a.example.com"),
        ("permitted example.com", trees([DNS("example.com")]), ("DNS:*.example.com",), "a.example.com"),
        ("permitted example.com", trees([DNS("example.com")]), ("DNS:*.com",), "example.com"),
        (
            "excluded a.example.com",
            trees((), [DNS("a.example.com")]),
            ("DNS:*.example.com",),
            "b.example.com",
        ),
        (
            "excluded a.example.com",
            trees((), [DNS("a.example.com")]),
            ("DNS:*.example.com",),
            "a.example.com",
        ),
        ("permitted *.example.com", trees([DNS("*.example.com")]), ("DNS:a.example.com",), "a.example.com"),
        (
            "permitted example.com, excluded a.example.com",
            trees([DNS("example.com")], [DNS("a.example.com")]),
            ("DNS:a.example.com",),
            "a.example.com",
        ),
        (
            "permitted example.com, excluded a.example.com",
            trees([DNS("example.com")], [DNS("a.example.com")]),
            ("DNS:b.example.com",),
            "b.example.com",
        ),
        (
            "permitted example.com or example.org",
            trees([DNS("example.com"), DNS("example.org")]),
            ("DNS:a.example.org", "DNS:example.com"),
            "a.example.org",
        ),
        ("permitted 10.0.0.0/8", trees([IP(10, 0, 0, 0, 255, 0, 0, 0)]), ("IP:::1",), "::1"),
        ("permitted ::/16", trees([IP(*bytes(16), 255, 255, *bytes(14))]), ("IP:::1",), "::1"),
        ("permitted 2001::/16", trees([IP(0x20, 1, *bytes(14), 255, 255, *bytes(14))]), ("IP:::1",), "::1"),
        ("excluded ::/16", trees((), [IP(*bytes(16), 255, 255, *bytes(14))]), ("IP:::1",), "::1"),
        ("excluded ::/16", trees((), [IP(*bytes(16), 255, 255, *bytes(14))]), ("IP:127.0.0.1",), "127.0.0.1"),
        ("excluded 0.0.0.0/0", trees((), [IP(*bytes(8))]), ("IP:127.0.0.1",), "127.0.0.1"),
        ("excluded 0.0.0.0/0", trees((), [IP(*bytes(8))]), ("DNS:localhost",), "localhost"),
        ("permitted 127/8 of 5 bytes", trees([IP(127, 0, 0, 0, 255)]), ("IP:127.0.0.1",), "127.0.0.1"),
        (
            "permitted a mask with a hole",
            trees([IP(127, 0, 0, 1, 255, 0, 255, 255)]),
            ("IP:127.9.0.1",),
            "127.9.0.1",
        ),
        ("excluded e-mail", trees((), [tlv(0x81, b"evil.org")]), ("DNS:localhost",), "localhost"),
        (
            "excluded e-mail",
            trees((), [tlv(0x81, b"evil.org")]),
            ("DNS:localhost", "email:a@evil.org"),
            "localhost",
        ),
        ("permitted URI", trees([tlv(0x86, b"example.com")]), ("DNS:localhost",), "localhost"),
        (
            "permitted URI",
            trees([tlv(0x86, b"example.com")]),
            ("DNS:localhost", "URI:https://evil.org/"),
            "localhost",
        ),
        ("excluded URI", trees((), [tlv(0x86, b"evil.org")]), ("DNS:localhost",), "localhost"),
        ("no trees", trees(), ("DNS:localhost",), "localhost"),
    ]
    for at, (what, value, san, host) in enumerate(rows):
        top = root("root")
        between = odd(f"odd bound {at}", top, [*AUTHORITY, (CONSTRAINTS, True, value)])
        yield Case(
            f"odd constraints: {what} for {san}, {host}",
            node("x", between, san=san),
            (between,),
            (top,),
            host,
        )
    top = root("root")
    value = trees([DNS("example.com")])
    lax = odd("lax bound", top, [*AUTHORITY, (CONSTRAINTS, None, value)])
    for host in ("a.example.com", "evil.org"):
        shown = node("x", lax, san=(f"DNS:{host}",))
        yield Case(f"odd constraints: not critical, for {host}", shown, (lax,), (top,), host)
    first = odd("first bound", top, [*AUTHORITY, (CONSTRAINTS, True, value)])
    second = odd("second bound", first, [*AUTHORITY, (CONSTRAINTS, True, trees([DNS("a.example.com")]))])
    wider = odd("wider bound", first, [*AUTHORITY, (CONSTRAINTS, True, trees([DNS("com")]))])
    for by, host in (
        (second, "x.a.example.com"),
        (second, "b.example.com"),
        (wider, "b.example.com"),
        (wider, "b.com"),
    ):
        shown = node("x", by, san=(f"DNS:{host}",))
        yield Case(
            f"odd constraints: {by.subject.rfc4514_string()} for {host}", shown, (by, first), (top,), host
        )
    inner = odd("bound inside", first, [*AUTHORITY, (SAN, None, dns(b"evil.org"))])
    yield Case(
        "odd constraints: an authority out of bounds",
        node("x", inner, san=("DNS:a.example.com",)),
        (inner, first),
        (top,),
        "a.example.com",
    )
    for host in ("localhost", "evil.org"):
        own = odd(
            f"leaf bound {host}",
            top,
            [(SAN, None, dns(host.encode())), (CONSTRAINTS, True, trees([DNS("localhost")]))],
        )
        yield Case(f"odd constraints: of a leaf, for {host}", own, (), (top,), host)
    yield Case(
        "odd constraints: a client out of bounds",
        node("x", first, san=("DNS:evil.org",)),
        (first,),
        (top,),
        role="client",
    )
    yield Case("odd constraints: a client without names", node("x", first), (first,), (top,), role="client")
    yield Case(
        "odd constraints: a client's common name out of bounds",
        node("evil.org", first),
        (first,),
        (top,),
        role="client",
    )
    again = node(
        "first bound", first, ca=True, ku=("key_cert_sign",), key_of="first again", san=("DNS:evil.org",)
    )
    yield Case(
        "odd constraints: an authority that issued itself is not bound",
        node("x", again, san=("DNS:a.example.com",)),
        (again, first),
        (top,),
        "a.example.com",
    )


def purposes() -> Iterator[Case]:
    """RFC 5280, 4.2.1.12."""
    ca = root()
    server, client = oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2")
    sgc = oid("2.16.840.1.113730.4.1")
    for what, critical, some in (
        ("server, critical", True, (server,)),
        ("client, critical", True, (client,)),
        ("none", None, ()),
        ("server twice", None, (server, server)),
        ("OCSP and time stamps", None, (oid("1.3.6.1.5.5.7.3.9"), oid("1.3.6.1.5.5.7.3.8"))),
        ("Netscape's", None, (sgc,)),
        ("any, critical", True, (oid("2.5.29.37.0"),)),
    ):
        extension: Raw = (EKU, critical, sequence(*some))
        for role in ("server", "client"):
            yield Case(
                f"odd purpose: {role}, {what}", odd("x", ca, [LOCALHOST, extension]), (), (ca,), role=role
            )
        between = odd(f"odd purpose {what}", ca, [*AUTHORITY, extension])
        yield Case(f"odd purpose: middle, {what}", leaf(between), (between,), (ca,))
    for bits, what in (
        (b"\x03\x02\x06\x40", "server"),
        (b"\x03\x02\x07\x80", "client"),
        (b"\x03\x02\x02\x04", "authority"),
    ):
        shown = odd("x", ca, [LOCALHOST, (NETSCAPE, None, bits)])
        yield Case(f"odd purpose: Netscape type {what}", shown, (), (ca,))
    shown = odd("x", ca, [LOCALHOST, (USAGE, True, b"\x03\x01\x00")])
    yield Case("odd purpose: key usage without bits", shown, (), (ca,))
    shown = odd("x", ca, [LOCALHOST, (USAGE, None, b"\x03\x02\x07\x80")])
    yield Case("odd purpose: key usage, not critical", shown, (), (ca,))
    shown = odd("x", ca, [LOCALHOST, (USAGE, True, b"\x03\x03\x07\x08\x80")])
    yield Case("odd purpose: key agreement, decipher only", shown, (), (ca,))


def policies() -> Iterator[Case]:
    """RFC 5280, 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14: nobody asks for a policy."""
    ca = root()
    one, two = oid("1.3.6.1.4.1.55555.2.1"), oid("1.3.6.1.4.1.55555.2.2")
    has = (POLICIES, None, sequence(sequence(one)))
    other = (POLICIES, None, sequence(sequence(two)))
    rows: list[tuple[str, list[Raw], list[Raw]]] = [
        ("inhibit any", [has, (ANY_POLICY, True, integer(0))], [has]),
        ("inhibit any, leaf without", [(ANY_POLICY, True, integer(0))], []),
        ("no mapping", [has, (POLICY_CONSTRAINTS, True, sequence(tlv(0x81, b"\0")))], [has]),
        ("mapping", [has, (MAPPINGS, True, sequence(sequence(one, two)))], [other]),
        ("mapping, not critical", [has, (MAPPINGS, None, sequence(sequence(one, two)))], [other]),
        ("explicit", [has, (POLICY_CONSTRAINTS, True, sequence(tlv(0x80, b"\0")))], [has]),
        ("explicit, leaf without", [has, (POLICY_CONSTRAINTS, True, sequence(tlv(0x80, b"\0")))], []),
        (
            "explicit, leaf with another",
            [has, (POLICY_CONSTRAINTS, True, sequence(tlv(0x80, b"\0")))],
            [other],
        ),
        ("explicit later", [has, (POLICY_CONSTRAINTS, True, sequence(tlv(0x80, b"\5")))], []),
        ("explicit, not critical", [has, (POLICY_CONSTRAINTS, None, sequence(tlv(0x80, b"\0")))], []),
        ("another of the leaf", [has], [other]),
        ("twice", [(POLICIES, None, sequence(sequence(one), sequence(one)))], [has]),
        ("broken", [(POLICIES, None, b"\x30\x01")], [has]),
    ]
    for at, (what, of_middle, of_leaf) in enumerate(rows):
        between = odd(f"odd policy {at}", ca, [*AUTHORITY, *of_middle])
        yield Case(f"odd policy: {what}", odd("x", between, [LOCALHOST, *of_leaf]), (between,), (ca,))


def paths() -> Iterator[Case]:
    """RFC 5280, 4.2.1.9 and 6.1.4."""
    ca = root()
    short = middle(ca, "short", path=0)
    again = node("short", short, ca=True, ku=("key_cert_sign",), key_of="short again")
    yield Case("odd path: 0, then one that issued itself", leaf(again), (again, short), (ca,))
    below = middle(again, "below short")
    yield Case(
        "odd path: 0, then one that issued itself, then another", leaf(below), (below, again, short), (ca,)
    )
    rows: list[tuple[str, list[Raw]]] = [
        ("not critical", [(BASIC, None, sequence(TRUE)), AUTHORITY[1]]),
        ("explicitly not critical", [(BASIC, False, sequence(TRUE)), AUTHORITY[1]]),
        ("length without CA", [(BASIC, True, sequence(integer(1))), AUTHORITY[1]]),
        ("explicit FALSE", [(BASIC, True, sequence(FALSE)), AUTHORITY[1]]),
        ("TRUE as 1", [(BASIC, True, sequence(b"\1\1\1")), AUTHORITY[1]]),
        ("negative length", [(BASIC, True, sequence(TRUE, integer(-1))), AUTHORITY[1]]),
        ("long length", [(BASIC, True, sequence(TRUE, integer(1 << 20))), AUTHORITY[1]]),
        ("broken", [(BASIC, True, b"\x30\x05"), AUTHORITY[1]]),
        ("twice", [AUTHORITY[0], *AUTHORITY]),
        ("no usage", [AUTHORITY[0]]),
        ("all usages", [AUTHORITY[0], (USAGE, True, b"\x03\x02\x01\xfe")]),
        ("usage not critical", [AUTHORITY[0], (USAGE, None, b"\x03\x02\x02\x04")]),
    ]
    for at, (what, extensions) in enumerate(rows):
        between = odd(f"odd path {at}", ca, extensions)
        yield Case(f"odd path: middle {what}", leaf(between), (between,), (ca,))
        top = odd(f"odd root {at}", None, extensions)
        yield Case(f"odd path: root {what}", leaf(top), (), (top,))
    for what, value in (
        ("explicit FALSE", sequence(FALSE)),
        ("a length", sequence(integer(1))),
        ("FALSE and a length", sequence(FALSE, integer(0))),
        ("CA and a length", sequence(TRUE, integer(0))),
    ):
        for critical in (True, None, False):
            shown = odd("x", ca, [LOCALHOST, (BASIC, critical, value)])
            yield Case(f"odd path: leaf with {what}, {critical}", shown, (), (ca,))


def ways() -> Iterator[Case]:
    """RFC 5280, 6.1; RFC 4158."""
    ca = root()
    yield Case("odd way: a root as a server", ca, (), (ca,), "root")
    serving = root("localhost")
    yield Case("odd way: a trusted root for its common name", serving, (), (serving,), "localhost")
    named = node("named root", ca=True, san=HOST, ku=("key_cert_sign", "digital_signature"))
    yield Case("odd way: a trusted root for its name", named, (), (named,))
    yield Case("odd way: a trusted root for clients", named, (), (named,), role="client")
    by_openssl_root = by_openssl("v1 root")
    between = middle(by_openssl_root, "under v1")
    yield Case("odd way: under a root of version 1", leaf(between), (between,), (by_openssl_root,))
    yield Case(
        "odd way: under a root of version 1 that was sent, too",
        leaf(between),
        (between, by_openssl_root),
        (by_openssl_root,),
    )
    loop_a = node("loop a", node("loop b", ca=True), ca=True)
    loop_b = node("loop b", node("loop a", ca=True), ca=True)
    yield Case("odd way: a loop, one of it trusted", leaf(loop_a), (loop_a, loop_b), (loop_b,))
    old, new = root("renewed", dates="expired"), root("renewed")
    yield Case("odd way: the old root sent, the new trusted", leaf(new), (old,), (new,))
    yield Case("odd way: the new root sent, the old trusted", leaf(new), (new,), (old,))
    stale, fresh = middle(ca, "twice", dates="expired"), middle(ca, "twice")
    yield Case("odd way: an expired issuer beside a valid one", leaf(fresh), (stale, fresh), (ca,))
    yield Case("odd way: a valid issuer beside an expired one", leaf(fresh), (fresh, stale), (ca,))
    many = [middle(ca, "many", key_of=f"many {i}") for i in range(8)]
    yield Case("odd way: eight issuers of one name", leaf(many[7]), many, (ca,))
    deep: list[Node] = [ca]
    for step in range(5):
        deep.append(middle(deep[-1], f"deep {step}"))
    yield Case("odd way: 5 between, all trusted", leaf(deep[-1]), (), deep)
    yield Case("odd way: trusted twice", leaf(ca), (), (ca, ca))
    yield Case("odd way: a broken one sent along", leaf(ca), (odd("x", ca, [(SAN, None, b"\x30\5")]),), (ca,))
    client = node("client.example", ca, san=("email:a@b.c",), eku=("client",))
    yield Case("odd way: a client with an e-mail address", client, (), (ca,), role="client")
    yield Case(
        "odd way: a client with no subject", odd("x", ca, [], subject=sequence()), (), (ca,), role="client"
    )


def all_cases() -> list[Case]:
    """The table."""
    return [case for part in (constraints, purposes, policies, paths, ways) for case in part()]
