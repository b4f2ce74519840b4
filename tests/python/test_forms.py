"""What browsers send: forms, files, cookies, credentials."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
from conftest import Server
from test_message import during_request

from pymongoose import MG_EV_HTTP_MSG, Connection, Form, FormPart, HttpMessage

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=xyz"}


def part(name: str, content: bytes, filename: str | None = None, kind: str = "") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    lines = [disposition] + ([f"Content-Type: {kind}"] if kind else [])
    return b"--xyz\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


END = b"--xyz--\r\n"


def form_of(body: bytes, headers: dict[str, str], **options: int) -> Form:
    found: list[Form] = []
    during_request(lambda conn, message: found.append(message.form(**options)), "/", body, headers)
    return found[0]


def parts_of(body: bytes, headers: dict[str, str] = MULTIPART) -> list[FormPart]:
    found: list[FormPart] = []
    during_request(lambda conn, message: found.extend(message.multipart()), "/", body, headers)
    return found


def test_urlencoded_form() -> None:
    form = form_of(b"a=1&b=x+y%20z&tag=one&tag=&tag=two&empty=&k%C3%A9y=%e2%82%ac&A=2&=none", URLENCODED)
    assert form["a"] == "1"
    assert form["A"] == "2"
    assert form["b"] == "x y z"
    assert form["tag"] == "one"
    assert form.all("tag") == ["one", "", "two"]
    assert form["empty"] == ""
    assert form["kéy"] == "€"
    assert form.get("missing") is None
    assert form.all("missing") == []
    assert list(form) == ["a", "b", "tag", "empty", "kéy", "A", ""]
    assert len(form) == 7
    with pytest.raises(KeyError):
        form["missing"]


def test_urlencoded_oddities() -> None:
    assert dict(form_of(b"a=%&b=%zz&c=%ff&&d", URLENCODED)) == {"a": "%", "b": "%zz", "c": "\udcff", "d": ""}
    assert dict(form_of(b"", URLENCODED)) == {}
    assert dict(form_of(b"a=1", {"Content-Type": "text/plain"})) == {}
    assert dict(form_of(b"a=1", {})) == {}
    assert dict(form_of(b"a=1", {"Content-Type": "APPLICATION/X-WWW-Form-Urlencoded"})) == {"a": "1"}


def test_multipart_form_has_the_fields_without_the_files() -> None:
    body = part("a", b"1") + part("file", b"content", "f.txt", "text/plain") + part("a", "€".encode()) + END
    form = form_of(body, MULTIPART)
    assert list(form) == ["a"]
    assert form.all("a") == ["1", "€"]


def test_a_form_with_too_many_fields_is_an_error() -> None:
    for body, headers in ((b"a=1&b=2&c=3", URLENCODED), (part("a", b"1") * 3 + END, MULTIPART)):
        assert len(form_of(body, headers, max_fields=3).all("a")) in (1, 3)
        with pytest.raises(ValueError, match="more than 2 fields"):
            form_of(body, headers, max_fields=2)


def test_parts() -> None:
    binary = bytes(range(256)) + b"\r\n--xy\r\n--xyzz\r\n"
    body = (
        part("val", b"abc\r\ndef")
        + part("foo", binary, "a b.txt", "Text/Plain; charset=utf-8")
        + part("none", b"", "")
        + b"--xyz\r\n\r\nno headers\r\n"
        + END
    )
    assert parts_of(body) == [
        FormPart("val", None, b"abc\r\ndef", ""),
        FormPart("foo", "a b.txt", binary, "Text/Plain; charset=utf-8"),
        FormPart("none", "", b"", ""),
        FormPart("", None, b"no headers", ""),
    ]
    assert FormPart("a", None, b"\xe2\x82\xac\xff").text == "€\udcff"


def test_a_type_in_the_content_is_not_the_type_of_the_part() -> None:
    (found,) = parts_of(part("a", b"Content-Type: evil/type\r\n\r\nContent-Type: worse") + END)
    assert found.content_type == ""


def test_the_boundary_is_that_of_the_head() -> None:
    body = part("a", b"1") + END
    for kind in (
        "multipart/form-data; boundary=other",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "text/plain; boundary=xyz",
        "application/x-www-form-urlencoded; boundary=xyz",
    ):
        assert parts_of(body, {"Content-Type": kind}) == []
    quoted = {"Content-Type": 'Multipart/Mixed; charset=x; boundary="xyz"'}
    assert len(parts_of(body, quoted)) == 1


def test_text_around_the_parts_is_no_part() -> None:
    around = b"--other\r\nContent-Disposition: form-data; name=fake\r\n\r\n --xyz\r\n--xyzz\r\n\r\n"
    assert [p.name for p in parts_of(around + part("a", b"1") + END + around + part("b", b"2") + END)] == [
        "a"
    ]


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"--xyz", b"--xyz\r\n", b"--xyz--\r\n", part("a", b"cut"), part("a", b"")[:30]]
)
def test_malformed_parts_are_none(body: bytes) -> None:
    assert parts_of(body) == []


def test_a_cut_part_is_none_but_those_before_it_are() -> None:
    assert [p.name for p in parts_of(part("a", b"1") + part("b", b"2"))] == ["a"]


def test_many_parts_and_a_long_preamble_take_linear_time() -> None:
    """Counted, not measured: a scan from the start for each part would run into the deadline."""
    preamble = b"--xy\r\n" * 100_000
    body = preamble + part("a", b"1") * 20_000 + END
    assert len(parts_of(body)) == 20_000


def test_parts_are_over_with_the_event() -> None:
    kept: list[Iterator[FormPart]] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            parts = data.multipart()
            kept.append(parts)
            conn.reply(200, next(parts).name)

    body = b"".join(part(f"p{i}", b"x") for i in range(3)) + END
    with Server(handler) as server:
        for _ in range(2):
            assert server.request("POST", "/", body, **MULTIPART)[2] == b"p0"
        assert [list(parts) for parts in kept] == [[], []]


def test_parts_are_over_when_the_bytes_are_consumed() -> None:
    def check(conn: Connection, message: HttpMessage) -> None:
        parts = message.multipart()
        assert next(parts).name == "a"
        conn.recv_consume()
        assert list(parts) == []
        assert dict(message.form()) == {}

    during_request(check, "/", part("a", b"1") + part("b", b"2") + END, MULTIPART)


def test_empty_messages() -> None:
    message = HttpMessage()
    assert dict(message.form()) == {}
    assert list(message.multipart()) == []
    assert message.cookies() == {}
    assert message.credentials() is None


# Cookies and credentials.


def value_of(method: str, path: str = "/", **headers: str) -> Any:
    found: list[Any] = []

    def check(conn: Connection, message: HttpMessage) -> None:
        found.append(getattr(message, method)())

    during_request(check, path, None, headers)
    return found[0]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1; b=2;c=3 ;  d=", {"a": "1", "b": "2", "c": "3", "d": ""}),
        ('q="x y"; r="; s=""', {"q": "x y", "r": '"', "s": ""}),
        ("a=first; a=second", {"a": "first"}),
        ("a=b=c; A=d", {"a": "b=c", "A": "d"}),
        ("nothing; =value; ; a=1", {"a": "1"}),
        ("a=%20+", {"a": "%20+"}),
    ],
)
def test_cookies(header: str, expected: dict[str, str]) -> None:
    assert value_of("cookies", Cookie=header) == expected


def test_no_cookies() -> None:
    assert value_of("cookies") == {}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/", {}, None),
        ("/", {"Authorization": basic("foo:bar")}, ("foo", "bar")),
        ("/", {"Authorization": basic("foo:")}, ("foo", "")),
        ("/", {"Authorization": basic(":bar")}, ("", "bar")),
        ("/", {"Authorization": basic("foo:b:c")}, ("foo", "b:c")),
        ("/", {"Authorization": basic("zoë:pä€ß")}, ("zoë", "pä€ß")),
        ("/", {"Authorization": basic("u" * 300 + ":" + "p" * 900)}, ("u" * 300, "p" * 900)),
        ("/", {"Authorization": basic("no colon")}, None),
        ("/", {"Authorization": "Basic !!!"}, None),
        ("/", {"Authorization": "basic Zm9vOmJhcg"}, ("foo", "bar")),
        ("/", {"Authorization": "Bearer token"}, ("", "token")),
        ("/", {"Authorization": "Bearer " + "t" * 9000}, ("", "t" * 9000)),
        ("/", {"Cookie": "blah; access_token=hello"}, ("", "hello")),
        ("/?access_token=q", {"Cookie": "other=1"}, None),
        ("/?access_token=a%20b", {}, ("", "a b")),
        ("/?access_token=q", {"Authorization": basic("foo:bar"), "Cookie": "access_token=c"}, ("foo", "bar")),
    ],
)
def test_credentials(path: str, headers: dict[str, str], expected: tuple[str, str] | None) -> None:
    assert value_of("credentials", path, **headers) == expected


# Real clients.


def test_forms_of_other_clients() -> None:
    seen: list[tuple[list[str], list[FormPart]]] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            files = [part for part in data.multipart() if part.filename is not None]
            seen.append((data.form().all("f"), files))
            conn.reply(200)

    fields = {"f": ["a b", "ü&=%+", ""]}
    content = bytes(range(256)) * 100
    with Server(handler) as server:
        url = f"http://127.0.0.1:{server.port}/"
        for client in (httpx, requests):
            client.post(url, data=fields)
            client.post(url, data=fields, files={"up": ("a.bin", content, "image/x")})
    assert [values for values, _ in seen] == [fields["f"]] * 4
    file = FormPart("up", "a.bin", content, "image/x")
    assert [files for _, files in seen] == [[], [file], [], [file]]
