"""Some 500 chains, judged by `openssl verify`, by Python's ssl and by this library.

All agree, but for the rows of DIFFERENCES: each with the section that makes us right.
"""

from __future__ import annotations

import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import chain_cases
import chain_cases_fields
import chain_cases_odd
import chain_cases_revoked
import peers
from chain_cases import Case
from chains import node
from needs import need

PARTIAL_CHAIN = 0x80000  # ssl.VERIFY_X509_PARTIAL_CHAIN of Python 3.10

NOT_A_HOST = "RFC 1123, 2.1: no host's name begins with a dot"
PART = "RFC 9525, 6.3: `*` stands for a whole label"
COMMON = "RFC 5280, 4.2.1.10: whatever is treated as the host is bound, also without a dot"
PROCESS = "RFC 5280, 4.2.1.10: process such a constraint or reject the certificate"
SHORT = "RFC 9325, 4.5: RSA keys have at least 2048 bits"
OPTIONAL = "RFC 8446, 9.1: not among the algorithms that must be there"
OLD_CURVE = "RFC 8422, 5.1.1: the curve is deprecated"
SHA224 = "RFC 8446, 4.2.3: no scheme has SHA-224"
SHA1 = "RFC 8446, 4.4.2.4: SHA-1 is to be refused"
DEPTH = "RFC 4158, 2.1: paths are found within bounds; ours are five authorities, against long searches"
SEARCH = "RFC 4158, 2.4.2: there is a valid path, OpenSSL does not go back to find it"

WILDCARD = "RFC 5280, 4.2.1.10: the name stands for one that is excluded"
MASK = "RFC 4632, 3.1: a mask has no holes"
SERVER = "RFC 5280, 4.2.1.12: servers have the purpose id-kp-serverAuth"
NETSCAPE = "RFC 5280, 4.2: extensions that are not critical and not known are ignored"
POLICY = "RFC 5280, 4.2: a critical extension is processed, or the certificate is rejected"
BER = "X.690, 11.1: TRUE is ff in DER"
TWICE = "RFC 5280, 4.2: an extension appears once"
MD5 = "RFC 8446, 4.4.2.4: MD5 is to be refused"
SALT = "RFC 8446, 4.2.3: the salt is as long as the digest"
HINT = "RFC 5280, 6.1: not part of validation; RFC 4158, 3.5.12: it puts candidates in an order"
DOT = "RFC 1034, 3.5: names in certificates do not end in a dot"
ABSOLUTE = "RFC 1034, 3.1: the same name"
LIST = "RFC 5280, 5.2: lists have a number and their authority's key"
UPDATE = "RFC 5280, 6.3.3: the next update counts"
ISSUERS = (
    "RFC 5280, 6.3: each certificate is looked up where there is a list; OpenSSL has another flag for it"
)
SCOPE = "RFC 5280, 6.3.3 b: a certificate without distribution points; the program gave the list"
REMOVED = "RFC 5280, 5.3.1: that reason is for delta lists only"
OLD_TEXT = "RFC 5280, 4.1.2.4: such strings are not to be used for new subjects"

PERMITTED = "constraints: {'permitted': ('"
# Who believes, and why ours is right.
DIFFERENCES: dict[str, tuple[str, str]] = {
    "name: DNS:*.example.com of x for .example.com": ("o", NOT_A_HOST),
    "name: DNS:f*.example.com of x for foo.example.com": ("o", PART),
    "name: DNS:*oo.example.com of x for foo.example.com": ("o", PART),
    **{
        f"{PERMITTED}{tree}',)}}, {names} for localhost ({where})": ("op", why)
        for where in ("root", "middle")
        for tree, names, why in (
            ("DNS:example.com", "localhost", COMMON),
            ("email:b.c", "('DNS:localhost', 'email:a@b.c')", PROCESS),
            ("DIR:x", "('DNS:localhost',)", PROCESS),
        )
    },
    "algorithm: leaf RSA1024": ("o", SHORT),
    "algorithm: root RSA1024": ("o", SHORT),
    "algorithm: leaf Ed448": ("op", OPTIONAL),
    "algorithm: root Ed448": ("op", OPTIONAL),
    "algorithm: leaf K-256": ("o", OLD_CURVE),
    "algorithm: root K-256": ("op", OLD_CURVE),
    "algorithm: ECDSA sha224": ("op", SHA224),
    "algorithm: RSA sha224": ("op", SHA224),
    "algorithm: ECDSA sha1": ("o", SHA1),
    "algorithm: RSA sha1": ("o", SHA1),
    "way: 6 between": ("op", DEPTH),
    "way: 20 between": ("op", DEPTH),
    "way: cross-signed, the second root": ("u", SEARCH),
    "way: cross-signed, the first root": ("u", SEARCH),
    "way: the same name, another key": ("u", SEARCH),
    "way: two roots of the same name": ("u", SEARCH),
    **{
        f"odd constraints: excluded a.example.com for ('DNS:*.example.com',), {host}": ("op", WILDCARD)
        for host in ("a.example.com", "b.example.com")
    },
    "odd constraints: permitted a mask with a hole for ('IP:127.9.0.1',), 127.9.0.1": ("op", MASK),
    "odd purpose: server, Netscape's": ("op", SERVER),
    "odd purpose: middle, Netscape's": ("op", SERVER),
    "odd purpose: Netscape type client": ("u", NETSCAPE),
    "odd purpose: Netscape type authority": ("u", NETSCAPE),
    "odd policy: explicit": ("op", POLICY),
    "odd policy: explicit, leaf without": ("op", POLICY),
    "odd policy: explicit, leaf with another": ("op", POLICY),
    "odd policy: explicit later": ("op", POLICY),
    "odd path: middle TRUE as 1": ("op", BER),
    "odd path: root TRUE as 1": ("op", BER),
    "odd field: unknown extension twice": ("op", TWICE),
    "odd field: RSA md5": ("o", MD5),
    "odd field: middle RSA md5": ("o", MD5),
    "odd field: RSA sha1": ("o", SHA1),
    "odd field: middle RSA sha1": ("o", SHA1),
    "odd field: key brainpool": ("o", OPTIONAL),
    "odd field: middle brainpool": ("op", OPTIONAL),
    "odd field: key P-224": ("o", OLD_CURVE),
    "odd field: key RSA2047": ("op", SHORT),
    "odd field: middle RSA1024": ("o", SHORT),
    "odd field: PSS with a short salt": ("op", SALT),
    "odd field: authority's key of another key": ("u", HINT),
    "odd field: authority's key with another issuer": ("u", HINT),
    "odd name: both end in a dot, for localhost.": ("op", DOT),
    "odd name: asked for localhost.": ("u", ABSOLUTE),
    "odd name: star for a name with a line, for a_b.example.com": ("u", PART),
    "odd name: common name as BMPString, for localhost": ("op", OLD_TEXT),
    "odd name: common name as UniversalString, for localhost": ("op", OLD_TEXT),
    "odd way: eight issuers of one name": ("u", SEARCH),
    "revoked: no extensions": ("op", LIST),
    "revoked: of tomorrow": ("u", UPDATE),
    "revoked: of the root, its intermediate": ("op", ISSUERS),
    "revoked: for users": ("op", POLICY),
    "revoked: of a point": ("u", SCOPE),
    "revoked: a delta": ("op", POLICY),
    "revoked: this one removed": ("op", REMOVED),
}


def is_address(host: str) -> bool:
    return host.replace(".", "").isdigit() or ":" in host


class Files:
    """The files of the cases: equal contents are in one."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.known: dict[bytes, str] = {}

    def put(self, *texts: bytes) -> str:
        text = b"".join(texts)
        if text not in self.known:
            self.known[text] = f"{len(self.known)}.pem"
            (self.place / self.known[text]).write_bytes(text)
        return self.known[text]


def by_openssl(case: Case, files: Files) -> bool:
    purpose = "sslserver" if case.role == "server" else "sslclient"
    command = ["openssl", "verify", "-partial_chain", "-purpose", purpose, "-no-CApath", "-no-CAstore"]
    command += ["-CAfile", files.put(*(one.cert for one in case.trusted))]
    if case.sent:
        command += ["-untrusted", files.put(*(one.cert for one in case.sent))]
    if case.role == "server":
        command += ["-verify_ip" if is_address(case.host) else "-verify_hostname", case.host]
    if case.crl:
        command += ["-crl_check", "-CRLfile", files.put(case.crl)]
    command.append(files.put(case.leaf.cert))
    done = subprocess.run(command, cwd=files.place, capture_output=True, text=True, timeout=60)
    return done.returncode == 0


def by_python(case: Case, files: Files) -> bool:
    """A handshake in memory; who shows something is not careful about what."""
    chain = files.place / files.put(case.leaf.cert, *(one.cert for one in case.sent))
    shows, judges = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
        for is_server in (case.role == "server", case.role != "server")
    )
    for context in (shows, judges):
        context.set_ciphers("DEFAULT@SECLEVEL=0" if context is shows else "DEFAULT@SECLEVEL=2")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        shows.load_cert_chain(chain, files.place / files.put(case.leaf.key_pem()))
    except ssl.SSLError:
        return False
    judges.load_verify_locations(files.place / files.put(*(one.cert for one in case.trusted)))
    judges.verify_mode = ssl.CERT_REQUIRED
    judges.verify_flags |= PARTIAL_CHAIN
    if case.crl:
        judges.load_verify_locations(files.place / files.put(case.crl))
        judges.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if case.role == "server":
        judges.check_hostname = True
    else:
        judges.load_cert_chain(files.place / "ANY.crt", files.place / "ANY.key")
    wires = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = (shows, judges) if case.role != "server" else (judges, shows)
    try:
        sides = [
            client.wrap_bio(wires[0], wires[1], server_hostname=case.host),
            server.wrap_bio(wires[1], wires[0], server_side=True),
        ]
    except ValueError:
        return False  # A name that cannot be asked for.
    waiting = set(range(2))
    for _ in range(10):
        for at in tuple(waiting):
            try:
                sides[at].do_handshake()
                waiting.discard(at)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return False
        if not waiting:
            return True
    return False


def by_us(cases: list[Case], files: Files, place: Path) -> list[str]:
    """All handshakes in one program: "ok", or what is wrong."""
    lines = [
        " ".join(
            (
                case.role,
                files.put(case.leaf.cert, *(one.cert for one in case.sent)),
                files.put(case.leaf.key_pem()),
                files.put(*(one.cert for one in case.trusted)),
                case.host if case.role == "server" else "-",
                files.put(case.crl) if case.crl else "-",
            )
        )
        for case in cases
    ]
    program = peers.build("tls_judge", place)
    done = subprocess.run(
        [program], cwd=files.place, input="\n".join(lines), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Of each case who believes it, as letters, and our reason: `uop` is all, `u` us, `-` nobody."""
    need("openssl")
    place = tmp_path_factory.mktemp("chains")
    files = Files(place)
    tables = (chain_cases, chain_cases_fields, chain_cases_odd, chain_cases_revoked)
    cases = [case for table in tables for case in table.all_cases()]
    anybody = node("anybody")
    (place / "ANY.crt").write_bytes(anybody.cert)
    (place / "ANY.key").write_bytes(anybody.key_pem())
    ours = by_us(cases, files, place)
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(lambda case: by_openssl(case, files), cases))
    found = {}
    for case, us, openssl in zip(cases, ours, theirs, strict=True):
        who = ("u" if us == "ok" else "") + ("o" if openssl else "") + ("p" if by_python(case, files) else "")
        assert case.what not in found, case.what
        found[case.what] = (who or "-", us)
    return found


def test_there_are_many(verdicts: dict[str, tuple[str, str]]) -> None:
    assert len(verdicts) >= 400
    believed = sum(who == "uop" for who, _ in verdicts.values())
    refused = sum(who == "-" for who, _ in verdicts.values())
    assert believed > 60
    assert refused > 60


def test_we_agree_or_say_why(verdicts: dict[str, tuple[str, str]]) -> None:
    differing = {what: who for what, (who, _) in verdicts.items() if who not in ("uop", "-")}
    assert differing == {what: who for what, (who, _) in DIFFERENCES.items()}, {
        what: (who, verdicts[what][1]) for what, who in differing.items()
    }
