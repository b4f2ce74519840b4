# mypy: ignore-errors
"""A FastAPI application for the soak."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/items/{item}")
async def item(item: int) -> dict[str, int]:
    return {"item": item}


@app.post("/upload")
async def upload(request: Request) -> dict[str, int]:
    length = 0
    async for part in request.stream():
        length += len(part)
    return {"length": length}


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    return StreamingResponse(parts())


@app.websocket("/ws")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass
