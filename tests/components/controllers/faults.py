"""The three classic faults of a control loop, at every write of a scenario: a crash, a stale cache, a missed event.

A scenario is run once to count the writes of the loops under test, and once more for every fault at every write. It
must end where it ends without a fault, with nothing doubled and nothing left over. A few writes, spread over the
scenario, stand for all of them unless HYPERPY_FAULTS=all (`make test-all`).

    from ..faults import Scenario, survive

    @pytest.mark.parametrize("fault", FAULTS)
    async def test_...(fault): await survive(MyScenario(), fault)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind

from .world import World, new_world

FAULTS = ("request-lost", "answer-lost", "stale-cache", "missed-event")
_STALE_S = 12.0  # longer than an expectation waits before it asks the API
_DEADLINE_S = 20.0
_STEP_S = 0.25
_FEW = 5


class Scenario(Protocol):
    """What happens, and how it must end."""

    #: The loops under test, by their names in `--controllers`.
    controllers: tuple[str, ...]
    #: The kinds whose caches are made stale, and whose events are lost.
    kinds: tuple[Kind, ...]
    # It may have `options`, a dict: settings of the component.

    async def act(self, world: World) -> None:
        """What users and kubelets do while the loops run. It may wait for something by `world.until`."""

    async def settled(self, world: World) -> bool:
        """Whether the goal is reached. It may speak for kubelets on the way."""

    async def check(self, world: World) -> None:
        """Assert that nothing is doubled and nothing left over; called once all is quiet."""


async def survive(scenario: Scenario, fault: str) -> None:
    """Try a fault of `FAULTS` at the writes, with every kind where the fault is one of a cache.

    Raises:
        AssertionError: the scenario did not end as it should; the message names the place of the fault.
    """
    writes = await _count_writes(scenario)
    assert writes, "the loops wrote nothing: there is nothing to disturb"
    for number in _chosen(len(writes)):
        for kind in scenario.kinds if fault in ("stale-cache", "missed-event") else (None,):
            verb, written = writes[number - 1]
            where = f"{fault}{f' of {kind.plural}' if kind else ''} at write {number} ({verb} {written.plural})"
            try:
                await _run(scenario, _Fault(fault, number, kind, [each for each in scenario.kinds if each is not kind]))
            except TimeoutError:
                raise AssertionError(f"{where}: it did not come to an end") from None
            except AssertionError as error:
                raise AssertionError(f"{where}: {error}") from error


def _chosen(count: int) -> list[int]:
    """Which writes, counted from 1: the first, the last and some between, or all."""
    if count <= _FEW or os.environ.get("HYPERPY_FAULTS") == "all":
        return list(range(1, count + 1))
    return sorted({1 + round(place * (count - 1) / (_FEW - 1)) for place in range(_FEW)})


async def _count_writes(scenario: Scenario) -> list[tuple[str, Kind]]:
    undisturbed = _Fault("", 0)
    await _run(scenario, undisturbed)
    return undisturbed.writes


async def _run(scenario: Scenario, fault: _Fault) -> None:
    options = getattr(scenario, "options", {})
    async with new_world() as world, fault.armed(world, scenario.controllers, options), asyncio.timeout(_DEADLINE_S):
        await world.start(*scenario.controllers, **options)
        await scenario.act(world)
        while not await scenario.settled(world):
            await world.clock.advance(_STEP_S)
        await fault.over(world)
        await _quiet(world)
        assert await scenario.settled(world), "the goal was reached and then left again"
        await scenario.check(world)


async def _quiet(world: World) -> None:
    """Let everything happen that can: back-offs, expectations, caches that were stale."""
    for _ in range(int(_STALE_S / _STEP_S) + 4):
        await world.clock.advance(_STEP_S)
    await world.quiet()


class _Fault:
    """One fault at one write of the loops; Events do not count. `kind` is the one whose cache it strikes."""

    def __init__(self, name: str, number: int, kind: Kind | None = None, others: Sequence[Kind] = ()) -> None:
        self.writes: list[tuple[str, Kind]] = []
        self._name = name
        self._number = number
        self._kind = kind
        self._others = others
        self._struck = asyncio.Event()

    @asynccontextmanager
    async def armed(self, world: World, controllers: tuple[str, ...], options: dict[str, Any]) -> AsyncIterator[None]:
        """Wait for the write; end what was begun."""
        world.faulty.before = self._hook("before", world)
        world.faulty.after = self._hook("after", world)
        aftermath = asyncio.create_task(self._aftermath(world, controllers, options), name="fault")
        try:
            yield
        finally:
            aftermath.cancel()
            with suppress(asyncio.CancelledError):
                await aftermath

    async def over(self, world: World) -> None:
        """Wait until the fault is over, when it struck at all."""
        while self._kind is not None and self._kind.plural in world.faulty.held:
            await world.clock.advance(_STEP_S)

    def _hook(self, moment: str, world: World) -> Callable[[str, Kind], None]:
        def hook(verb: str, kind: Kind) -> None:
            if kind is kinds.EVENT or kind is kinds.LEASE:
                return
            if moment == "before":
                self.writes.append((verb, kind))
            if len(self.writes) >= self._number > 0:
                self._strike(moment, world)

        return hook

    def _strike(self, moment: str, world: World) -> None:
        if self._name == "request-lost" or (self._name == "answer-lost" and moment == "after"):
            self._struck.set()  # from here on the process is as good as dead
            raise errors.ServiceUnavailable("the connection broke")
        if self._struck.is_set() or moment != "before" or self._kind is None:
            return
        self._struck.set()
        if self._name == "stale-cache":
            world.faulty.held[self._kind.plural] = asyncio.Event()
        elif self._name == "missed-event":
            world.faulty.cut.add(self._kind.plural)

    async def _aftermath(self, world: World, controllers: tuple[str, ...], options: dict[str, Any]) -> None:
        await self._struck.wait()
        if self._name == "stale-cache":
            assert self._kind is not None
            for pause_s in (0.1, 1.0, _STALE_S):
                await world.clock.sleep(pause_s)
                await self._touch(world)
            world.faulty.held.pop(self._kind.plural).set()
        elif self._name.endswith("-lost"):
            await world.stop()
            world.faulty.before = world.faulty.after = lambda verb, kind: None
            await world.start(*controllers, **options)

    async def _touch(self, world: World) -> None:
        """Change the objects whose caches are in step, so that the loops look again while the other cache is stale."""
        for kind in self._others:
            for obj in await world.list(kind):
                about = obj["metadata"]
                body = {"metadata": {"annotations": {"touched": str(world.clock.now())}}}
                # The API server's own slice names the loopback address, which nobody else may write.
                with suppress(errors.NotFound, errors.Invalid):
                    await world.client.patch(kind, about["name"], body, namespace=about.get("namespace"))
