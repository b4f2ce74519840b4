"""Work that takes long, in other threads: threads.py [URL]. /NUMBER answers whether it is prime.

The loop continues meanwhile: wakeup() brings the result back to the thread that polls.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from pymongoose import MG_EV_HTTP_MSG, MG_EV_WAKEUP, Manager

pool = ThreadPoolExecutor(4)


def work(conn_id, number):
    prime = number > 1 and all(number % i for i in range(2, int(number**0.5) + 1))
    # The connection may be closed by now: then this does nothing.
    manager.wakeup(conn_id, f"{number} is {'' if prime else 'not '}prime\n".encode())


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        if data.uri[1:].isdecimal() and len(data.uri) < 12:
            pool.submit(work, conn.id, int(data.uri[1:]))
        else:
            conn.reply(404, "Ask for /97\n")
    elif ev == MG_EV_WAKEUP:
        conn.reply(200, data)


with Manager(handler, enable_wakeup=True) as manager:
    listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run()
