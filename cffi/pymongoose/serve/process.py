"""What all processes that a master forks have in common."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from .board import Board
from .errors import STARTUP_FAILED, Misuse
from .sockets import Listener

PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass
class Context:
    """What a process gets from its master."""

    listeners: list[Listener]
    board: Board
    row: int
    pipe: int  # for one line, when it is ready
    master: int  # process id
    metrics: list[Listener]
    on_reopen: list[Callable[[], None]] = field(default_factory=list)  # called at SIGUSR1

    def ready(self, what: str) -> None:
        """Tells the master that this process serves."""
        with contextlib.suppress(OSError):
            os.write(self.pipe, f"{what}\n".encode())

    def is_orphan(self) -> bool:
        """Whether the master ended."""
        return os.getppid() != self.master

    def reopen(self) -> None:
        """Opens log files again."""
        for call in self.on_reopen:
            call()


def become(work: Callable[[], int], master: int, unwanted: list[int]) -> NoReturn:
    """Makes a forked copy of the master a process of its own, runs work, and ends."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for fd in unwanted:
            os.close(fd)
        # SIGINT and SIGHUP of a terminal go to all processes; the master decides what they mean.
        for name in ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU"):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGQUIT, lambda number, frame: os._exit(0))
        end_with(master)
        faulthandler.enable()  # SIGABRT of the master prints where a worker hangs.
        status = work()
    except Misuse as e:
        print(f"Error: {e}", file=sys.stderr)
        status = STARTUP_FAILED
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def end_with(master: int) -> None:
    """From now on this process gets SIGTERM when the master ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != master:
        os._exit(0)


def describe(code: int) -> str:
    """An exit status in words."""
    if code >= 0:
        return f"status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
