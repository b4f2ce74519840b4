"""Common clients against the defaults of a Python server, which is strict: what they send is served."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Server

from needs import need
from pymongoose import MG_EV_HTTP_MSG, Connection

PATIENCE = 60  # seconds; longer than any machine needs
# Unusual, but legal (RFC 3986): each arrives as it was sent.
TARGETS = [
    "/",
    "/a%20b/%C3%A4?q=%26&r=a%2Bb",
    "/a;b=c,d/e:f@g!$&'()*+~-._?/?=:@",
    "//x//y",
    "/.hidden/%2e%2e",
]
CHUNKS = [b"one", b"", b"three" * 10_000]

# What was done -> (method, target, bytes of the body, cookie).
Seen = list[tuple[str, str, int, str]]


def handler(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        target = data.uri + (f"?{data.query}" if data.query else "")
        seen = [data.method, target, len(data.body_bytes), data.header("Cookie") or ""]
        body = b"" if data.method == "HEAD" else json.dumps(seen).encode()
        conn.reply(200, body, {"X-Seen": json.dumps(seen), "Set-Cookie": "a=b"})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Server(handler) as server:
        yield f"http://127.0.0.1:{server.port}"


def with_requests(url: str) -> Seen:
    import requests

    with requests.Session() as session:
        first = [session.get(url + target, timeout=PATIENCE) for target in TARGETS]
        more = [
            session.head(url + "/head", timeout=PATIENCE),
            session.post(url + "/post", b"body", timeout=PATIENCE),
            session.post(url + "/chunked", iter(filter(None, CHUNKS)), timeout=PATIENCE),
        ]
        return [tuple(json.loads(answer.headers["X-Seen"])) for answer in first + more]


def with_httpx(url: str) -> Seen:
    import httpx

    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        answers = [client.get(url + target) for target in TARGETS]
        answers += [client.head(url + "/head"), client.post(url + "/post", content=b"body")]
        answers.append(client.post(url + "/chunked", content=iter(CHUNKS)))
        return [tuple(json.loads(answer.headers["X-Seen"])) for answer in answers]


def with_aiohttp(url: str) -> Seen:
    import aiohttp
    from yarl import URL

    async def chunks() -> Any:
        for chunk in CHUNKS:
            yield chunk

    async def run() -> Seen:
        jar = aiohttp.CookieJar(unsafe=True)
        seen = []
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            todo: list[tuple[str, str, Any]] = [("GET", target, None) for target in TARGETS]
            todo += [("HEAD", "/head", None), ("POST", "/post", b"body"), ("POST", "/chunked", chunks())]
            for method, target, body in todo:
                where = URL(url + target, encoded=True)
                async with session.request(method, where, data=body) as answer:
                    seen.append(tuple(json.loads(answer.headers["X-Seen"])))
        return seen

    return asyncio.run(run())


def with_curl(url: str) -> Seen:
    need("curl")
    common = ["-sS", "--globoff", "--path-as-is", "-b", "a=b", "-D", "-", "-o", "/dev/null"]
    command = ["curl"]
    for target in TARGETS:
        command += [*common, url + target, "--next"]
    command += [*common, "-I", url + "/head", "--next", *common, "-d", "body", url + "/post", "--next"]
    command += [*common, "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", url + "/chunked"]
    done = subprocess.run(command, input=b"".join(CHUNKS), capture_output=True, check=True, timeout=PATIENCE)
    lines = done.stdout.decode().splitlines()
    return [tuple(json.loads(line[8:])) for line in lines if line.startswith("X-Seen: ")]


NODE = """
const http = require('node:http');
const [url, targets, chunks] = process.argv.slice(1).map((text, i) => i ? JSON.parse(text) : new URL(text));
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const ask = (method, path, body) => new Promise((resolve, reject) => {
  const headers = {Cookie: 'a=b'};
  const options = {host: url.hostname, port: url.port, method, path, headers, agent};
  const request = http.request(options, (answer) => {
    answer.resume().on('end', () => resolve(JSON.parse(answer.headers['x-seen'])));
  });
  request.on('error', reject);
  for (const piece of body) request.write(piece);
  request.end();
});
(async () => {
  const seen = [];
  for (const target of targets) seen.push(await ask('GET', target, []));
  seen.push(await ask('HEAD', '/head', []), await ask('POST', '/post', ['body']));
  seen.push(await ask('POST', '/chunked', chunks.filter((chunk) => chunk)));
  agent.destroy();
  console.log(JSON.stringify(seen));
})();
"""


def with_node(url: str) -> Seen:
    need("node")
    texts = [json.dumps(TARGETS), json.dumps([chunk.decode() for chunk in CHUNKS])]
    done = subprocess.run(
        ["node", "-e", NODE, url, *texts], capture_output=True, check=True, timeout=PATIENCE
    )
    return [tuple(row) for row in json.loads(done.stdout)]


CLIENTS = [with_requests, with_httpx, with_aiohttp, with_curl, with_node]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__.partition("_")[2])
def test_what_clients_send_is_served(url: str, client: Callable[[str], Seen]) -> None:
    seen = client(url)
    assert [method for method, *_ in seen] == ["GET"] * len(TARGETS) + ["HEAD", "POST", "POST"]
    assert [size for _, _, size, _ in seen[-3:]] == [0, 4, sum(map(len, CHUNKS))]
    assert [target for _, target, *_ in seen[-3:]] == ["/head", "/post", "/chunked"]
    if client in (with_curl, with_node, with_aiohttp):
        # The others write some targets in another way.
        assert [target for _, target, *_ in seen[: len(TARGETS)]] == TARGETS
    assert {cookie for *_, cookie in seen[1:]} == {"a=b"}
