"""JSON-RPC."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from pymongoose import Rpc, RpcReq


def rpc(**handlers: Any) -> Rpc:
    made = Rpc()
    for method, handler in handlers.items():
        made.add(method, handler)
    return made


@pytest.mark.parametrize(
    ("frame", "response"),
    [
        ('{"id":1,"method":"sum"}', '{"id":1,"result":{"x":1}}'),
        ('{"id":"s","method":"sum"}', '{"id":"s","result":{"x":1}}'),
        ('{"id":null,"method":"sum"}', '{"id":null,"result":{"x":1}}'),
        ('{"jsonrpc":"2.0","id":1,"method":"sum"}', '{"id":1,"result":{"x":1}}'),
        ('{"method":"sum"}', ""),
        ('{"id":1,"method":"fail"}', '{"id":1,"error":{"code":5,"message":"q\\"x"}}'),
        ('{"method":"fail"}', '{"error":{"code":5,"message":"q\\"x"}}'),
        ('{"id":1,"method":"bug"}', '{"id":1,"error":{"code":-32603,"message":"division by zero"}}'),
        (
            '{"id":1,"method":"lazy"}',
            '{"id":1,"error":{"code":-32603,"message":"handler produced no response"}}',
        ),
        ('{"id":1,"method":"late"}', '{"id":1,"result":7}'),
        ('{"id":1,"method":"zz"}', '{"id":1,"error":{"code":-32601,"message":"zz not found"}}'),
        (b'{"id":1,"method":"sum"}', '{"id":1,"result":{"x":1}}'),
    ],
)
def test_responses(frame: Any, response: str, capsys: pytest.CaptureFixture[str]) -> None:
    def late(req: RpcReq) -> None:
        req.ok("7")
        raise ValueError("after the response")

    made = rpc(
        sum=lambda req: req.ok('{"x":1}'),
        fail=lambda req: req.err(5, 'q"x'),
        bug=lambda req: 1 / 0,
        lazy=lambda req: None,
        late=late,
    )
    assert made.process(frame) == response
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("frame", ["", "not json", "[]", '{"id":1}', '{"id":1,"method":5}'])
def test_what_is_no_request(frame: str) -> None:
    assert '"code":-32700' in rpc(sum=print).process(frame)


def test_patterns_and_order() -> None:
    made = Rpc()
    assert made.methods == []
    made.add("math.*", lambda req: req.ok('"old"'))
    made.add("*", lambda req: req.ok('"any"'))
    made.add("math.s*", lambda req: req.ok('"new"'))
    assert made.methods == ["math.s*", "*", "math.*"]
    assert made.process('{"id":1,"method":"math.sum"}') == '{"id":1,"result":"new"}'
    assert made.process('{"id":1,"method":"other"}') == '{"id":1,"result":"any"}'


def test_life_of_a_request() -> None:
    kept: list[RpcReq] = []
    problems: list[str] = []

    def handler(req: RpcReq) -> None:
        kept.append(req)
        assert req.frame == frame
        req.ok("1")
        with pytest.raises(RuntimeError, match="Response already sent") as caught:
            req.err(1, "x")
        problems.append(str(caught.value))

    frame = '{"id":1,"method":"a"}'
    assert rpc(a=handler).process(frame) == '{"id":1,"result":1}'
    assert problems == ["Response already sent"]
    for req in (kept[0], RpcReq()):
        assert req.frame == ""
        with pytest.raises(RuntimeError, match="RpcReq is no longer valid"):
            req.ok("1")


@pytest.mark.parametrize(
    "answer",
    [
        lambda req: req.ok({"x": 1}),
        lambda req: req.ok("nul \0"),
        lambda req: req.err("five", "message"),
        lambda req: req.err(2**40, "message"),
        lambda req: req.err(5, None),
    ],
)
def test_an_answer_that_cannot_be_sent_is_an_internal_error(answer: Any) -> None:
    assert '"code":-32603' in rpc(a=answer).process('{"id":1,"method":"a"}')


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_stops_a_program_leaves_process(kind: type[BaseException]) -> None:
    def handler(req: RpcReq) -> None:
        raise kind

    with pytest.raises(kind):
        rpc(a=handler).process('{"id":1,"method":"a"}')


def test_handlers_go_with_the_object() -> None:
    class Handler:
        def __call__(self, req: RpcReq) -> None:
            req.ok("1")

    handler = Handler()
    reference = weakref.ref(handler)
    made = rpc(a=handler)
    del handler
    gc.collect()
    assert made.process('{"id":1,"method":"a"}') == '{"id":1,"result":1}'
    del made
    gc.collect()
    assert reference() is None
