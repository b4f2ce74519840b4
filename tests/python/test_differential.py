"""The library's helpers against Python's own: JSON, digests, addresses, base64, CRC-32."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pymongoose
from pymongoose._native import ffi, lib

pytestmark = pytest.mark.slow

# Keys that a path can name whatever the spelling of the document.
KEYS = st.text("abcXYZ0189_", min_size=1, max_size=8)
# Lone surrogates have no bytes.
TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: str = "$") -> list[tuple[str, Any]]:
    """All paths of a document, with their values."""
    found = [(path, value)]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, f"{path}[{index}]")
    return found


@settings(max_examples=1000)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
@example({"a": ["\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")]}, True, None)
def test_json_against_json(document: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    for path, value in places(document):
        token = pymongoose.json_get(text, path)
        assert token is not None, path
        assert json.loads(token) == value
        if isinstance(value, str):
            assert pymongoose.json_get_str(text, path) == value
        elif isinstance(value, bool):
            assert pymongoose.json_get_bool(text, path) is value
        elif isinstance(value, int | float):
            assert pymongoose.json_get_num(text, path) == float(value)
        else:
            assert pymongoose.json_get_str(text, path) is None
            assert pymongoose.json_get_num(text, path) is None


@settings(max_examples=500)
@given(st.binary(max_size=300), st.binary(max_size=150))
def test_digests_against_hashlib(data: bytes, key: bytes) -> None:
    assert pymongoose.md5(data) == hashlib.md5(data).digest()
    assert pymongoose.sha1(data) == hashlib.sha1(data).digest()
    assert pymongoose.sha256(data) == hashlib.sha256(data).digest()
    assert pymongoose.hmac_sha256(key, data) == hmac.digest(key, data, "sha256")
    assert pymongoose.crc32(data) == binascii.crc32(data)
    assert pymongoose.crc32(data, pymongoose.crc32(key)) == binascii.crc32(key + data)
    assert pymongoose.base64_encode(data) == base64.b64encode(data).decode()
    assert pymongoose.base64_decode(base64.b64encode(data).decode()) == data


def parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """What mg_aton makes of a text."""
    raw = text.encode()
    kept = ffi.new("char[]", raw)
    address = ffi.new("struct mg_addr *")
    if not lib.mg_aton(lib.mg_str_n(kept, len(raw)), address):
        return None
    size = 16 if address.is_ip6 else 4
    return ipaddress.ip_address(bytes(ffi.buffer(address.addr.ip, size)))


@settings(max_examples=1000)
@given(st.ip_addresses())
def test_addresses_against_ipaddress(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    spellings = {str(address), address.exploded, str(address).upper()}
    if isinstance(address, ipaddress.IPv6Address):
        spellings |= {f"[{address}]", f"{address}%7"}
        if address.ipv4_mapped is not None:
            spellings.add(f"::ffff:{address.ipv4_mapped}")
    for text in spellings:
        # ipaddress prints some addresses with a dotted tail; mg_aton takes that after ::ffff: only.
        if "." not in text or ":" not in text or text.lower().startswith("::ffff:"):
            assert parse(text) == address, text


@settings(max_examples=1000)
@given(st.text("0123456789abcdef:.%[]", max_size=24))
def test_what_ipaddress_refuses(text: str) -> None:
    """Only in four documented ways is mg_aton more generous than ipaddress."""
    found = parse(text)
    try:
        expected = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        octets = text.split(".")
        zeros = len(octets) == 4 and any(o.startswith("0") and len(o) > 1 for o in octets)
        generous = text == "" or "[" in text or "::" in text or zeros
        assert found is None or generous, (text, found)
    else:
        if found is not None:
            assert found == expected
