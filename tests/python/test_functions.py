"""JSON, URLs, forms, patterns, digests and the rest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymongoose import (
    base64_decode,
    base64_encode,
    crc32,
    hmac_sha256,
    http_parse_multipart,
    http_var,
    json_get,
    json_get_bool,
    json_get_long,
    json_get_num,
    json_get_str,
    log_get,
    log_set,
    match,
    md5,
    millis,
    random_bytes,
    random_str,
    sha1,
    sha256,
    url_encode,
    url_host,
    url_is_ssl,
    url_pass,
    url_port,
    url_uri,
    url_user,
)

DOCUMENT = (
    '{"a":{"b":[1,2.5,-3e2,"x\\u00e9\\n",null,true,{}]},"n":"12","s":"","e":"a\\ud83d\\ude00","f":false}'
)


@pytest.mark.parametrize("document", [DOCUMENT, DOCUMENT.encode()])
def test_json(document: Any) -> None:
    assert json_get(document, "$") == DOCUMENT
    assert json_get(document, "$.a.b[0]") == "1"
    assert json_get(document, "$.a.b[4]") == "null"
    for path in ("$.a.b[9]", "$.x", "a", ""):
        assert json_get(document, path) is None
        assert json_get_str(document, path) is None
    assert json_get(document, "$.s") == '""'
    assert json_get_num(document, "$.a.b[1]") == 2.5
    assert json_get_num(document, "$.n") is None
    assert json_get_num(document, "$.x", 999) == 999
    assert json_get_long(document, "$.a.b[2]") == -300
    assert json_get_long(document, "$.a.b[1]") == 2
    assert json_get_long(document, "$.n") == 0
    assert json_get_long(document, "$.x", 777) == 777
    assert json_get_long(document, "$.x", None) is None
    assert json_get_bool(document, "$.a.b[5]") is True
    assert json_get_bool(document, "$.f") is False
    assert json_get_bool(document, "$.n") is None
    assert json_get_bool(document, "$.n", True) is True
    assert json_get_str(document, "$.a.b[3]") == "xé\n"
    assert json_get_str(document, "$.e") == "a😀"
    assert json_get_str(document, "$.s") == ""
    assert json_get_str(document, "$.a") is None


def test_json_that_is_none() -> None:
    assert json_get("notjson", "$") is None
    for wrong in (None, 5):
        with pytest.raises(TypeError):
            json_get(wrong, "$")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        json_get("{}", 5)  # type: ignore[arg-type]


@given(st.text())
def test_any_text_comes_out_of_json_as_it_went_in(text: str) -> None:
    for ascii_only in (True, False):
        document = json.dumps({"k": text}, ensure_ascii=ascii_only)
        assert json_get_str(document, "$.k") == text


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("hello world", "hello%20world"),
        ("a+b", "a%2bb"),
        ("世界", "%e4%b8%96%e7%95%8c"),
        ("a/b?c~-_.!", "a%2fb%3fc~-_.%21"),
        ("abc123", "abc123"),
        ("test-file_name.txt", "test-file_name.txt"),
        ("é", "%c3%a9"),
        *((c, f"%{ord(c):02x}") for c in "%&=+?#@!$'()*,; "),
    ],
)
def test_url_encode(text: str, encoded: str) -> None:
    assert url_encode(text) == encoded


def test_url_encode_arguments() -> None:
    with pytest.raises(TypeError):
        url_encode(b"x")  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        url_encode("\udc80")


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://h", 80),
        ("ws://h", 80),
        ("https://h", 443),
        ("wss://h", 443),
        ("mqtt://h", 1883),
        ("mqtts://h", 8883),
        ("localhost", 0),
        ("a:5", 5),
        ("ftp://x/y", 0),
    ],
)
def test_url_port(url: str, port: int) -> None:
    assert url_port(url) == port


def test_parts_of_urls() -> None:
    assert url_host("http://u:p@h:12/x") == "h"
    assert url_host("tcp://[::1]:80") == "[::1]"
    assert url_host("") == ""
    assert (url_user("http://admin:secret@h/"), url_pass("http://admin:secret@h/")) == ("admin", "secret")
    assert (url_user("http://u@h"), url_pass("http://u@h")) == ("u", "")
    assert (url_user("http://h"), url_pass("http://h")) == ("", "")
    assert url_uri("http://h/search?q=test") == "/search?q=test"
    assert url_uri("http://h") == "/"
    assert url_is_ssl("https://h") is True
    assert url_is_ssl("wss://h") is True
    assert url_is_ssl("http://h") is False


@pytest.mark.parametrize(
    ("text", "pattern", "captures"),
    [
        ("hello", "hello", []),
        ("hello", "world", None),
        ("", "", []),
        ("abc", "a?c", ["b"]),
        ("abc", "???", ["a", "b", "c"]),
        ("ab", "???", None),
        ("foo", "*", ["foo"]),
        ("foo/bar", "*/bar", ["foo"]),
        ("foo/bar", "*", None),
        ("/api/users", "/api/*", ["users"]),
        ("foo/bar/baz", "#", ["foo/bar/baz"]),
        ("/a/b/c.txt", "#.txt", ["/a/b/c"]),
        ("/api/users/42", "/api/*/??", ["users", "4", "2"]),
        ("x" * 25, "?" * 25, ["x"] * 25),
    ],
)
def test_match(text: str, pattern: str, captures: list[str] | None) -> None:
    assert match(text, pattern) == (captures is not None, captures or [])


def test_http_var() -> None:
    assert http_var("a=1&b=%20&foo=", "b") == "%20"
    assert http_var(b"a=1&b=%20&foo=", "A") == "1"
    assert http_var("foo=", "foo") == ""
    assert http_var("a=1", "b") is None
    assert http_var("", "b") is None


def test_multipart() -> None:
    body = (
        b'--X\r\nContent-Disposition: form-data; name="file"; filename="test.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nTest file content\r\n"
        b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n\0\xff\r\n--X--\r\n'
    )
    offset, part = http_parse_multipart(body)
    assert part == {"name": "file", "filename": "test.txt", "body": b"Test file content"}
    offset, part = http_parse_multipart(body, offset)
    assert part == {"name": "a", "filename": "", "body": b"\0\xff"}
    assert http_parse_multipart(body, offset) == (0, None)
    for nothing in (b"", "", b"test content", "test content"):
        assert http_parse_multipart(nothing) == (0, None)
    assert http_parse_multipart(body, 10_000) == (0, None)
    with pytest.raises(OverflowError):
        http_parse_multipart(body, -1)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_digests(data: bytes, key: bytes) -> None:
    assert md5(data) == hashlib.md5(data).digest()
    assert sha1(data) == hashlib.sha1(data).digest()
    assert sha256(data) == hashlib.sha256(data).digest()
    assert hmac_sha256(key, data) == hmac.digest(key, data, "sha256")
    assert crc32(data) == binascii.crc32(data)
    assert crc32(data, crc32(key)) == binascii.crc32(key + data)


def test_digests_take_text() -> None:
    assert md5("é") == hashlib.md5("é".encode()).digest()
    for function in (md5, sha1, sha256, crc32, base64_encode):
        with pytest.raises(TypeError):
            function(None)  # type: ignore[arg-type]
    for wrong in (-1, 2**32):
        with pytest.raises(OverflowError):
            crc32(b"", wrong)


@given(st.binary())
def test_base64(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert base64_encode(data) == text
    assert base64_decode(text) == data


def test_base64_that_is_none() -> None:
    assert base64_decode("YQ==\n") == b"a"
    for wrong in ("YQ", "!!!!", "Y"):
        assert base64_decode(wrong) == b""
    with pytest.raises(UnicodeEncodeError):
        base64_decode("é")


def test_random() -> None:
    assert len(random_bytes(100)) == 100
    assert random_bytes(16) != random_bytes(16)
    assert random_bytes(0) == b""
    text = random_str(1000)
    assert len(text) == 1000
    assert text.isalnum()
    assert random_str(0) == ""
    for function in (random_bytes, random_str):
        with pytest.raises(OverflowError):
            function(-1)


def test_clock_and_log_level() -> None:
    first = millis()
    assert type(first) is int
    assert 0 < first <= millis()
    before = log_get()
    log_set(3)
    assert log_get() == 3
    log_set(before)
