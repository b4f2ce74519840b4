"""The documents, the header and the Python package use the field's words: see the list in CONTRIBUTING.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cprogram import ROOT

DOCUMENTS = [
    path
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    if path.name not in ("CONTRIBUTING.md", "THIRD-PARTY-LICENSES.md")
]
# What users read in editors and manual pages.
DOCUMENTS += [ROOT / "include" / "mongoose.h", *sorted(ROOT.glob("cffi/pymongoose/*.py"))]
# What is said of software in front of a server is no metaphor.
AVOIDED = {
    r"\bbehind\b(?! (?:nginx|HAProxy|Caddy|one interface|a (?:reverse )?proxy|NAT))": "after, following",
    r"\b(?:is|are|was|were) gone\b": "closed, removed, disconnected",
    r"\bturn(?:s|ed)? down\b": "reject",
    r"\bheard out\b": "read to the end",
    r"\btaken for gone\b": "treated as disconnected",
    r"\bis the program's to\b": "is up to the application",
    r"\bblocks that are used again\b": "recycled blocks",
    r"\bis no obstacle\b|\bare no obstacle\b": "are accepted",
    r"\bvalues of nothing\b": "neutral defaults",
    r"\bturns? round\b": "points the wrong way",
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_words(document: Path) -> None:
    found = []
    for number, line in enumerate(document.read_text().splitlines(), 1):
        for pattern, better in AVOIDED.items():
            found += [f"{number}: {m[0]!r} (write: {better})" for m in re.finditer(pattern, line)]
    assert found == []


def test_the_list_finds_them() -> None:
    text = "The rest comes behind it. The peer is gone. It is heard out."
    assert sum(bool(re.search(pattern, text)) for pattern in AVOIDED) == 3
