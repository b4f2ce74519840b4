"""An ASGI application without a framework: pymongoose serve asgi_app:app"""

import os


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    assert scope["type"] == "http"
    client = scope["client"][0] if scope["client"] else "a local client"
    text = f"{scope['scheme']} {scope['path']} for {client} by process {os.getpid()}\n"
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
