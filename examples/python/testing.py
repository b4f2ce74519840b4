"""How a handler is tested: testing.py, or pytest testing.py

The server is polled in a thread on a port that the system chooses. Events can also be tested without
a thread: poll until what is expected has come.
"""

import contextlib
import threading
import urllib.request

from pymongoose import MG_EV_CONNECT, MG_EV_HTTP_MSG, Manager


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, f"You asked for {data.uri}\n")


@contextlib.contextmanager
def serving(handler):
    stop = threading.Event()
    with Manager(handler) as manager:
        listener = manager.listen("http://127.0.0.1:0")

        def poll():
            while not stop.is_set():
                manager.poll(50)

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.local_addr[1]}"
        finally:
            stop.set()
            thread.join()


def test_with_any_client():
    with serving(handler) as url, urllib.request.urlopen(f"{url}/x", timeout=60) as response:
        assert response.read() == b"You asked for /x\n"


def test_in_one_thread():
    answers = []

    def client(conn, ev, data):
        if ev == MG_EV_CONNECT:
            conn.send("GET /y HTTP/1.1\r\nHost: localhost\r\n\r\n")
        elif ev == MG_EV_HTTP_MSG:
            answers.append(data.body_text)

    with Manager(handler) as manager:
        port = manager.listen("http://127.0.0.1:0").local_addr[1]
        manager.connect(f"http://127.0.0.1:{port}", client)
        while not answers:
            manager.poll(50)
    assert answers == ["You asked for /y\n"]


if __name__ == "__main__":
    test_with_any_client()
    test_in_one_thread()
    print("both passed")
