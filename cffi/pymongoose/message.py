"""HttpMessage: the Python half. What handlers read of each request is native, in cffi/gate/http.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import cookies, forms
from ._core import gate
from .forms import Form, FormPart


class HttpMessage(gate.HttpBase):
    """An HTTP request or response, valid during its event and empty afterwards."""

    __slots__ = ()

    def form(self, *, max_fields: int = forms.MAX_FIELDS) -> Form:
        """The fields of a form: of an urlencoded body, or of a multipart one without its files.

        Empty when the body is no form. For MG_EV_HTTP_MSG, where the body is complete. ValueError for
        more than max_fields fields: the body is the client's.
        """
        kind = self._media_type()
        if kind == forms.URLENCODED:
            return Form(forms.urlencoded(self.body_bytes, max_fields))
        return Form(forms.fields_of(self.multipart(), max_fields))

    def json(self) -> Any:
        """The body as JSON has it: dicts, lists, texts. ValueError when it is no JSON.

        For MG_EV_HTTP_MSG, where the body is complete.
        """
        import json  # It makes import slow.

        return json.loads(self.body_bytes)

    def multipart(self) -> Iterator[FormPart]:
        """The parts of a multipart body, one by one: fields and files.

        Ends at a part that is malformed or not complete, and when the event is over.
        """
        boundary = self.header_var("Content-Type", "boundary")
        if boundary is None or not self._media_type().startswith("multipart/"):
            return
        first = at = self._first_part(boundary.encode("utf-8", "surrogateescape"))
        while True:
            found = self._part(first, at)
            if found is None:
                return
            at = found[0]
            yield forms.part_of(found)

    def _media_type(self) -> str:
        kind: str = self.header("Content-Type", "")
        return kind.partition(";")[0].strip().lower()

    def cookies(self) -> dict[str, str]:
        """The cookies of a request; {} without any. Of those with the same name the first counts."""
        lines = (value for name, value in self.headers() if name.lower() == "cookie")
        return cookies.parse(";".join(lines))
