"""An extension of griffe for the site: methods that are written in C, with their documentation.

The classes of pymongoose inherit from those of cffi/gate/, whose types are in _gate.pyi and whose
docstrings are in the tables of the C files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).resolve().parent))
from gate_tables import docstrings

# The class in _gate.pyi, the file that has its tables, the class that programs see.
CLASSES = (
    ("Core", "manager.c", "manager.Manager"),
    ("Conn", "connection.c", "connection.Connection"),
    ("HttpBase", "http.c", "message.HttpMessage"),
    ("MqttBase", "message.c", "views.MqttMessage"),
    ("WsMessage", "message.c", ""),
    ("Timer", "timer.c", ""),
)


class GateDocs(griffe.Extension):  # type: ignore[misc]
    """Gives the Python classes the members that they inherit from the gate."""

    def on_package(self, *, pkg: Any, **kwargs: Any) -> None:
        for native, file, public in CLASSES:
            texts = docstrings(file)
            for name, member in list(pkg["_gate"][native].members.items()):
                if texts.get(name):
                    member.docstring = griffe.Docstring(texts[name], parent=member)
                if public and not name.startswith("_"):
                    pkg[public].set_member(name, member)
