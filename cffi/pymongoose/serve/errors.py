"""What the operator has to put right, and how the processes end."""

from __future__ import annotations

STARTUP_FAILED = 3  # exit status of a worker, and of a master, whose application does not start


class Misuse(Exception):
    """A mistake of the operator: shown in a line or two, without a traceback."""
