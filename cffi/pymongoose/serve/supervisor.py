"""The master: it keeps the sockets, and as many workers as it is told, and never runs the application."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from . import metrics, process, sockets
from .board import BEAT, BEAT_TIME, Board
from .errors import STARTUP_FAILED, Misuse
from .notify import Notifier

log: logging.Logger = logging.getLogger("pymongoose.serve")

SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGCHLD")
TICK = 1.0  # seconds between two looks at heartbeats and deadlines
KILL_AFTER = 10.0  # seconds beyond the graceful time, for what an application does at its end
ABORT_TIME = 2.0  # seconds between SIGABRT, which prints tracebacks, and SIGKILL
LONG_LIFE = 10.0  # seconds after which the end of a worker does not count as a crash loop
LONGEST_PAUSE = 30.0  # seconds between two attempts in a crash loop


class Worker:
    """A child process, as the master sees it."""

    def __init__(self, pid: int, pipe: int, row: int, generation: int) -> None:
        self.pid = pid
        self.pipe = pipe  # it says here that it is ready
        self.row = row
        self.generation = generation
        self.born: float = time.monotonic()
        self.ready = False
        self.stopping = False
        self.deadline: float | None = None  # for the next signal that does not ask
        self.is_helper = False


class Supervisor:
    """Runs until it is told to stop. The arguments are what a worker needs: see worker.run().

    options: as they are now. read_options: reads them again, for SIGHUP. work: run in a new process
    with (options, context); it never returns. command: arguments of Python that start the program again.
    """

    def __init__(
        self,
        options: Any,
        read_options: Callable[[], Any],
        work: Callable[[Any, process.Context], int],
        helpers: Callable[[Any], list[Callable[[Any, process.Context], int]]],
        command: list[str],
    ) -> None:
        self.options: Any = options
        self._read_options = read_options
        self._work = work
        self._helpers = helpers
        self._command = command
        self._listeners: list[sockets.Listener] = []
        self._board = Board()
        self._workers: dict[int, Worker] = {}
        self._target = options.workers
        self._generation = 0
        self._oldest = 0  # generation below which workers are to go once the new ones are ready
        self._crashes = 0
        self._not_before = 0.0  # when the next worker may be started
        self._was_ready = False
        self._stopping = False
        self._status = 0
        self._successor: subprocess.Popen[bytes] | None = None
        self._predecessor = os.environ.pop("PYMONGOOSE_PREDECESSOR", "")
        self._notifier = Notifier()
        self._pending: list[int] = []
        self._before_reload = (options, options.workers)

    # Life ----------------------------------------------------------------------------------------

    def run(self, on_ready: Callable[[list[sockets.Listener]], None] = lambda listeners: None) -> int:
        """Serves; returns the exit status.

        on_ready: called when the first worker serves, with the sockets.
        """
        self._on_ready = on_ready
        self._listeners = sockets.open_all(self.options)
        self._metrics = metrics.open_sockets(self.options)
        self._write_pid(self.options.pid)
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for name in SIGNALS:
            signal.signal(getattr(signal, name), lambda number, frame: self._pending.append(number))
        self._selector = selectors.DefaultSelector()
        self._selector.register(read, selectors.EVENT_READ, None)
        self._own = (read, write)
        try:
            self._announce()
            for helper in self._helpers(self.options):
                self._start(helper, is_helper=True)
            while not (self._stopping and not self._workers):
                self._turn()
        finally:
            self._end()
        return self._status

    def _turn(self) -> None:
        self._keep_up()
        for key, _ in self._selector.select(self._pause()):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._own[0], 4096)
            else:
                self._hear(key.data)
        pending, self._pending = self._pending, []
        for number in pending:
            self._on_signal(number)
        self._reap()
        self._look_after()
        self._notifier.watch()

    def _pause(self) -> float:
        """Seconds until there is something to do without being asked."""
        pause = TICK
        if self._notifier.watchdog is not None:
            pause = min(pause, self._notifier.watchdog / 2)
        if not self._stopping and len(self._serving()) < self._target:
            pause = min(pause, max(0.0, self._not_before - time.monotonic()))
        return pause

    def _end(self) -> None:
        signal.set_wakeup_fd(-1)
        for worker in self._workers.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
        is_alone = self._successor is None and (
            not self._predecessor or str(os.getppid()) != self._predecessor
        )
        sockets.close_all(self._listeners, remove=is_alone)
        self._remove_pid()

    # Workers -------------------------------------------------------------------------------------

    def _serving(self) -> list[Worker]:
        """Workers that are not on their way out."""
        return [
            w
            for w in self._workers.values()
            if not w.stopping and not w.is_helper and w.generation == self._generation
        ]

    def _keep_up(self) -> None:
        """Starts workers that are missing, and stops those that are too many."""
        if self._stopping:
            return
        serving = self._serving()
        while len(serving) < self._target and time.monotonic() >= self._not_before:
            serving.append(self._start(self._work))
        for worker in serving[self._target :]:
            self._stop(worker)
        ready = sum(w.ready for w in serving)
        old = [w for w in self._workers.values() if w.generation < self._generation and not w.is_helper]
        # One of the old goes for each of the new that is ready.
        for worker in [w for w in old if not w.stopping][max(0, self._target - ready) :]:
            self._stop(worker)

    def _start(self, work: Callable[[Any, process.Context], int], is_helper: bool = False) -> Worker:
        read, write = os.pipe()
        row = self._board.take()
        sys.stdout.flush()
        sys.stderr.flush()
        master = os.getpid()
        pid = os.fork()
        if pid == 0:
            kept = [self._own[0], self._own[1], read, *(w.pipe for w in self._workers.values())]
            context = process.Context(self._listeners, self._board, row, write, master, self._metrics)
            process.become(lambda: work(self.options, context), master, [*kept, self._selector.fileno()])
        os.close(write)
        os.set_blocking(read, False)
        worker = Worker(pid, read, row, self._generation)
        worker.is_helper = is_helper
        self._workers[pid] = worker
        self._selector.register(read, selectors.EVENT_READ, worker)
        return worker

    def _hear(self, worker: Worker) -> None:
        """A line of a worker: that it is ready, and what it runs."""
        try:
            data = os.read(worker.pipe, 4096)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(worker.pipe)
            return
        if worker.is_helper:
            return
        worker.ready = True
        log.info("worker %d is ready: %s", worker.pid, data.decode().strip())
        if not self._was_ready:
            self._on_ready(self._listeners)
        if not self._was_ready or (self._generation and all(w.ready for w in self._serving())):
            self._was_ready = True
            self._notifier.say("READY=1", f"MAINPID={os.getpid()}", f"STATUS={self._target} workers")

    def _stop(self, worker: Worker, number: int = signal.SIGTERM) -> None:
        worker.stopping = True
        patience = self.options.timeout_graceful_shutdown + KILL_AFTER
        worker.deadline = time.monotonic() + (ABORT_TIME if number == signal.SIGQUIT else patience)
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker = self._workers.pop(pid, None)
            if worker is None:
                if self._successor is not None and pid == self._successor.pid:
                    self._successor.returncode = os.waitstatus_to_exitcode(status)
                    self._successor = None
                    log.error("the new master %d ended: this one goes on", pid)
                    self._write_pid(self.options.pid)
                continue
            with contextlib.suppress(KeyError):
                self._selector.unregister(worker.pipe)
            os.close(worker.pipe)
            self._board.give_back(worker.row)
            self._ended(worker, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: Worker, code: int) -> None:
        if worker.stopping or self._stopping:
            if code < 0 and code != -signal.SIGTERM:
                log.warning("worker %d was ended by %s", worker.pid, process.describe(code))
            return
        if worker.is_helper:
            log.error("process %d of the metrics ended with %s", worker.pid, process.describe(code))
            return
        if code == 0 and worker.ready:  # It has served as many requests as it was to.
            log.info("worker %d has ended; another one takes its place", worker.pid)
            return
        if not worker.ready and not self._was_ready:
            self._status = STARTUP_FAILED
            if code != STARTUP_FAILED:
                log.error("worker %d ended with %s before it was ready", worker.pid, process.describe(code))
            self._begin_stop(signal.SIGTERM)
            return
        log.error("worker %d ended with %s", worker.pid, process.describe(code))
        if not worker.ready and self._give_up_reload():
            return
        self._crashes = self._crashes + 1 if time.monotonic() - worker.born < LONG_LIFE else 0
        if self._crashes > 1:
            pause = min(LONGEST_PAUSE, 0.1 * 2 ** min(self._crashes, 16))
            self._not_before = time.monotonic() + pause
            log.error("workers end soon after their start: the next one starts in %.1f s", pause)

    def _look_after(self) -> None:
        """Replaces workers that hang, and ends those that do not stop."""
        now = time.monotonic()
        limit = self.options.timeout_worker_healthcheck
        for worker in self._workers.values():
            if worker.deadline is not None and now >= worker.deadline:
                worker.deadline = None
                log.error("worker %d does not stop: killed", worker.pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            beat = self._board.row(worker.row)[BEAT]
            silent = now - beat - BEAT_TIME  # since the heartbeat that is missing was due
            if limit and beat and worker.ready and not worker.stopping and silent > limit:
                log.error("worker %d has not answered for %.1f s: replaced", worker.pid, silent)
                worker.stopping = True
                worker.deadline = now + ABORT_TIME
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGABRT)

    # Signals -------------------------------------------------------------------------------------

    def _on_signal(self, number: int) -> None:
        name = signal.Signals(number).name
        if number == signal.SIGCHLD:
            return
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            at_once = number == signal.SIGQUIT or self._stopping
            log.info("%s: stopping%s", name, " at once" if at_once else "")
            self._begin_stop(signal.SIGQUIT if at_once else signal.SIGTERM)
        elif self._stopping:
            return
        elif number == signal.SIGHUP:
            self._reload()
        elif number == signal.SIGTTIN:
            self._target += 1
            log.info("SIGTTIN: %d workers", self._target)
        elif number == signal.SIGTTOU:
            self._target = max(1, self._target - 1)
            log.info("SIGTTOU: %d workers", self._target)
        elif number == signal.SIGUSR1:
            for worker in self._workers.values():
                os.kill(worker.pid, signal.SIGUSR1)
        elif number == signal.SIGUSR2:
            self._start_successor()

    def _begin_stop(self, number: int) -> None:
        self._stopping = True
        self._notifier.say("STOPPING=1")
        for worker in self._workers.values():
            if not worker.stopping or number == signal.SIGQUIT:
                self._stop(worker, number)

    def _reload(self) -> None:
        """New workers with the new code and the new options; the old ones go as those get ready."""
        log.info("SIGHUP: reloading")
        try:
            options = self._read_options()
        except Misuse as e:
            log.error("the old options stay: %s", e)
            return
        self._before_reload = (self.options, self._target)
        if options.workers != self.options.workers:
            self._target = options.workers
        self.options = options
        self._notifier.reloading()
        self._crashes = 0
        self._not_before = 0.0
        self._generation += 1

    def _give_up_reload(self) -> bool:
        """Whether the old workers continue, because the new code does not start."""
        mine = [w for w in self._workers.values() if not w.stopping and not w.is_helper]
        if not any(w.generation < self._generation for w in mine):
            return False
        log.error("the new workers do not start: the old ones go on")
        for worker in mine:
            if worker.ready:
                worker.generation = self._generation
            else:
                self._stop(worker)
        self.options, self._target = self._before_reload
        self._notifier.say("READY=1", "STATUS=the last reload failed")
        return True

    def _start_successor(self) -> None:
        """Starts the program again, with the same sockets. SIGTERM to one of both ends the change."""
        if self._successor is not None:
            log.error("SIGUSR2: there is a new master already, %d", self._successor.pid)
            return
        fds, variables = sockets.hand_over(self._listeners)
        variables = {**variables, "PYMONGOOSE_PREDECESSOR": str(os.getpid()), **self._notifier.environment()}
        if self.options.pid:
            with contextlib.suppress(OSError):
                os.replace(self.options.pid, self.options.pid + ".oldbin")
        command = [sys.executable, *self._command]
        try:
            self._successor = subprocess.Popen(command, env={**os.environ, **variables}, pass_fds=fds)
        except OSError as e:
            log.error("SIGUSR2: cannot start %s: %s", command[0], e)
            return
        log.info("SIGUSR2: new master %d", self._successor.pid)

    # What others see -----------------------------------------------------------------------------

    def _announce(self) -> None:
        scheme = "https" if self.options.ssl_certfile else "http"
        for listener in self._listeners:
            log.info(
                "listening on %s (%s, master %d)", listener.url(scheme), self.options.target, os.getpid()
            )
        for listener in self._metrics:
            log.info("metrics on http://%s/metrics", listener.address())

    def _write_pid(self, path: str | None) -> None:
        if not path:
            return
        try:
            with open(path + ".new", "w") as file:
                file.write(f"{os.getpid()}\n")
            os.replace(path + ".new", path)
        except OSError as e:
            sockets.close_all(self._listeners, remove=True)
            raise Misuse(f"cannot write --pid {path}: {e.strerror}") from None

    def _remove_pid(self) -> None:
        path = self.options.pid
        if not path:
            return
        for name in (path, path + ".oldbin"):
            with contextlib.suppress(OSError, ValueError):
                with open(name) as file:
                    is_ours = int(file.read()) == os.getpid()
                if is_ours:
                    os.unlink(name)
