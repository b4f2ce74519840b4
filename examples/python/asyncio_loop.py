"""A server beside asyncio: asyncio_loop.py [URL]

The manager polls in a thread of its own. Handlers hand work to the loop by schedule(); coroutines
answer by wakeup() or by methods of the connection.
"""

import asyncio
import signal
import sys

from pymongoose import MG_EV_HTTP_MSG, AsyncManager


async def answer(conn, uri):
    await asyncio.sleep(0)  # A database, another server ...
    try:
        conn.reply(200, f"You asked for {uri}\n")
    except RuntimeError:
        pass  # The client has disconnected.


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        uri = data.uri  # The message is empty after this call.
        manager.schedule(answer(conn, uri))


async def main():
    global manager
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncManager(handler) as manager:
        listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
        print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
        await stop.wait()


asyncio.run(main())
