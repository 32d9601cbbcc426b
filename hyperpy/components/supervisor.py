"""Runs an ordered list of components as one tree of tasks: starts them in order, stops them in reverse.

waiting ──run()──▶ starting ──ready()──▶ running ──cancel──▶ stopping ──▶ gone
                      │                     │
                      └── raises ───────────┴──▶ everything stops, the error goes to the caller
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence
from typing import Never, Protocol

log = logging.getLogger(__name__)


class Component(Protocol):
    """One part of a cluster.

    `run` serves until it is cancelled; returning is a bug. It calls `ready()` once, when its socket is bound or its
    caches are in step, and cleans up in its own `finally` when it is cancelled.
    """

    name: str

    async def run(self, *, ready: Callable[[], None]) -> Never: ...


class StartFailure(Exception):
    """A component cannot start; the message is for the user and says what to do. The command exits with code 1."""


class _Stopped(Exception):
    """A signal asked for the end."""


async def run(components: Sequence[Component], *, all_ready: Callable[[], None] | None = None) -> None:
    """Run components until SIGINT or SIGTERM, or until one fails.

    Args:
        components: in order of start; each starts when the one before it is ready.
        all_ready: called once when the last one is ready.
    Raises:
        StartFailure: and whatever a component raised, unwrapped from its exception group.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    try:
        async with asyncio.TaskGroup() as group:
            tree = group.create_task(_nest(tuple(components), all_ready), name="components")
            await _first_of(stop, tree)
            tree.cancel()
    except* _Stopped:
        pass
    except* Exception as failures:
        raise _innermost(failures) from None
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signum)


async def _first_of(stop: asyncio.Event, tree: asyncio.Task[None]) -> None:
    waiter = asyncio.create_task(stop.wait(), name="signal")
    try:
        await asyncio.wait({waiter, tree}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()


async def _nest(components: tuple[Component, ...], all_ready: Callable[[], None] | None) -> None:
    """Run the first component, and inside its life the rest: so the rest ends before it does."""
    if not components:
        if all_ready is not None:
            all_ready()
        await asyncio.Event().wait()
    first, rest = components[0], components[1:]
    ready = asyncio.Event()
    started = time.monotonic()
    task = asyncio.create_task(_run_one(first, ready), name=first.name)
    try:
        waiter = asyncio.create_task(ready.wait(), name=f"{first.name}/ready")
        try:
            await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
        if task.done():
            _must_run_on(task)
        log.debug("%s is ready after %.0f ms", first.name, (time.monotonic() - started) * 1000)
        inner = asyncio.create_task(_nest(rest, all_ready), name=f"{first.name}/rest")
        try:
            await asyncio.wait({task, inner}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(inner)
        if task.done():
            _must_run_on(task)
        if not inner.cancelled():
            inner.result()
    finally:
        await _end(task)
    raise RuntimeError(f"what follows {first.name} ended by itself")


def _must_run_on(task: asyncio.Task[None]) -> Never:
    """A component ended although nobody asked it to: raise what it raised, or say that it is a defect."""
    if task.cancelled():
        raise RuntimeError(f"component {task.get_name()} was cancelled from within")
    task.result()
    raise RuntimeError(f"component {task.get_name()} returned; it must run until it is cancelled")


async def _run_one(component: Component, ready: asyncio.Event) -> None:
    await component.run(ready=ready.set)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has cleaned up, even when this task is cancelled again meanwhile."""
    task.cancel()
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            continue


def _innermost(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
