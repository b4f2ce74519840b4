#!/usr/bin/env python3
"""What other people's code is inside the library: licence texts and a bill of materials.

    scripts/third_party.py licences           writes THIRD-PARTY-LICENSES.md
    scripts/third_party.py licences --check   fails if that file is stale, or a licence is not allowed
    scripts/third_party.py sbom [FILE]        writes a CycloneDX 1.5 bill of materials (standard output)

Both come from `cargo metadata`: the crates that a build links, and
the licence files in their sources.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LICENCES = ROOT / "THIRD-PARTY-LICENSES.md"

# The crates are the same on every Unix.
PLATFORM = "x86_64-unknown-linux-gnu"

# What may be inside a library under MIT or Apache-2.0. deny.toml has the same list for cargo-deny.
ALLOWED = {
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "0BSD",
}


def metadata() -> dict[str, Any]:
    """What cargo knows of the crates."""
    done = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def linked(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The crates that end up in the library, by name; without those that only build or test it."""
    edges = ("--edges", "normal,no-proc-macro", "--target", PLATFORM)
    done = subprocess.run(
        ["cargo", "tree", "--locked", *edges, "--prefix", "none", "--format", "{p}"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    # "name v1.2.3", maybe followed by a path or "(*)".
    named = {
        (words[0], words[1].removeprefix("v")) for words in map(str.split, done.stdout.splitlines()) if words
    }
    root = data["resolve"]["root"]
    return sorted(
        (p for p in data["packages"] if (p["name"], p["version"]) in named and p["id"] != root),
        key=lambda p: (p["name"], p["version"]),
    )


def is_allowed(expression: str) -> bool:
    """True if the licence expression (SPDX) can be met with what is allowed."""
    text = expression.replace("/", " OR ")
    terms = re.findall(r"\(|\)|\bAND\b|\bOR\b|[\w.+-]+(?: WITH [\w.+-]+)?", text)
    python = " ".join(
        term if term in "()" else term.lower() if term in ("AND", "OR") else str(term in ALLOWED)
        for term in terms
    )
    return bool(eval(python, {"__builtins__": {}}))


def texts(package: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The licence files of a crate."""
    folder = Path(package["manifest_path"]).parent
    for path in sorted(folder.iterdir()):
        if path.is_file() and re.match(r"(?i)(licen[cs]e|copying|notice|unlicense|copyright)", path.name):
            yield path.name, path.read_text(errors="replace").strip()


def licences(packages: list[dict[str, Any]]) -> str:
    """The text of THIRD-PARTY-LICENSES.md; a text that several crates share appears once."""
    out = [
        "# Licences of third-party code\n",
        "The library is linked with the crates below. Binary packages contain them, so this file is part of",
        "each. `scripts/third_party.py licences` writes it from the sources of the crates.\n",
        "| crate | version | licence |",
        "| --- | --- | --- |",
    ]
    shared: dict[str, list[str]] = {}
    for package in packages:
        out.append(f"| {package['name']} | {package['version']} | {package['license']} |")
        for name, text in texts(package):
            shared.setdefault(text, []).append(f"{package['name']} ({name})")
    for text, users in sorted(shared.items(), key=lambda item: item[1]):
        out += [f"\n## {', '.join(users)}\n", "```text", text.replace("```", "'''"), "```"]
    return "\n".join(out) + "\n"


def sbom(data: dict[str, Any], packages: list[dict[str, Any]]) -> str:
    """A bill of materials. No time and no serial number: the same sources give the same file."""
    own = next(p for p in data["packages"] if p["id"] == data["resolve"]["root"])

    def component(package: dict[str, Any], kind: str) -> dict[str, Any]:
        url = f"pkg:cargo/{package['name']}@{package['version']}"
        return {
            "type": kind,
            "bom-ref": url,
            "name": package["name"],
            "version": package["version"],
            "licenses": [{"expression": package["license"].replace("/", " OR ")}],
            "purl": url,
        }

    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    refs = {p["id"]: f"pkg:cargo/{p['name']}@{p['version']}" for p in [own, *packages]}
    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {"component": component(own, "library")},
            "components": [component(package, "library") for package in packages],
            "dependencies": [
                {
                    "ref": ref,
                    "dependsOn": sorted(
                        {
                            refs[d["pkg"]]
                            for d in nodes[name]["deps"]
                            if d["pkg"] in refs and refs[d["pkg"]] != ref
                        }
                    ),
                }
                for name, ref in refs.items()
            ],
        },
        indent=1,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("licences").add_argument("--check", action="store_true")
    commands.add_parser("sbom").add_argument("file", nargs="?", type=Path)
    options = parser.parse_args()
    data = metadata()
    packages = linked(data)
    if options.command == "sbom":
        text = sbom(data, packages)
        if options.file:
            options.file.write_text(text)
        else:
            print(text)
        return 0
    refused = [p for p in packages if not is_allowed(p["license"] or "none")]
    for package in refused:
        print(
            f"{package['name']} {package['version']}: licence {package['license']} is not allowed",
            file=sys.stderr,
        )
    text = licences(packages)
    if options.check:
        if LICENCES.read_text() != text:
            print(f"{LICENCES.name} is stale: run scripts/third_party.py licences", file=sys.stderr)
            return 1
        return 1 if refused else 0
    LICENCES.write_text(text)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
