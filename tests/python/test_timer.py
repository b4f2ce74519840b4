"""Timers."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import pytest
from conftest import DEADLINE, poll_until

from pymongoose import Manager


def test_one_shot_fires_once(manager: Manager) -> None:
    calls: list[int] = []
    timer = manager.timer_add(10, lambda: calls.append(1))
    assert timer.active is True
    poll_until(manager, lambda: calls)
    assert timer.active is False
    time.sleep(0.03)
    for _ in range(3):
        manager.poll(10)
    assert calls == [1]


def test_repeating(manager: Manager) -> None:
    calls: list[int] = []
    timer = manager.timer_add(5, lambda: calls.append(1), repeat=True)
    poll_until(manager, lambda: len(calls) >= 3)
    assert timer.active


def test_run_now_and_zero(manager: Manager) -> None:
    calls: list[str] = []
    manager.timer_add(60_000, lambda: calls.append("now"), run_now=True)
    manager.timer_add(0, lambda: calls.append("zero"))
    manager.poll(10)
    assert calls == ["zero", "now"]  # newest first
    manager.poll(10)
    assert calls == ["zero", "now"]


def test_poll_does_not_sleep_past_a_timer() -> None:
    calls: list[int] = []
    with Manager() as manager:
        manager.timer_add(20, lambda: calls.append(1))
        manager.poll(60_000)
        assert calls == [1]


def test_cancel(manager: Manager) -> None:
    calls: list[int] = []
    timer = manager.timer_add(0, lambda: calls.append(1), repeat=True)
    manager.poll(0)
    assert calls == [1]
    timer.cancel()
    timer.cancel()
    assert timer.active is False
    manager.poll(0)
    assert calls == [1]


def test_cancel_in_the_callback(manager: Manager) -> None:
    calls: list[int] = []

    def callback() -> None:
        calls.append(1)
        timer.cancel()

    timer = manager.timer_add(0, callback, repeat=True)
    for _ in range(5):
        manager.poll(0)
    assert calls == [1]


def test_timers_may_add_and_cancel_each_other(manager: Manager) -> None:
    calls: list[str] = []
    timers: list[Any] = []

    def first() -> None:
        calls.append("first")
        for timer in timers:
            timer.cancel()
        manager.timer_add(0, lambda: calls.append("added"))

    timers.extend(manager.timer_add(0, lambda: calls.append("other"), repeat=True) for _ in range(3))
    manager.timer_add(0, first, run_now=True)
    manager.poll(0)
    assert calls == ["first"]
    manager.poll(0)
    assert calls == ["first", "added"]


def test_cancel_from_another_thread() -> None:
    calls: list[int] = []
    with Manager() as manager:
        timer = manager.timer_add(1, lambda: calls.append(1), repeat=True)
        poll_until(manager, lambda: calls)
        thread = threading.Thread(target=timer.cancel)
        thread.start()
        thread.join()
        count = len(calls)
        time.sleep(0.01)
        manager.poll(5)
        assert len(calls) == count


def test_a_discarded_timer_lives(manager: Manager) -> None:
    calls: list[int] = []
    manager.timer_add(1, lambda: calls.append(1))
    gc.collect()
    poll_until(manager, lambda: calls)


def test_close_ends_timers() -> None:
    calls: list[int] = []
    manager = Manager()
    timer = manager.timer_add(0, lambda: calls.append(1), repeat=True)
    manager.close()
    assert timer.active is False
    assert calls == []


def test_an_exception_is_printed_and_the_timer_goes_on(
    manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[int] = []

    def callback() -> None:
        calls.append(1)
        raise ValueError("from the timer")

    manager.timer_add(0, callback, repeat=True)
    manager.poll(0)
    manager.poll(0)
    assert calls == [1, 1]
    assert capsys.readouterr().err.count("ValueError: from the timer") == 2


def test_arguments(manager: Manager) -> None:
    with pytest.raises(OverflowError):
        manager.timer_add(-1, print)
    for wrong in ("1", 1.5, None):
        with pytest.raises(TypeError):
            manager.timer_add(wrong, print)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        manager.timer_add(1, print, True)  # type: ignore[call-arg]


def test_a_timer_added_by_another_thread_ends_the_wait() -> None:
    calls: list[float] = []
    with Manager() as manager:
        done = threading.Event()

        def run() -> None:
            while not calls:
                manager.poll(60_000)
            done.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        time.sleep(0.05)
        manager.timer_add(1, lambda: calls.append(1))
        assert done.wait(DEADLINE)
        thread.join(DEADLINE)
