"""A component that can be made only when those before it run: its place in the order is known before it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Never

from hyperpy.components.supervisor import Component


class Later:
    """Makes a component when its turn comes, and is it from then on.

    Args:
        name: of the component.
        make: called once, when everything before it in the list is ready.
    """

    def __init__(self, name: str, make: Callable[[], Component]) -> None:
        self.name = name
        self._make = make

    async def run(self, *, ready: Callable[[], None]) -> Never:
        await self._make().run(ready=ready)
        raise AssertionError("a component does not return")
