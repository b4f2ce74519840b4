"""A server by ctypes, as programs bind C libraries by hand: serves one request, prints what it was."""

import ctypes
import socket
import sys
import threading

MG_EV_HTTP_MSG = 11


class Str(ctypes.Structure):
    _fields_ = [("buf", ctypes.POINTER(ctypes.c_char)), ("len", ctypes.c_size_t)]

    def text(self) -> str:
        return self.buf[: self.len].decode() if self.len else ""


class HttpHeader(ctypes.Structure):
    _fields_ = [("name", Str), ("value", Str)]


class HttpMessage(ctypes.Structure):
    _fields_ = [
        ("method", Str),
        ("uri", Str),
        ("query", Str),
        ("proto", Str),
        ("headers", HttpHeader * 30),
        ("body", Str),
        ("head", Str),
        ("message", Str),
    ]


Handler = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
lib = ctypes.CDLL(sys.argv[1])
lib.mg_http_listen.restype = ctypes.c_void_p
lib.mg_http_listen.argtypes = [ctypes.c_void_p, ctypes.c_char_p, Handler, ctypes.c_void_p]
lib.mg_http_reply.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p]
lib.mg_mgr_init.argtypes = lib.mg_mgr_free.argtypes = [ctypes.c_void_p]
lib.mg_mgr_poll.argtypes = [ctypes.c_void_p, ctypes.c_int]
ctypes.c_int.in_dll(lib, "mg_log_level").value = 0


def on_event(c: int, ev: int, data: int) -> None:
    if ev == MG_EV_HTTP_MSG:
        hm = HttpMessage.from_address(data)
        used = [h.name.text() for h in hm.headers if h.name.len]
        print(hm.method.text(), hm.uri.text(), hm.query.text(), hm.body.text(), *used)
        lib.mg_http_reply(c, 200, b"", b"%s\n", ctypes.c_char_p(b"from ctypes"))


handler = Handler(on_event)


def ask(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        replies.append(b"".join(iter(lambda: s.recv(1000), b"")))


mgr = ctypes.create_string_buffer(144)
lib.mg_mgr_init(mgr)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    free.listen()
    number = free.fileno()
    assert lib.mg_http_listen(mgr, f"fd://{number}".encode(), handler, None)
    port = free.getsockname()[1]
    free.detach()
replies: list[bytes] = []
client = threading.Thread(target=ask, args=(port,))
client.start()
while client.is_alive():
    lib.mg_mgr_poll(mgr, 10)
client.join()
lib.mg_mgr_free(mgr)
print(replies[0].split(b"\r\n\r\n")[1].decode().strip())
