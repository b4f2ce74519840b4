"""Documents, the header, the Python package and all comments use the field's words: see CONTRIBUTING.md."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
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
# Source files, whose comments are read. This file has the words themselves.
SOURCES = [
    path
    for folder in ("build", "src", "cffi", "scripts", "tests", "benches", "examples", "fuzz")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".rs", ".c", ".h", ".py") and path.name != Path(__file__).name
] + [ROOT / "build.rs", ROOT / "setup.py"]
# Names that say the same in code.
AVOIDED_NAMES = re.compile(r"\b(?:let|fn|def|const|bool|int|size_t)\s+\(?(behind|gone|GONE)\b")
# Literals are matched too, so that nothing within them counts as a comment.
COMMENT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\bb?r(#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\.[^'\n]*|[^'\\\n])'""",
    re.DOTALL,
)
# Phrases about software that is in front of or behind a server are no metaphors.
AVOIDED = {
    r"\bbehind\b(?! (?:nginx|HAProxy|Caddy|one interface|a (?:reverse )?proxy|NAT))": "after, following",
    r"\b(?:is|are|was|were) gone\b": "closed, removed, disconnected",
    r"\bturn(?:s|ed)? down\b": "reject",
    r"\b(?:stands?|stood) (?:at|behind|before|between|in(?! for\b))\b": "is in, is stored in",
    r"\bheard out\b": "read to the end",
    r"\btaken for gone\b": "treated as disconnected",
    r"\bis the program's to\b": "is up to the application",
    r"\bblocks that are used again\b": "recycled blocks",
    r"\bis no obstacle\b|\bare no obstacle\b": "are accepted",
    r"\bvalues of nothing\b": "neutral defaults",
    r"\bturns? round\b": "points the wrong way",
}


AVOIDED_ANYWHERE = re.compile("|".join(AVOIDED))


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """The comments of a source file, and the docstrings of one in Python, with the numbers of their lines."""
    if path.suffix == ".py":
        with tokenize.open(path) as file:
            for token in tokenize.generate_tokens(file.readline):
                if token.type == tokenize.COMMENT or token.string.startswith('"""'):
                    yield token.start[0], token.string
        return
    text = path.read_text()
    for match in COMMENT.finditer(text):
        if match[0].startswith("/"):
            yield text.count("\n", 0, match.start()) + 1, match[0]


def avoided(text: str, first: int = 1) -> list[str]:
    return [
        f"{number}: {m[0]!r} (write: {better})"
        for number, line in enumerate(text.splitlines(), first)
        for pattern, better in AVOIDED.items()
        for m in re.finditer(pattern, line)
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_words(document: Path) -> None:
    assert avoided(document.read_text()) == []


def test_words_of_comments() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{word}"
        for path in SOURCES
        if AVOIDED_ANYWHERE.search(path.read_text())  # To take all files apart would last long.
        for number, text in comments(path)
        for word in avoided(text, number)
    ]
    assert found == []


def test_words_of_names() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in SOURCES
        for match in AVOIDED_NAMES.finditer(path.read_text())
    ]
    assert found == []
    assert AVOIDED_NAMES.search("let behind = 1;")
    assert AVOIDED_NAMES.search("bool gone;")


def test_the_list_finds_them() -> None:
    text = "The rest comes behind it. The peer is gone. It is heard out. The text stands in the buffer."
    assert sum(bool(re.search(pattern, text)) for pattern in AVOIDED) == 4


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.rs", "let behind = r#\"// behind\"#; // behind\nfn f<'a>() {} /* x\nis gone */ '\"'", [1, 2]),
        ("a.c", 'char *s = "\\"// behind"; // behind\nint behind = \'"\'; // is gone', [1, 2]),
        ("a.py", 'behind = "behind"  # behind\ndef f():\n    """Is behind."""\n', [1, 3]),
    ],
)
def test_comments_are_found(name: str, text: str, lines: list[int], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert [number for number, comment in comments(path)] == lines
    assert all(avoided(comment) for _, comment in comments(path))
