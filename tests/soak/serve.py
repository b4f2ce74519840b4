#!/usr/bin/env python3
"""Mixed load on FastAPI under `pymongoose serve` with two workers, and SIGHUP each minute.

tests/soak/serve.py              600 seconds
tests/soak/serve.py 1800 30      1800 seconds, SIGHUP each 30

Needs fastapi beside pymongoose. Every request that is well-formed must be answered rightly, during reloads
too; WebSockets may be told 1012 instead. Prints what was done, and the memory of the workers.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
CLIENTS = 12
LIMIT = 60.0  # seconds that anything may take
LENGTH = 300_000
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
)

done: collections.Counter[str] = collections.Counter()
wrong: list[str] = []


class Load:
    """Clients of one server."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.random = random.Random(seed)

    @contextlib.asynccontextmanager
    async def connection(self):  # type: ignore[no-untyped-def]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def head(self, path: str, headers: str = "", method: str = "GET") -> bytes:
        return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()

    async def whole(self, request: bytes) -> bytes:
        """The body of the answer to a request that closes its connection."""
        async with self.connection() as (reader, writer):
            writer.write(request)
            reply = await reader.read(-1)
        head, _, body = reply.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ValueError(f"answered {head[:60]!r}")
        return bytes(body)

    async def item(self) -> None:
        number = self.random.randrange(1000)
        body = await self.whole(self.head(f"/items/{number}", "Connection: close\r\n"))
        assert json.loads(body) == {"item": number}

    async def upload(self) -> None:
        headers = f"Content-Length: {LENGTH}\r\nConnection: close\r\n"
        body = await self.whole(self.head("/upload", headers, "POST") + bytes(LENGTH))
        assert json.loads(body) == {"length": LENGTH}

    async def stream(self) -> None:
        body = await self.whole(self.head("/stream", "Connection: close\r\n"))
        assert body.count(b"x" * 1000) == 100
        assert body.endswith(b"0\r\n\r\n")

    async def socket(self) -> None:
        async with self.connection() as (reader, writer):
            writer.write(self.head("/ws", UPGRADE))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            for _ in range(10):
                writer.write(b"\x81\x85" + bytes(4) + b"hello")
                frame = await reader.readexactly(4)
                if frame[:1] == b"\x88":
                    assert frame == b"\x88\x02\x03\xf4", frame
                    done["told 1012"] += 1
                    return
                assert frame + await reader.readexactly(3) == b"\x81\x05hello"

    async def abort(self) -> None:
        """Half of a request, or of a response."""
        async with self.connection() as (reader, writer):
            if self.random.random() < 0.5:
                writer.write(
                    self.head("/upload", f"Content-Length: {LENGTH}\r\n", "POST") + bytes(LENGTH // 2)
                )
            else:
                writer.write(self.head("/stream"))
                await reader.read(1000)

    async def garbage(self) -> None:
        with contextlib.suppress(OSError):
            async with self.connection() as (reader, writer):
                writer.write(self.random.randbytes(self.random.randrange(1, 3000)) + b"\r\n\r\n")
                writer.write_eof()
                await reader.read(-1)

    async def run(self, until: float) -> None:
        kinds = [self.item] * 6 + [self.upload, self.stream, self.socket, self.abort, self.garbage]
        while time.monotonic() < until:
            kind = self.random.choice(kinds)
            try:
                await asyncio.wait_for(kind(), LIMIT)
                done[kind.__name__] += 1
            except (OSError, ValueError, AssertionError, EOFError, asyncio.TimeoutError) as e:
                wrong.append(f"{kind.__name__}: {e!r}")


def memory(master: int) -> list[int]:
    """KiB of each worker."""
    found = []
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            text = path.read_text()
            if f"\nPPid:\t{master}\n" in text and (size := re.search(r"VmRSS:\s+(\d+)", text)):
                found.append(int(size[1]))
    return sorted(found)


async def soak(seconds: float, period: float) -> int:
    command = [sys.executable, "-m", "pymongoose", "serve", "serve_app:app", "--port", "0", "--workers", "2"]
    server = subprocess.Popen(command, cwd=HERE, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    port = int(
        next(re.findall(r"http://[\d.]+:(\d+)", line)[0] for line in server.stderr if "listening" in line)
    )
    drain = asyncio.get_running_loop().run_in_executor(None, server.stderr.read)
    until = time.monotonic() + seconds
    clients = [asyncio.create_task(Load(port, seed).run(until)) for seed in range(CLIENTS)]
    while time.monotonic() < until:
        end = min(until, time.monotonic() + period)
        await asyncio.sleep(max(0.0, end - time.monotonic() - 1))
        print(
            f"{seconds - (until - time.monotonic()):5.0f} s  KiB of workers {memory(server.pid)}", flush=True
        )
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        if end < until:
            os.kill(server.pid, signal.SIGHUP)
            done["SIGHUP"] += 1
    await asyncio.gather(*clients)
    server.terminate()
    messages = await drain
    status = server.wait()
    print(", ".join(f"{count} {name}" for name, count in sorted(done.items())))
    errors = [line for line in messages.splitlines() if " ERROR " in line or "Traceback" in line]
    for line in [*wrong[:20], *errors[:20]]:
        print(line)
    print(f"{len(wrong)} wrong, {len(errors)} errors in the log, status {status}")
    return 1 if wrong or errors or status else 0


if __name__ == "__main__":
    given = [float(text) for text in sys.argv[1:]]
    sys.exit(asyncio.run(soak(*given, *[600.0, 60.0][len(given) :])))
