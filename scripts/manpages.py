#!/usr/bin/env python3
"""Writes the manual pages of section 3 from include/mongoose.h.

    scripts/manpages.py DIRECTORY     mongoose.3 and one page for each function

The texts are those of the header, which are those of the Rust sources.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import header_docs

MANUAL = "Mongoose C library"


def escaped(text: str) -> str:
    """Text that roff prints as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in text.split("\n"))


def inline(text: str) -> str:
    """A paragraph with code in bold."""
    pieces = re.split(r"`([^`]+)`", text)
    return "".join(f"\\fB{escaped(piece)}\\fR" if i % 2 else escaped(piece) for i, piece in enumerate(pieces))


def body(text: str) -> list[str]:
    """Paragraphs, lists and examples of a comment as roff."""
    out: list[str] = []
    code: list[str] | None = None
    for line in text.split("\n"):
        if line.startswith("```"):
            out += [".EX", *map(escaped, code), ".EE"] if code is not None else [".PP"]
            code = [] if code is None else None
        elif code is not None:
            code.append(line)
        elif not line.strip():
            out.append(".PP")
        elif line.startswith("* "):
            out += [".IP \\(bu 2", inline(line[2:])]
        elif line.startswith("|"):
            if not re.fullmatch(r"[|\s:-]+", line):
                out += [".br", inline("  ".join(cell.strip() for cell in line.strip("|").split("|")))]
        else:
            out.append(inline(line))
    while out and out[-1] == ".PP":
        out.pop()
    while out and out[0] == ".PP":
        out.pop(0)
    return [line for i, line in enumerate(out) if line != ".PP" or out[i - 1] != ".PP"]


def head(name: str, section: int, version: str) -> list[str]:
    """The first lines of a page. No date: the same sources give the same page."""
    return [f'.TH {name} {section} "" "libmongoose {version}" "{MANUAL}"']


def page(entry: header_docs.Entry, version: str, beside: list[str]) -> str:
    """The page of one function."""
    first = entry.summary[:1].lower() + entry.summary[1:] if entry.summary[1:2].islower() else entry.summary
    out = head(entry.name, 3, version)
    out += [".SH NAME", f"{entry.name} \\- {inline(first)}"]
    out += [".SH SYNOPSIS", ".nf", ".B #include <mongoose.h>", ".PP"]
    out += [f"\\fB{escaped(line)}\\fR" for line in entry.declaration.split("\n")]
    out += [".fi", ".SH DESCRIPTION"]
    titles = {
        "": "",
        "Returns": "RETURN VALUE",
        "Errors": "ERRORS",
        "Threads": "THREADS",
        "Example": "EXAMPLES",
    }
    for heading, text in entry.parts():
        if heading:
            out.append(f".SH {titles.get(heading, heading.upper())}")
        out += body(text)
    out += [".SH SEE ALSO", "\\fBmongoose\\fR(3)" + "".join(f",\n\\fB{name}\\fR(3)" for name in beside)]
    return "\n".join(out) + "\n"


def overview(functions: list[header_docs.Entry], version: str) -> str:
    """mongoose(3): what the library is, and all functions by chapter."""
    out = head("mongoose", 3, version)
    out += [".SH NAME", "mongoose \\- event\\-driven networking: TCP, UDP, HTTP, WebSocket, MQTT, DNS, TLS"]
    out += [".SH SYNOPSIS", ".nf", ".B #include <mongoose.h>", ".PP"]
    out += ["\\fBcc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs mongoose)\\fR", ".fi"]
    out += [".SH DESCRIPTION"]
    out += body(
        "A program initialises a manager (`mg_mgr_init`), opens listeners and connections on it, and calls "
        "`mg_mgr_poll` in a loop. The library calls the program's event handler for everything that happens "
        "on a connection. All functions belong to the thread that polls the manager unless their page says "
        "otherwise; `mg_wakeup` reaches it from other threads."
    )
    chapter = ""
    for entry in functions:
        if entry.section != chapter:
            chapter = entry.section
            out += [f'.SS "{escaped(chapter.replace("`", ""))}"']
        out += [".TP", f"\\fB{entry.name}\\fR(3)", inline(entry.summary)]
    out += [".SH SEE ALSO", "\\fBmongoose\\-pack\\fR(1), \\fBpymongoose\\fR(1)"]
    return "\n".join(out) + "\n"


def write(directory: Path) -> None:
    """Writes all pages."""
    directory.mkdir(parents=True, exist_ok=True)
    text = (header_docs.ROOT / "Cargo.toml").read_text()
    version = re.search(r'^version = "([^"]+)"', text, re.MULTILINE)
    assert version is not None
    functions = header_docs.functions()
    for entry in functions:
        beside = [f.name for f in functions if f.section == entry.section and f.name != entry.name][:8]
        (directory / f"{entry.name}.3").write_text(page(entry, version[1], beside))
    (directory / "mongoose.3").write_text(overview(functions, version[1]))


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    write(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
