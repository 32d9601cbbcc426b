"""A store that keeps everything in memory: for tests and simulations."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.store.engine.clock import Clock
from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.log import Loaded, Record
from hyperpy.store.engine.options import Options


class _Nowhere:
    """A log that remembers nothing."""

    async def append(self, records: Sequence[Record]) -> None:
        """What is in memory is as durable as it gets."""

    async def sweep(self) -> bool:
        """There is nothing to forget beside the engine's window."""
        return False

    async def aclose(self) -> None:
        """There is nothing to let go of."""


async def open_store(*, options: Options | None = None, clock: Clock | None = None) -> Engine:
    """Open an empty store. The caller closes it.

    Args:
        clock: what leases and compaction go by; the running loop when None.
    """
    engine = Engine(_Nowhere(), None, Loaded(), options=options or Options(), clock=clock)
    engine.start()
    return engine
