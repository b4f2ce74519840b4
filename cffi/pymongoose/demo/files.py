"""The tabs for files: uploads in pieces, and the folder they are in."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from .. import Connection, HttpMessage
from ..browsers import WebOptions

FILE_MAX = 64 * 1024 * 1024  # bytes
FILES_MAX = 20
# A file that somebody has uploaded may be a page: it gets no rights.
WEB = WebOptions(security=True, content_policy="sandbox; default-src 'none'; style-src 'unsafe-inline'")
README = """\
This folder exists as long as the demo runs. What you upload is beside this file.
"""


class Files:
    """A temporary folder."""

    def __init__(self) -> None:
        self.folder: Path = Path(tempfile.mkdtemp(prefix="pymongoose-demo-"))
        (self.folder / "README.txt").write_text(README)

    def close(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def serve(self, conn: Connection, request: HttpMessage) -> None:
        """A file, or the list of all."""
        conn.serve_dir(request, f"/files={self.folder}", web=WEB)

    def upload(self, conn: Connection, request: HttpMessage) -> None:
        """One piece of a file: POST /api/upload?file=NAME&offset=NUMBER."""
        name = request.query_var("file") or ""
        stored = {file.name for file in self.folder.iterdir()}
        if name not in stored and len(stored) >= FILES_MAX:
            conn.reply(403, f"There are {FILES_MAX} files already.\n")
        else:
            conn.upload(request, self.folder, FILE_MAX)
