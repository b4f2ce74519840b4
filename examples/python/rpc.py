"""JSON-RPC over HTTP and WebSocket: rpc.py [URL]. POST a request to /rpc, or connect to /ws."""

import json
import sys

from pymongoose import MG_EV_HTTP_MSG, MG_EV_WS_MSG, Manager, Rpc


def add(request):
    numbers = json.loads(request.frame).get("params")
    if isinstance(numbers, list) and all(isinstance(number, (int, float)) for number in numbers):
        request.ok(json.dumps(sum(numbers)))
    else:
        request.err(-32602, "a list of numbers, please")


rpc = Rpc()
rpc.add("sum", add)
rpc.add("methods", lambda request: request.ok(json.dumps(rpc.methods)))


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        if data.uri == "/ws":
            conn.ws_upgrade(data)
        elif data.uri == "/rpc":
            answer = rpc.process(data.body_bytes)
            conn.reply(200 if answer else 204, answer, {"Content-Type": "application/json"})
        else:
            conn.reply(404, "POST to /rpc\n")
    elif ev == MG_EV_WS_MSG:
        answer = rpc.process(data.text)
        if answer:
            conn.ws_send(answer)


with Manager(handler) as manager:
    listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run()
