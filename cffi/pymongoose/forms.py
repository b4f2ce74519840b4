"""Forms that browsers send: fields with one value or several, and files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

URLENCODED = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000

# With the lines that continue it.
_PART_TYPE = re.compile(
    rb"^content-type[ \t]*:[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE
)


class FormPart(NamedTuple):
    """One part of a multipart body.

    filename is what the client calls the file, and must never be used as a path; None when the part
    is no file. content_type is what the client says it is, or "".
    """

    name: str
    filename: str | None
    content: bytes
    content_type: str = ""

    @property
    def text(self) -> str:
        """The content as text."""
        return decode(self.content)


class Form(Mapping[str, str]):
    """Fields of a form, in order. As a mapping it has the first value of each name.

    form["name"] raises KeyError for a field that is not there, form.get("name", "") does not, and
    form.all("tag") is the list of all values of a field. Names keep their case.
    """

    __slots__ = ("_values",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in fields:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Form({self._values!r})"

    def all(self, name: str) -> list[str]:
        """All values of a field, in order; [] when it is not there."""
        return list(self._values.get(name, ()))


def decode(data: bytes) -> str:
    """Text as everywhere in the package: UTF-8; other bytes survive a round trip."""
    return data.decode("utf-8", "surrogateescape")


def urlencoded(body: bytes, max_fields: int) -> list[tuple[str, str]]:
    """Fields of a body such as a=1&b=2. ValueError for more than max_fields."""
    # Counted first: before there are as many objects as a client likes.
    if body.count(b"&") >= max_fields:
        raise _too_many(max_fields)
    from urllib.parse import parse_qsl  # It makes import slow.

    return parse_qsl(decode(body), keep_blank_values=True, errors="surrogateescape")


def fields_of(parts: Iterable[FormPart], max_fields: int) -> Iterator[tuple[str, str]]:
    """Fields among the parts of a body: those that are no files. ValueError for too many parts."""
    for number, part in enumerate(parts, 1):
        if number > max_fields:
            raise _too_many(max_fields)
        if part.filename is None:
            yield part.name, part.text


def _too_many(max_fields: int) -> ValueError:
    return ValueError(f"the form has more than {max_fields} fields")


def part_of(found: tuple[int, bytes, bytes, bytes | None, bytes]) -> FormPart:
    """A part, as the gate returns it."""
    _, headers, name, filename, content = found
    kind = _PART_TYPE.search(headers)
    return FormPart(
        decode(name),
        None if filename is None else decode(filename),
        content,
        " ".join(decode(kind[1]).split()) if kind else "",
    )
