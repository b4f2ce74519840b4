"""One small application for each framework. `apps:NAME` makes it when it is asked for.

Each answers GET /hello with "hello NAME", POST /echo with the body, and what else it is good at.
"""
# mypy: ignore-errors

from __future__ import annotations

import asyncio


def fastapi_example():
    """What the tutorial about FastAPI shows."""
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "python"))
    from fastapi_app import app

    return app


def starlette():
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute

    async def hello(request):
        return PlainTextResponse("hello starlette")

    async def echo(request):
        return PlainTextResponse(await request.body())

    async def stream(request):
        async def pieces():
            for _ in range(3):
                await asyncio.sleep(0)
                yield "piece "

        return StreamingResponse(pieces())

    async def file(request):
        return FileResponse(__file__)

    async def socket(websocket):
        await websocket.accept()
        await websocket.send_text("you said " + await websocket.receive_text())
        await websocket.close()

    async def middleware(request, call_next):
        response = await call_next(request)
        response.headers["x-middleware"] = "yes"
        return response

    routes = [
        Route("/hello", hello),
        Route("/echo", echo, methods=["POST"]),
        Route("/stream", stream),
        Route("/file", file),
        WebSocketRoute("/ws", socket),
    ]
    return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=middleware)])


def fastapi():
    from contextlib import asynccontextmanager

    from fastapi import FastAPI, Request, UploadFile, WebSocket
    from fastapi.responses import PlainTextResponse

    @asynccontextmanager
    async def lifespan(app):
        yield {"started": "fastapi"}

    app = FastAPI(lifespan=lifespan)

    def hello(request):  # in a thread
        return PlainTextResponse("hello " + request.state.started)

    async def echo(request):
        return PlainTextResponse(await request.body())

    async def upload(file):
        return {"name": file.filename, "size": len(await file.read())}

    async def socket(websocket):
        await websocket.accept()
        await websocket.send_text("you said " + await websocket.receive_text())
        await websocket.close()

    for function, kinds in (
        (hello, {"request": Request}),
        (echo, {"request": Request}),
        (upload, {"file": UploadFile}),
        (socket, {"websocket": WebSocket}),
    ):
        function.__annotations__.update(kinds)
    app.get("/hello")(hello)
    app.post("/echo")(echo)
    app.post("/upload")(upload)
    app.websocket("/ws")(socket)
    return app


def _django():
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            DEBUG=False,
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=__name__,
            SECRET_KEY="x",
            MIDDLEWARE=[],
            USE_TZ=True,
        )
        django.setup()


def urlpatterns():
    from django.http import HttpResponse
    from django.urls import path

    return [
        path("hello", lambda request: HttpResponse("hello django")),
        path("echo", lambda request: HttpResponse(request.body)),
    ]


def django_asgi():
    _django()
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


def django_wsgi():
    _django()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def channels():
    _django()
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.routing import ProtocolTypeRouter, URLRouter
    from django.core.asgi import get_asgi_application
    from django.urls import path

    class Consumer(AsyncWebsocketConsumer):
        async def receive(self, text_data=None, bytes_data=None):
            await self.send("you said " + text_data)
            await self.close()

    sockets = URLRouter([path("ws", Consumer.as_asgi())])
    return ProtocolTypeRouter({"http": get_asgi_application(), "websocket": sockets})


def quart():
    from quart import Quart, request, websocket

    app = Quart(__name__)

    @app.get("/hello")
    async def hello():
        return "hello quart"

    @app.post("/echo")
    async def echo():
        return await request.get_data()

    @app.websocket("/ws")
    async def socket():
        await websocket.send("you said " + await websocket.receive())

    return app


def litestar():
    from litestar import Litestar, MediaType, Request, get, post

    @get("/hello", media_type=MediaType.TEXT)
    async def hello() -> str:
        return "hello litestar"

    @post("/echo", media_type=MediaType.TEXT, status_code=200)
    async def echo(request: Request) -> bytes:
        return await request.body()

    hello.fn.__annotations__["return"] = str
    echo.fn.__annotations__.update({"request": Request, "return": bytes})
    return Litestar([hello, echo])


def blacksheep():
    from blacksheep import Application, Request, text

    app = Application()

    @app.router.get("/hello")
    async def hello():
        return text("hello blacksheep")

    async def echo(request):
        return text(await request.text())

    echo.__annotations__["request"] = Request
    app.router.add_post("/echo", echo)
    return app


def falcon_asgi():
    import falcon.asgi

    class Hello:
        async def on_get(self, request, response):
            response.text = "hello falcon"

    class Echo:
        async def on_post(self, request, response):
            response.data = await request.stream.read()

    app = falcon.asgi.App()
    app.add_route("/hello", Hello())
    app.add_route("/echo", Echo())
    return app


def falcon_wsgi():
    import falcon

    class Hello:
        def on_get(self, request, response):
            response.text = "hello falcon"

    class Echo:
        def on_post(self, request, response):
            response.data = request.bounded_stream.read()

    app = falcon.App()
    app.add_route("/hello", Hello())
    app.add_route("/echo", Echo())
    return app


def flask():
    from flask import Flask, request, stream_with_context

    app = Flask(__name__)

    @app.get("/hello")
    def hello():
        return "hello flask"

    @app.post("/echo")
    def echo():
        return request.get_data()

    @app.get("/stream")
    def stream():
        def pieces():
            for _ in range(3):
                yield request.args.get("word", "piece") + " "

        return stream_with_context(pieces())

    return app


def bottle():
    from bottle import Bottle, request

    app = Bottle()
    app.get("/hello", callback=lambda: "hello bottle")
    app.post("/echo", callback=lambda: request.body.read())
    return app


def pyramid():
    from pyramid.config import Configurator
    from pyramid.response import Response

    with Configurator() as config:
        config.add_route("hello", "/hello")
        config.add_route("echo", "/echo")
        config.add_view(lambda request: Response("hello pyramid"), route_name="hello")
        config.add_view(lambda request: Response(body=request.body), route_name="echo")
        return config.make_wsgi_app()


def sse_starlette():
    from sse_starlette.sse import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def hello(request):
        return PlainTextResponse("hello sse_starlette")

    async def echo(request):
        return PlainTextResponse(await request.body())

    async def events(request):
        async def pieces():
            for number in range(3):
                yield {"data": f"event {number}"}

        return EventSourceResponse(pieces())

    return Starlette(
        routes=[Route("/hello", hello), Route("/echo", echo, methods=["POST"]), Route("/events", events)]
    )


def socketio():
    import socketio as package

    server = package.AsyncServer(async_mode="asgi", cors_allowed_origins="*")
    return package.ASGIApp(server, __getattr__("starlette"))


def mcp():
    from mcp.server.fastmcp import FastMCP

    server = FastMCP("demo", stateless_http=True, json_response=True)

    def add(a: int, b: int) -> int:
        return a + b

    add.__annotations__.update({"a": int, "b": int, "return": int})
    server.tool()(add)
    return server.streamable_http_app()


MAKERS = {name: value for name, value in globals().items() if callable(value) and not name.startswith("_")}
for _name in MAKERS:
    del globals()[_name]


def __getattr__(name: str):
    if name not in MAKERS:
        raise AttributeError(name)
    made = globals()[name] = MAKERS[name]()
    return made
