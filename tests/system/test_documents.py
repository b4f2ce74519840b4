"""What the documents say is run: code blocks, links, licences."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import loopback
import third_party
from cprogram import LIBRARY, ROOT
from needs import need

sys.path.insert(0, str(ROOT / "cffi"))
from description import description

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PORT_IN_EXAMPLES = "8000"


def block(language: str, word: str) -> str:
    """The one code block of the README in that language that contains the word."""
    found = [code for name, code in BLOCK.findall((ROOT / "README.md").read_text()) if name == language]
    [code] = [code for code in found if word in code]
    return str(code)


def answer(command: list[str], port: int) -> str:
    """Starts a server, asks it with curl, stops it."""
    with loopback.running(command) as process:
        loopback.wait_for(process, port)
        url = f"http://127.0.0.1:{port}/some/path"
        curl = ["curl", "--silent", "--show-error", "--fail", "--max-time", "60", url]
        return subprocess.run(curl, check=True, capture_output=True, text=True).stdout


def test_the_c_example_of_the_readme(tmp_path: Path) -> None:
    need("curl")
    port = loopback.free_port()
    (tmp_path / "hello.c").write_text(block("c", "main").replace(PORT_IN_EXAMPLES, str(port)))
    (tmp_path / "include").symlink_to(ROOT / "include")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "release").symlink_to(LIBRARY)  # The library that is tested.
    library, compiler, start = block("sh", "hello.c").splitlines()
    assert (library, start) == ("cargo build --release", "./hello")  # Done before; done below.
    subprocess.run(["bash", "-euc", compiler], cwd=tmp_path, check=True)
    assert answer([str(tmp_path / "hello")], port) == "You asked for /some/path\n"


def test_the_python_example_of_the_readme(tmp_path: Path) -> None:
    need("curl")
    port = loopback.free_port()
    program = tmp_path / "hello.py"
    program.write_text(block("python", "Manager").replace(PORT_IN_EXAMPLES, str(port)))
    assert answer([sys.executable, str(program)], port) == "You asked for /some/path\n"


def test_the_readme_on_a_package_index() -> None:
    readme = (ROOT / "README.md").read_text()
    alone = description(readme, "")
    assert LINK.findall(alone) == []
    assert "![" not in alone
    assert "how it is measured" in alone
    linked = description(readme, "https://example.org/files/")
    targets = LINK.findall(linked)
    assert "https://example.org/files/docs/images/demo-light.png" in targets
    assert all(target.startswith("https://example.org/files/") for target in targets)
    assert alone.count("```") == linked.count("```") == readme.count("```")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = [t.partition("#")[0] for t in LINK.findall(document.read_text())]
    local = [t for t in targets if t and "://" not in t and not t.startswith("mailto:")]
    assert [t for t in local if not (document.parent / t).exists()] == []


@pytest.mark.parametrize(
    ("licence", "accepted"),
    [
        ("MIT OR GPL-3.0-only", True),
        ("(GPL-3.0-only OR MIT) AND Unicode-3.0", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
    ],
)
def test_licence_expressions(licence: str, accepted: bool) -> None:
    assert third_party.is_allowed(licence) is accepted


def test_dependencies_have_permissive_licences() -> None:
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    licences = {p["name"]: p["license"] or "none" for p in json.loads(done.stdout)["packages"]}
    refused = {name: licence for name, licence in licences.items() if not third_party.is_allowed(licence)}
    # cbindgen runs at build time only; nothing of it gets into the library.
    assert refused == {"cbindgen": "MPL-2.0"}
