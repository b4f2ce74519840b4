"""Which events a handler can see: what need not cross into Python.

Four events happen often and are ignored by most handlers: POLL, READ, WRITE and HTTP_HDRS. A handler
of the common form

    def handler(conn, ev, data):
        if ev == MG_EV_HTTP_MSG:
            ...

does nothing with them, and its bytecode shows it. For each of the four numbers the code is executed
here with that number, by an interpreter that knows only instructions without side effects:
comparing the number with integer constants, and jumping. If that reaches a return, the handler ignores
the event, for certain. At any other instruction the handler is taken to be interested.

Programs can choose for themselves (`events=`), and PYMONGOOSE_ALL_EVENTS=1 turns this off. While a
trace or profile function is installed, handlers get everything.
"""

from __future__ import annotations

import dis
import operator
import os
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from .constants import (
    MG_EV_ERROR,
    MG_EV_HTTP_HDRS,
    MG_EV_MQTT_DISCONNECTED,
    MG_EV_MQTT_RECONNECTED,
    MG_EV_POLL,
    MG_EV_READ,
    MG_EV_USER,
    MG_EV_WRITE,
)

Handler = Callable[[Any, int, Any], object]

ALL_EVENTS = 0xFFFFFFFF
FREQUENT = (MG_EV_POLL, MG_EV_READ, MG_EV_WRITE, MG_EV_HTTP_HDRS)
ADDED = (MG_EV_MQTT_DISCONNECTED, MG_EV_MQTT_RECONNECTED)
USER_BIT = 31  # also of those that this library has added

_STEPS_MAX = 500
_NOT_PLAIN = 0x04 | 0x08 | 0x20 | 0x80 | 0x200  # *args, **kwargs, generators, coroutines
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_IGNORE = {"RESUME", "NOP", "CACHE", "NOT_TAKEN", "TO_BOOL", "PRECALL", "EXTENDED_ARG"}
_OTHER = object()  # a value that is not the event number and not known


def masks(handler: Handler | None, events: Iterable[int] | None) -> tuple[int, int]:
    """Event masks of a handler: the one in force, and the one while it is traced."""
    if handler is not None and not callable(handler):
        raise TypeError(f"handler must be callable, not {type(handler).__name__}")
    if events is not None:
        mask = 0
        for ev in events:
            if ev < MG_EV_ERROR and ev not in ADDED:
                raise ValueError(f"not an event number: {ev}")
            mask |= 1 << (ev if MG_EV_ERROR <= ev < MG_EV_USER else USER_BIT)
        return mask, mask
    if handler is None or os.environ.get("PYMONGOOSE_ALL_EVENTS", "0") not in ("", "0"):
        return ALL_EVENTS, ALL_EVENTS
    mask = ALL_EVENTS
    for ev in FREQUENT:
        if ignores(handler, ev):
            mask &= ~(1 << ev)
    return mask, ALL_EVENTS


def is_traced() -> bool:
    """True while something observes which code runs in this thread."""
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return True
    monitoring = getattr(sys, "monitoring", None)
    return monitoring is not None and any(monitoring.get_tool(i) for i in range(6))


def ignores(handler: Handler, ev: int) -> bool:
    """True when calling the handler with this event provably does nothing."""
    skip = 0
    function: Any = handler
    if type(function) is MethodType:
        function = function.__func__
        skip = 1
    if type(function) is not FunctionType:
        return False
    code: CodeType = function.__code__
    if code.co_flags & _NOT_PLAIN or code.co_argcount != 3 + skip or code.co_cellvars:
        return False
    try:
        return _returns_at_once(code, function.__globals__, code.co_varnames[1 + skip], ev)
    except (IndexError, KeyError, TypeError):
        return False  # A stack or a name that this small interpreter does not understand.


def _constant(value: Any) -> Any:
    if type(value) is int or value is None or type(value) is bool or type(value) is ModuleType:
        return value
    if type(value) in (tuple, frozenset) and all(type(item) is int for item in value):
        return value
    return _OTHER


def _returns_at_once(code: CodeType, names: dict[str, Any], parameter: str, ev: int) -> bool:
    """Executes the code with the parameter set to ev, as long as nothing can happen."""
    instructions = list(dis.get_instructions(code))
    position = {instruction.offset: i for i, instruction in enumerate(instructions)}
    stack: list[Any] = []
    at = 0
    for _ in range(_STEPS_MAX):
        instruction = instructions[at]
        op, arg = instruction.opname, instruction.argval
        at += 1
        if op in _IGNORE:
            continue
        if op in ("LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"):
            stack.append(ev if arg == parameter else _OTHER)
        elif op in ("LOAD_CONST", "LOAD_SMALL_INT"):
            stack.append(_constant(arg))
        elif op == "LOAD_GLOBAL":
            if sys.version_info >= (3, 11) and (instruction.arg or 0) & 1:
                return False  # Pushes a NULL too: the start of a call.
            stack.append(_constant(names[arg]))
        elif op == "LOAD_ATTR":
            owner = stack.pop()
            if type(owner) is not ModuleType:
                return False
            stack.append(_constant(vars(owner)[arg]))
        elif op == "COMPARE_OP":
            right, left = stack.pop(), stack.pop()
            if type(left) is not int or type(right) is not int or arg not in _COMPARE:
                return False
            stack.append(_COMPARE[arg](left, right))
        elif op == "CONTAINS_OP":
            right, left = stack.pop(), stack.pop()
            if type(left) is not int or type(right) not in (tuple, frozenset):
                return False
            stack.append((left in right) != bool(instruction.arg))
        elif "JUMP" in op:
            jump = _jump(op, stack)
            if jump is None:
                return False
            if jump:
                at = position[arg]
        elif op == "COPY" and instruction.arg == 1:
            stack.append(stack[-1])
        elif op == "POP_TOP":
            stack.pop()
        else:
            return op in ("RETURN_VALUE", "RETURN_CONST")
    return False


def _jump(op: str, stack: list[Any]) -> bool | None:
    """Whether a jump is taken; None for one that is not understood."""
    if op in ("JUMP_FORWARD", "JUMP_ABSOLUTE"):
        return True
    when = "_IF_TRUE" in op
    if not when and "_IF_FALSE" not in op:
        return None
    value = stack[-1]
    if type(value) not in (bool, int):
        return None
    taken = bool(value) is when
    if not (op.endswith("_OR_POP") and taken):
        stack.pop()
    return taken
