"""What visitors share: computed once, others wait for the same alone, and what failed is tried again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from betwixt.once import once


def test_many_who_ask_at_once_get_one_answer():
    calls, gate = [], threading.Event()

    @once
    def answer(name: str) -> object:
        calls.append(name)
        gate.wait(10)
        return object()

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(answer, "same") for _ in range(8)]
        gate.set()
        assert len({id(one.result()) for one in asked}) == 1
    assert calls == ["same"]


def test_who_asks_for_something_else_or_for_what_is_there_does_not_wait():
    begun, gate = threading.Event(), threading.Event()

    @once
    def answer(name: str) -> str:
        if name == "slow":
            begun.set()
            gate.wait(10)
        return name

    assert answer("there") == "there"
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(answer, "slow")
        assert begun.wait(10)
        assert (answer("there"), answer("other")) == ("there", "other")
        assert not slow.done()
        gate.set()
        assert slow.result() == "slow"


def test_what_failed_is_tried_again():
    tries = []

    @once
    def answer() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")
        return len(tries)

    for _ in range(2):
        with pytest.raises(ValueError, match="not yet"):
            answer()
    assert answer() == answer() == 3
    answer.forget()
    assert answer() == 4
