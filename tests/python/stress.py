"""Stress: managers in threads, wakeups from threads, connections closed at random, gc in handlers.

    python tests/python/stress.py [requests [KiB by which memory may grow after warm-up]]

Prints the resident memory as it goes, and fails when it grows after warm-up or a message is lost.
test_stress.py runs it small; docs/explanation/reliability.md says how it is run large,
and under AddressSanitizer.
"""

from __future__ import annotations

import gc
import random
import re
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pymongoose import MG_EV_HTTP_MSG, MG_EV_POLL, MG_EV_WAKEUP, Connection, Manager

MANAGERS = 4
SENDERS = 8
ROUNDS = 5
WARM_UP = 2  # rounds


def resident_kib() -> int:
    found = re.search(r"Rss:\s+(\d+)", Path("/proc/self/smaps_rollup").read_text())
    assert found is not None
    return int(found[1])


class Loop:
    """A manager in a thread of its own, with a handler that does bad things."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.served = 0
        self.woken = 0
        self.kept: list[Any] = []
        self.manager = Manager(self.handle, enable_wakeup=True)
        self.listener = self.manager.listen("http://127.0.0.1:0")
        assert self.listener.local_addr is not None
        self.port = self.listener.local_addr[1]
        self.stop = False
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.stop:
            self.manager.poll(10)

    def handle(self, conn: Connection, ev: int, data: Any) -> None:
        dice = self.random.random()
        if ev == MG_EV_HTTP_MSG:
            self.served += 1
            if dice < 0.001:
                gc.collect()
            if dice < 0.01:
                self.kept = [conn, data, data.body_view[1:], *self.kept[:20]]
            if dice < 0.02:
                conn.reply(200, b"closing")
                conn.drain()
            elif dice < 0.03:
                conn.close()
            elif dice < 0.04:
                for other in self.manager.connections:
                    if other is not conn and not other.is_listening and self.random.random() < 0.1:
                        other.close()
                conn.reply(200, b"others")
            elif dice < 0.05:
                conn.userdata = conn
                self.manager.timer_add(1, lambda: self.answer_late(conn))
            else:
                conn.reply(200, data.body_bytes)
        elif ev == MG_EV_WAKEUP:
            self.woken += 1
        elif ev == MG_EV_POLL and dice < 0.0001:
            conn.set_handler(self.handle)

    @staticmethod
    def answer_late(conn: Connection) -> None:
        if not conn.is_closing:
            conn.reply(200, b"late")


def client(loops: list[Loop], requests: int, seed: int) -> None:
    dice = random.Random(seed)
    sock: socket.socket | None = None
    body = b"0123456789" * 10
    text = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    done = 0
    while done < requests:
        try:
            if sock is None:
                sock = socket.create_connection(("127.0.0.1", dice.choice(loops).port), 60)
            depth = dice.randrange(1, 16)
            sock.sendall(text * depth)
            received = 0
            while received < depth:
                chunk = sock.recv(65536)
                if not chunk:
                    raise ConnectionError
                received += chunk.count(b"HTTP/1.1 ")
            done += depth
            if dice.random() < 0.02:
                raise ConnectionError
        except OSError:
            done += 1
            if sock is not None:
                sock.close()
            sock = None
    if sock is not None:
        sock.close()


def sender(loop: Loop, count: int) -> None:
    for i in range(count):
        assert loop.manager.wakeup(loop.listener.id, b"%d" % i)


def run_round(loops: list[Loop], number: int, requests: int, wakeups: int) -> bool:
    """Clients and senders, all at once. True when all messages arrived."""
    expected = loops[0].woken + wakeups * SENDERS
    threads = [threading.Thread(target=client, args=(loops, requests // 8, number * 8 + i)) for i in range(8)]
    threads += [threading.Thread(target=sender, args=(loops[0], wakeups)) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deadline = time.monotonic() + 120
    while loops[0].woken < expected and time.monotonic() < deadline:
        time.sleep(0.01)
    return loops[0].woken == expected


def main(requests: int = 1_000_000, growth_max: int = 1_500) -> int:
    loops = [Loop(seed) for seed in range(MANAGERS)]
    for loop in loops:
        loop.thread.start()
    memory, complete = [], []
    for number in range(ROUNDS):
        wakeups = max(requests // 20, 100) // ROUNDS
        complete.append(run_round(loops, number, requests // ROUNDS, wakeups))
        gc.collect()
        memory.append(resident_kib())
        served = sum(loop.served for loop in loops)
        print(f"{served} requests, {loops[0].woken} wakeups, {memory[-1]} KiB", flush=True)
    for loop in loops:
        loop.stop = True
        loop.thread.join()
        loop.manager.close()
        loop.kept.clear()
    gc.collect()  # So that a leak detector finds leaks only.
    growth = memory[-1] - memory[WARM_UP - 1]
    print(f"{complete.count(True)} of {ROUNDS} rounds without a lost wakeup; grew by {growth} KiB")
    return int(not all(complete) or growth > growth_max)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
