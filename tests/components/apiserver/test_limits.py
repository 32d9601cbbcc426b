"""Max-in-flight."""

from contextlib import ExitStack

import pytest

from hyperpy.api import errors
from hyperpy.components.apiserver.limits import InFlight


def test_reading_and_writing_are_counted_apart():
    limits = InFlight(reading=2, mutating=1)
    with ExitStack() as held:
        held.enter_context(limits.one("get"))
        held.enter_context(limits.one("list"))
        held.enter_context(limits.one("create"))
        for verb in ("get", "update"):
            with pytest.raises(errors.TooManyRequests) as refused, limits.one(verb):
                pass
            assert refused.value.retry_after_s == 1
    with limits.one("delete"), limits.one("get"):
        pass


def test_it_tells_how_many_there_are():
    limits = InFlight(reading=5, mutating=5)
    with limits.one("get"), limits.one("list"), limits.one("patch"):
        assert limits.now == (2, 1)
    assert limits.now == (0, 0)


def test_zero_is_no_limit():
    limits = InFlight(reading=0, mutating=0)
    with ExitStack() as held:
        for _ in range(1000):
            held.enter_context(limits.one("create"))
