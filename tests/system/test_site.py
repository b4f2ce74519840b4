"""The site of the documentation, as far as it needs no mkdocs: `make docs` builds it and checks each link."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import gate_tables
import header_docs
import site_links
import site_pages
from cprogram import ROOT


def test_the_c_reference_has_everything() -> None:
    reference = site_pages.Reference()
    pages = reference.pages()
    declared = set(re.findall(r"\b(mg_\w+)\(", (ROOT / "include" / "mongoose.h").read_text()))
    functions = {entry.name for entry in header_docs.functions()}
    assert len(functions & declared) > 250
    for name, place in reference.places.items():
        page, _, anchor = place.partition("#")
        assert f"#{anchor} }}" in pages[page] or f'id="{anchor}"' in pages[page], name
    assert "MG_EV_HTTP_MSG" in reference.places
    assert "MG_SET_HTTP_MAX_BODY" in reference.places


def test_examples_of_the_c_reference(tmp_path: Path) -> None:
    """They compile, belong to functions that exist, and are shown."""
    examples = header_docs.examples()
    assert len(examples) >= 60
    assert set(examples) <= {entry.name for entry in header_docs.functions()}
    for name, code in examples.items():
        assert re.search(rf"\b{name}\(", code), name
        assert len(code.splitlines()) <= 25, name
    flags = "-std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -pedantic -Wno-unused-function -c"
    command = ["cc", *flags.split(), f"-I{ROOT / 'include'}", str(header_docs.EXAMPLES)]
    command += ["-o", str(tmp_path / "made.o")]
    subprocess.run(command, check=True)
    reference = site_pages.Reference()
    page = reference.pages()[reference.places["mg_http_serve_dir"].partition("#")[0]]
    assert page.count('{.root_dir = "www"') == 2, "at both functions that it is for"


def test_names_in_texts_are_links() -> None:
    reference = site_pages.Reference()
    page = site_pages.page_of(next(e for e in reference.entries if e.name == "mg_mgr_poll"))
    text = reference.linked("Calls `mg_mgr_poll` and `mg_http_reply`, not `mg_nothing`.", page)
    assert "[`mg_mgr_poll`](#mg_mgr_poll)" in text
    assert "[`mg_http_reply`](http-replies-and-chunks.md#mg_http_reply)" in text
    assert "`mg_nothing`" in text
    assert "[`mg_nothing`]" not in text


def test_links_out_of_the_documents_are_pages() -> None:
    documents = [str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")]
    pages = site_pages.source_pages(documents)
    assert "source/CONTRIBUTING.md" in pages
    assert "docs/" not in pages["source/CONTRIBUTING.md"].partition("](")[2].partition(")")[0]
    text = "[h](../../include/mongoose.h#mg_event) [a](../../src/fence.rs) [b](macros.md) [c](https://example.org)"
    moved = site_pages.relinked(text, "docs/reference/tls.md")
    assert (
        moved
        == "[h](c/constants.md#mg_event) [a](../source/src/fence.rs.md) [b](macros.md) [c](https://example.org)"
    )


def test_the_navigation_names_pages_that_exist() -> None:
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    named = set(re.findall(r"([\w/.-]+\.md)", nav))
    made = set(site_pages.Reference().pages())
    assert {page for page in named if page not in made and not (ROOT / "docs" / page).is_file()} == set()
    written = {str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md")}
    assert written - named == set(), "pages that nobody finds"


@pytest.mark.parametrize(
    ("file", "name", "start"),
    [
        ("manager.c", "poll", "Runs one turn of the event loop."),
        ("connection.c", "is_full", "The receive buffer is full"),
        ("http.c", "body_text", "Body as text."),
    ],
)
def test_docstrings_of_the_gate_are_found(file: str, name: str, start: str) -> None:
    assert gate_tables.docstrings(file)[name].startswith(start)


def test_a_broken_site_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<a href="a.html">1</a><a href="b.html">2</a><a href="a.html#x">3</a><a href="a.html#y">4</a>'
        '<script src="https://example.org/x.js"></script><a href="https://example.org">5</a>'
    )
    (tmp_path / "a.html").write_text('<h1 id="x">A</h1>')
    assert site_links.faults(tmp_path) == [
        "index.html: no anchor a.html#y",
        "index.html: no page b.html",
        "index.html: loads https://example.org/x.js",
    ]
