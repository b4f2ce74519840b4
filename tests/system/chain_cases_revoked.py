"""More of the table: lists of revoked certificates (RFC 5280, 5 and 6.3)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from chain_cases import Case, leaf, middle, root
from chains import DAY, NOW, PEM, Node
from der import NULL

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), NULL)

UNKNOWN_CRITICAL = [(UNKNOWN, True)]


def serial(of: Node) -> int:
    return x509.load_pem_x509_certificate(of.cert).serial_number


def crl(
    by: Node,
    revoked: Sequence[Node] = (),
    *,
    start: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + DAY,
    extensions: Sequence[tuple[Any, bool]] = (),
    of_entry: Sequence[tuple[Any, bool]] = (),
    signer: Any = None,
    number: int | None = 1,
) -> bytes:
    """A list of an authority."""
    made = x509.CertificateRevocationListBuilder().issuer_name(by.subject).last_update(start).next_update(end)
    if number is not None:
        made = made.add_extension(x509.CRLNumber(number), False)
    for value, critical in extensions:
        made = made.add_extension(value, critical)
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial(one)).revocation_date(NOW - DAY)
        for value, critical in of_entry:
            entry = entry.add_extension(value, critical)
        made = made.add_revoked_certificate(entry.build())
    return made.sign(signer or by.key, hashes.SHA256()).public_bytes(PEM)


def only(*kinds: str) -> Sequence[tuple[Any, bool]]:
    """The extension that says which certificates a list is about; without `kinds` those of a point."""
    given: dict[str, Any] = {
        kind: kind in kinds
        for kind in (
            "only_contains_user_certs",
            "only_contains_ca_certs",
            "indirect_crl",
            "only_contains_attribute_certs",
        )
    }
    name = None if kinds else [x509.UniformResourceIdentifier("http://example.com/crl")]
    point = x509.IssuingDistributionPoint(full_name=name, relative_name=None, only_some_reasons=None, **given)
    return [(point, True)]


def why(reason: str) -> Sequence[tuple[Any, bool]]:
    """The extension of an entry that says why."""
    return [(x509.CRLReason(x509.ReasonFlags[reason]), False)]


def all_cases() -> Iterator[Case]:
    """The table."""
    ca, other = root(), root("other root")
    shown, second = leaf(ca), leaf(ca, "second")
    unable = root("root without", ku=("key_cert_sign",))
    by_unable = leaf(unable)
    free = root("root without usages", ku=())
    by_free = leaf(free)
    between = middle(ca, "signing lists", ku=("key_cert_sign", "crl_sign"))
    below = leaf(between)
    old, new = crl(ca, number=1, start=NOW - 3 * DAY), crl(ca, [shown], number=2)
    for what, of, sent, trusted, text in (
        ("nobody", shown, (), ca, crl(ca)),
        ("this one", shown, (), ca, crl(ca, [shown])),
        ("another", shown, (), ca, crl(ca, [second])),
        ("both", shown, (), ca, crl(ca, [second, shown])),
        ("no extensions", shown, (), ca, crl(ca, number=None)),
        ("of another authority", shown, (), ca, crl(other)),
        ("of another authority, too", shown, (), ca, crl(other) + crl(ca)),
        ("of another authority, this one", shown, (), ca, crl(other) + crl(ca, [shown])),
        ("forged", shown, (), ca, crl(ca, signer=other.key)),
        ("expired", shown, (), ca, crl(ca, start=NOW - 3 * DAY, end=NOW - DAY)),
        ("expired, this one", shown, (), ca, crl(ca, [shown], start=NOW - 3 * DAY, end=NOW - DAY)),
        ("of tomorrow", shown, (), ca, crl(ca, start=NOW + DAY, end=NOW + 2 * DAY)),
        ("old and new", shown, (), ca, old + new),
        ("new and old", shown, (), ca, new + old),
        ("signed without the usage", by_unable, (), unable, crl(unable)),
        ("signed without any usage", by_free, (), free, crl(free)),
        ("signed without any usage, this one", by_free, (), free, crl(free, [by_free])),
        ("of an intermediate", below, (between,), ca, crl(between)),
        ("of an intermediate, this one", below, (between,), ca, crl(between, [below])),
        ("of the root alone", below, (between,), ca, crl(ca)),
        ("of the root, its intermediate", below, (between,), ca, crl(ca, [between]) + crl(between)),
        ("unknown extension", shown, (), ca, crl(ca, extensions=[(UNKNOWN, False)])),
        ("unknown critical extension", shown, (), ca, crl(ca, extensions=[(UNKNOWN, True)])),
        ("unknown critical, this one", shown, (), ca, crl(ca, [shown], extensions=UNKNOWN_CRITICAL)),
        ("for users", shown, (), ca, crl(ca, extensions=only("only_contains_user_certs"))),
        ("for authorities", shown, (), ca, crl(ca, extensions=only("only_contains_ca_certs"))),
        ("for attributes", shown, (), ca, crl(ca, extensions=only("only_contains_attribute_certs"))),
        ("indirect", shown, (), ca, crl(ca, extensions=only("indirect_crl"))),
        ("of a point", shown, (), ca, crl(ca, extensions=only())),
        ("a delta", shown, (), ca, crl(ca, extensions=[(x509.DeltaCRLIndicator(1), True)])),
        ("this one, with a reason", shown, (), ca, crl(ca, [shown], of_entry=why("key_compromise"))),
        ("this one on hold", shown, (), ca, crl(ca, [shown], of_entry=why("certificate_hold"))),
        ("this one removed", shown, (), ca, crl(ca, [shown], of_entry=why("remove_from_crl"))),
        ("this one, unknown extension", shown, (), ca, crl(ca, [shown], of_entry=[(UNKNOWN, False)])),
        ("another, unknown critical extension", shown, (), ca, crl(ca, [second], of_entry=[(UNKNOWN, True)])),
    ):  # fmt: skip
        yield Case(f"revoked: {what}", of, sent, (trusted,), crl=text)
        if what in ("nobody", "this one"):
            yield Case(f"revoked: {what} (client)", of, sent, (trusted,), role="client", crl=text)
