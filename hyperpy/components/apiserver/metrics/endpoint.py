"""/metrics and /metrics/slis: everything that is counted, in Prometheus' text format."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hyperpy.api import errors
from hyperpy.api.wire import Request, Response
from hyperpy.components import exposition
from hyperpy.components.instruments import Instruments

PATHS = ("/metrics", "/metrics/slis")

#: Fills gauges just before they are read.
Refresh = Callable[[], Awaitable[None]]


class MetricsEndpoint:
    """Answers the two paths.

    Args:
        slis: the results of health checks.
        refresh: asked before `instruments` are read.
    """

    def __init__(self, instruments: Instruments, slis: Instruments, *, refresh: Sequence[Refresh] = ()) -> None:
        self._instruments = instruments
        self._slis = slis
        self._refresh = tuple(refresh)

    async def answer(self, request: Request) -> Response | None:
        """The answer to a request for one of the paths, else None.

        Raises:
            MethodNotAllowed: it is not only read.
        """
        if request.path not in PATHS:
            return None
        if request.method not in ("GET", "HEAD"):
            raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
        if request.path == PATHS[1]:
            return await self._written(self._slis, process=False)
        for refresh in self._refresh:
            await refresh()
        return await self._written(self._instruments, process=True)

    async def _written(self, instruments: Instruments, *, process: bool) -> Response:
        snapshots = instruments.snapshot()
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(None, lambda: exposition.text(snapshots, process=process))
        return Response(200, body, exposition.CONTENT_TYPE)
