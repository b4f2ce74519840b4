"""A FastAPI application: pymongoose serve fastapi_app:app --workers auto"""

from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel


class Item(BaseModel):
    name: str
    price: float


@asynccontextmanager
async def lifespan(app):
    app.state.items = {}  # Open connections to databases here,
    yield
    app.state.items.clear()  # and close them here: it runs at each graceful stop.


app = FastAPI(lifespan=lifespan)


@app.put("/items/{number}", status_code=201)
async def put(number: int, item: Item) -> Item:
    app.state.items[number] = item
    return item


@app.get("/items/{number}")
async def get(number: int) -> Item:
    if number not in app.state.items:
        raise HTTPException(404, "no such item")
    item: Item = app.state.items[number]
    return item
