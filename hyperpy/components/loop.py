"""Runs a component's coroutine: the event loop (uvloop where it is installed) and the log on standard error."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Coroutine
from typing import Any

from hyperpy.commands import UserError
from hyperpy.components.supervisor import StartFailure


def run(main: Coroutine[Any, Any, None], *, verbosity: int = 0) -> None:
    """Run `main` to its end.

    Args:
        verbosity: Kubernetes' `--v`: 0 and 1 log information, 2 and 3 too, 4 and more debug lines.
    Raises:
        UserError: a component could not start; the message says what to do.
    """
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbosity >= 4 else logging.INFO,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )
    for noisy in ("asyncio", "aiohttp.access", "pyroute2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    gc.freeze()  # what was imported stays
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(main)
    except StartFailure as error:
        raise UserError(str(error)) from error


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
