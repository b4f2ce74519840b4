"""The table of chains: what is shown, by whom, and whom the other side trusts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes

from chains import Node, by_openssl, node


@dataclass(frozen=True)
class Case:
    """A chain, shown by a server unless `role` says otherwise."""

    what: str
    leaf: Node
    sent: Sequence[Node] = ()
    trusted: Sequence[Node] = field(default_factory=tuple)
    host: str = "localhost"
    role: str = "server"
    crl: bytes = b""


HOST = ("DNS:localhost",)


def leaf(by: Node | None, what: str = "leaf", **more: Any) -> Node:
    made: dict[str, Any] = {"san": HOST, "kind": "P-256"}
    return node(what, by, **{**made, **more})


def root(what: str = "root", **more: Any) -> Node:
    made: dict[str, Any] = {"ca": True, "ku": ("key_cert_sign", "crl_sign")}
    return node(what, **{**made, **more})


def middle(by: Node, what: str = "middle", **more: Any) -> Node:
    made: dict[str, Any] = {"ca": True, "ku": ("key_cert_sign",)}
    return node(what, by, **{**made, **more})


def names(ca: Node) -> Iterator[Case]:
    """Hosts and what a certificate has for them (RFC 6125, RFC 5280 4.2.1.6)."""
    rows: list[tuple[Sequence[str] | None, str | Sequence[str], Sequence[str]]] = [
        (("DNS:localhost",), "x", ("localhost", "LOCALHOST", "elsewhere", "x", "127.0.0.1")),
        (("DNS:LocalHost",), "x", ("localhost",)),
        (None, "localhost", ("localhost", "elsewhere", "127.0.0.1")),
        (None, ("a.example.com", "b.example.com"), ("a.example.com", "b.example.com", "c.example.com")),
        (None, "*.example.com", ("a.example.com", "example.com")),
        (None, "127.0.0.1", ("127.0.0.1",)),
        (("DNS:else.where",), "localhost", ("localhost", "else.where")),
        (("IP:127.0.0.1",), "localhost", ("localhost", "127.0.0.1", "127.0.0.2")),
        (("email:a@b.c",), "localhost", ("localhost",)),
        (("URI:https://localhost/",), "x", ("localhost",)),
        (("IP:::1",), "x", ("::1", "::2")),
        (("DNS:127.0.0.1",), "x", ("127.0.0.1",)),
        (("DNS:*.example.com",), "x", ("a.example.com", "a.b.example.com", "example.com", ".example.com")),
        (("DNS:*.com",), "x", ("example.com",)),
        (("DNS:*",), "x", ("localhost",)),
        (("DNS:f*.example.com",), "x", ("foo.example.com",)),
        (("DNS:*oo.example.com",), "x", ("foo.example.com",)),
        (("DNS:a.*.com",), "x", ("a.example.com",)),
        (("DNS:*.*.com",), "x", ("a.example.com",)),
        (("DNS:xn--bcher-kva.example",), "x", ("xn--bcher-kva.example", "XN--BCHER-KVA.example")),
        (("DNS:*.example",), "x", ("xn--bcher-kva.example",)),
        (("DNS:*.a.example",), "x", ("xn--bcher-kva.a.example",)),
        (("DNS:a_b.example.com",), "x", ("a_b.example.com",)),
        (("DNS:a", "DNS:b", "DNS:localhost"), "x", ("localhost", "b")),
        ((), "localhost", ("localhost",)),
    ]
    for san, common, hosts in rows:
        shown = node(common, ca, san=san)
        for host in hosts:
            what = f"name: {'common name' if san is None else ', '.join(san) or 'no names'} of {common}"
            yield Case(f"{what} for {host}", shown, (), (ca,), host)


def constraints() -> Iterator[Case]:
    """Name constraints of roots and intermediates (RFC 5280, 4.2.1.10)."""
    rows: list[tuple[dict[str, Sequence[str]], Sequence[str] | None, str, str]] = [
        ({"permitted": ("DNS:example.com",)}, ("DNS:a.example.com",), "x", "a.example.com"),
        ({"permitted": ("DNS:example.com",)}, ("DNS:example.com",), "x", "example.com"),
        ({"permitted": ("DNS:example.com",)}, ("DNS:localhost",), "x", "localhost"),
        ({"permitted": ("DNS:example.com",)}, ("DNS:notexample.com",), "x", "notexample.com"),
        ({"permitted": ("DNS:example.com",)}, ("DNS:a.example.com", "DNS:evil.org"), "x", "a.example.com"),
        ({"permitted": ("DNS:example.com",)}, None, "a.example.com", "a.example.com"),
        ({"permitted": ("DNS:example.com",)}, None, "evil.org", "evil.org"),
        ({"permitted": ("DNS:example.com",)}, None, "localhost", "localhost"),
        ({"permitted": ("DNS:example.com",)}, ("IP:127.0.0.1",), "x", "127.0.0.1"),
        ({"permitted": ("DNS:example.com",)}, ("IP:127.0.0.1",), "evil.org", "evil.org"),
        ({"excluded": ("DNS:evil.org",)}, ("DNS:localhost",), "x", "localhost"),
        ({"excluded": ("DNS:evil.org",)}, ("DNS:a.evil.org",), "x", "a.evil.org"),
        ({"excluded": ("DNS:evil.org",)}, None, "evil.org", "evil.org"),
        ({"excluded": ("DNS:evil.org",)}, ("DNS:*.evil.org",), "x", "a.evil.org"),
        ({"permitted": ("IP:10.0.0.0/8",)}, ("IP:10.1.2.3",), "x", "10.1.2.3"),
        ({"permitted": ("IP:10.0.0.0/8",)}, ("IP:127.0.0.1",), "x", "127.0.0.1"),
        ({"excluded": ("IP:127.0.0.0/8",)}, ("IP:127.0.0.1",), "x", "127.0.0.1"),
        ({"permitted": ("IP:10.0.0.0/8",)}, ("DNS:localhost",), "x", "localhost"),
        ({"permitted": ("email:b.c",)}, ("DNS:localhost",), "x", "localhost"),
        ({"permitted": ("email:b.c",)}, ("DNS:localhost", "email:a@b.c"), "x", "localhost"),
        ({"permitted": ("email:b.c",)}, ("DNS:localhost", "email:a@evil.org"), "x", "localhost"),
        ({"permitted": ("DIR:other",)}, ("DNS:localhost",), "x", "localhost"),
        ({"permitted": ("DIR:x",)}, ("DNS:localhost",), "x", "localhost"),
        ({"excluded": ("DIR:x",)}, ("DNS:localhost",), "x", "localhost"),
    ]
    for count, (tree, san, common, host) in enumerate(rows):
        bound = root(f"bound root {count}", **tree)
        top = root("root")
        between = middle(top, f"bound {count}", **tree)
        what = f"constraints: {tree}, {san or common} for {host}"
        yield Case(f"{what} (root)", node(common, bound, san=san), (), (bound,), host)
        yield Case(f"{what} (middle)", node(common, between, san=san), (between,), (top,), host)


def usages() -> Iterator[Case]:
    """Purposes and key usages at each level (RFC 5280, 4.2.1.3 and 4.2.1.12)."""
    for role, (level, eku) in itertools.product(
        ("server", "client"),
        itertools.product(
            ("leaf", "middle", "root"),
            (("server",), ("client",), ("server", "client"), ("code",), ("any",)),
        ),
    ):
        purpose: dict[str, dict[str, Any]] = {
            one: {"eku": eku} if one == level else {} for one in ("leaf", "middle", "root")
        }
        top = root("root", **purpose["root"])
        between = middle(top, **purpose["middle"])
        shown = leaf(between, **purpose["leaf"])
        yield Case(f"purpose: {role}, {level} for {eku}", shown, (between,), (top,), role=role)
    ca = root()
    for role, ku in itertools.product(
        ("server", "client"),
        (
            ("digital_signature",),
            ("key_encipherment",),
            ("digital_signature", "key_encipherment"),
            ("key_agreement",),
            ("content_commitment",),
            ("crl_sign",),
            ("key_cert_sign",),
        ),
    ):
        yield Case(f"usage: {role}, leaf {ku}", leaf(ca, ku=ku), (), (ca,), role=role)
    for level, ku in itertools.product(
        ("middle", "root"), (("key_cert_sign",), ("crl_sign",), ("digital_signature",), ())
    ):
        top = root(ku=ku if level == "root" else ("key_cert_sign",))
        between = middle(top, ku=ku if level == "middle" else ("key_cert_sign",))
        yield Case(f"usage: {level} {ku or 'none'}", leaf(between), (between,), (top,))


def paths() -> Iterator[Case]:
    """Who may sign, and how far (RFC 5280, 4.2.1.9)."""
    for limit, count in ((0, 0), (0, 1), (1, 1), (1, 2), (3, 2)):
        for where in ("root", "top"):
            top = root(path=limit if where == "root" else None)
            chain = [middle(top, "first", path=limit if where == "top" else None)] if where == "top" else []
            for step in range(count):
                chain.append(middle(chain[-1] if chain else top, f"step {step}"))
            shown = leaf(chain[-1] if chain else top)
            yield Case(f"path: {where} allows {limit}, there are {count}", shown, chain, (top,))
    top = root()
    for ca in (False, None):
        between = node("middle", top, ca=ca)
        yield Case(f"path: middle with CA {ca}", leaf(between), (between,), (top,))
        bare = node("bare", ca=ca)
        yield Case(f"path: root with CA {ca}", leaf(bare), (), (bare,))
    signing = node("signing", top, ku=("key_cert_sign",))
    yield Case("path: middle with a usage only", leaf(signing), (signing,), (top,))
    signing = node("signing root", ku=("key_cert_sign",))
    yield Case("path: root with a usage only", leaf(signing), (), (signing,))
    other = leaf(top, "other")
    yield Case("path: signed by a leaf", leaf(other), (other,), (top,))
    yield Case("path: signed by a leaf that is trusted", leaf(other), (), (other,))


def dates() -> Iterator[Case]:
    """Dates at each level (RFC 5280, 6.1.3 a 2)."""
    for role, level, when in itertools.product(
        ("server", "client"), ("leaf", "middle", "root"), ("expired", "future")
    ):
        of: dict[str, dict[str, Any]] = {
            one: {"dates": when if one == level else "ok"} for one in ("leaf", "middle", "root")
        }
        top = root(**of["root"])
        between = middle(top, **of["middle"])
        yield Case(
            f"dates: {role}, {level} {when}", leaf(between, **of["leaf"]), (between,), (top,), role=role
        )
    old, new = root(dates="expired"), root()
    yield Case("dates: a root that was renewed", leaf(new), (), (old, new))
    own = leaf(None, dates="expired")
    yield Case("dates: trusted itself, expired", own, (), (own,))


def versions() -> Iterator[Case]:
    """Certificates of version 1 (RFC 5280, 4.1.2.1)."""
    ca = root()
    shown = by_openssl("localhost", ca)
    for role in ("server", "client"):
        yield Case(f"version: {role}, leaf 1", shown, (), (ca,), role=role)
    yield Case("version: leaf 1 for another", shown, (), (ca,), "elsewhere")
    old = by_openssl("old root")
    yield Case("version: root 1", leaf(old), (), (old,))
    between = by_openssl("old middle", ca)
    yield Case("version: middle 1", leaf(between), (between,), (ca,))
    yield Case("version: middle 1, trusted", leaf(between), (), (between,))
    own = by_openssl("localhost")
    yield Case("version: own 1, trusted", own, (), (own,))
    yield Case("version: own 1, not trusted", own, (), (ca,))
    bound = root("bound by names", permitted=("DNS:example.com",))
    yield Case("version: leaf 1 out of bounds", by_openssl("evil.org", bound), (), (bound,), "evil.org")


def extensions() -> Iterator[Case]:
    """Extensions that nobody knows (RFC 5280, 4.2)."""
    for level, critical in itertools.product(("leaf", "middle", "root"), (True, False)):
        of: dict[str, dict[str, Any]] = {
            one: {"unknown": critical if one == level else None} for one in ("leaf", "middle", "root")
        }
        top = root(**of["root"])
        between = middle(top, **of["middle"])
        what = f"extension: {level}, {'critical' if critical else 'not critical'}"
        yield Case(what, leaf(between, **of["leaf"]), (between,), (top,))
    own = leaf(None, unknown=True)
    yield Case("extension: trusted itself, critical", own, (), (own,))
    ca = root()
    yield Case("extension: critical policies, leaf", leaf(ca, policies=True), (), (ca,))
    between = middle(ca, policies=True)
    yield Case("extension: critical policies, middle", leaf(between), (between,), (ca,))


def algorithms() -> Iterator[Case]:
    """Kinds of keys and signatures."""
    ca, rsa = root(), root("rsa root", kind="RSA2048")
    for kind in ("RSA2048", "RSA3072", "RSA1024", "P-384", "P-521", "Ed25519", "Ed448", "K-256"):
        yield Case(f"algorithm: leaf {kind}", leaf(ca, f"leaf {kind}", kind=kind), (), (ca,))
    for kind in ("RSA1024", "P-384", "P-521", "Ed25519", "Ed448", "K-256"):
        by = root(f"root {kind}", kind=kind)
        yield Case(f"algorithm: root {kind}", leaf(by), (), (by,))
    for digest in (hashes.SHA224(), hashes.SHA384(), hashes.SHA512()):
        yield Case(f"algorithm: ECDSA {digest.name}", leaf(ca, digest=digest), (), (ca,))
        yield Case(f"algorithm: RSA {digest.name}", leaf(rsa, digest=digest), (), (rsa,))
    yield Case("algorithm: RSA PSS", leaf(rsa, pss=True), (), (rsa,))
    host = "subjectAltName=DNS:localhost"
    yield Case("algorithm: ECDSA sha1", by_openssl("old", ca, host, "sha1"), (), (ca,))
    yield Case("algorithm: RSA sha1", by_openssl("old", rsa, host, "sha1"), (), (rsa,))
    old = by_openssl("sha1 root", None, "basicConstraints=CA:TRUE", "sha1")
    yield Case("algorithm: root signed by SHA-1", leaf(old), (), (old,))


def structures() -> Iterator[Case]:
    """Ways from a leaf to who is trusted."""
    ca, other = root(), root("other root")
    for count in (1, 4, 5, 6, 20):
        chain: list[Node] = []
        for step in range(count):
            chain.append(middle(chain[-1] if chain else ca, f"link {step}"))
        yield Case(f"way: {count} between", leaf(chain[-1]), chain, (ca,))
    one = middle(ca, "one")
    two = middle(one, "two")
    shown = leaf(two)
    for what, sent, trusted in (
        ("in order", (two, one), (ca,)),
        ("out of order", (one, two), (ca,)),
        ("with the root", (two, one, ca), (ca,)),
        ("each twice", (two, two, one, one), (ca,)),
        ("with the leaf", (shown, two, one), (ca,)),
        ("with strangers", (other, two, middle(other, "stranger"), one), (ca,)),
        ("one missing", (two,), (ca,)),
        ("nothing sent", (), (ca,)),
        ("nothing sent, all trusted", (), (ca, one, two)),
        ("the issuer trusted", (), (two,)),
        ("the middle trusted", (two,), (one,)),
        ("others trusted", (two, one), (other,)),
        ("others trusted, too", (two, one), (other, ca)),
    ):
        yield Case(f"way: {what}", shown, sent, trusted)
        yield Case(f"way: {what} (client)", shown, sent, trusted, role="client")
    crossed = middle(other, "one")  # The same name and key, by another.
    yield Case("way: cross-signed, the second root", shown, (two, one, crossed), (other,))
    yield Case("way: cross-signed, the first root", shown, (two, crossed, one), (ca,))
    wrong = middle(other, "one", key_of="wrong key")
    yield Case("way: the same name, another key", shown, (two, wrong, one), (ca,))
    yield Case("way: the same name, another key, alone", shown, (two, wrong), (other,))
    imposter = root("root", key_of="imposter")
    yield Case("way: a root of the same name", leaf(ca), (), (imposter,))
    yield Case("way: two roots of the same name", leaf(ca), (), (imposter, ca))
    a_by_b = middle(node("b", ca=True), "a")
    b_by_a = middle(node("a", ca=True), "b")
    yield Case("way: a loop", leaf(a_by_b), (a_by_b, b_by_a), (ca,))
    a_by_root = middle(ca, "a")
    yield Case("way: a loop with a way out", leaf(a_by_b), (a_by_b, b_by_a, a_by_root), (ca,))
    for what, own in (
        ("a leaf", leaf(None, ca=False)),
        ("an authority", leaf(None, ca=True)),
        ("without constraints", leaf(None)),
        ("for clients", leaf(None, eku=("client",))),
        ("for signing", leaf(None, ku=("key_cert_sign",))),
        ("for another", leaf(None, san=("DNS:else.where",))),
    ):
        yield Case(f"way: signed by itself, {what}, trusted", own, (), (own,))
        yield Case(f"way: signed by itself, {what}, not trusted", own, (), (ca,))
    again = leaf(None)
    yield Case("way: signed by itself, its twin trusted", again, (), (leaf(None),))
    serving = leaf(ca, ca=True)
    yield Case("way: an authority that serves", serving, (), (ca,))
    yield Case("way: the leaf trusted", leaf(ca), (), (shown, leaf(ca)))
    bare = leaf(ca)
    yield Case("way: this leaf trusted", bare, (), (bare,))
    forged = leaf(ca, signer=other.key)
    yield Case("way: a forged signature", forged, (), (ca,))
    between = middle(ca, signer=other.key)
    yield Case("way: a forged signature between", leaf(between), (between,), (ca,))


def all_cases() -> list[Case]:
    """The table."""
    some = (constraints, usages, paths, dates, versions, extensions, algorithms, structures)
    return [*names(root()), *(case for part in some for case in part())]
