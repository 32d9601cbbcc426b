"""Failpoints: named places in the store where a developer may have the process die, the disk fail, or time stand still.

    HYPERPY_FAILPOINT=NAME[:COUNT][=ACTION]      for example commit/commit:3=error

COUNT is the time the place is reached at which the action happens, once (1 when not given). Actions:

    kill         the process ends at once, as by kill -9 (what happens when no action is given)
    error        the disk fails there (EIO)
    full         the disk is full there (ENOSPC)
    pause:FIFO   wait there; whoever opens the named pipe FIFO for writing knows that the place is reached, and
                 lets go of it by closing the pipe

The variable is read when a store is opened or restored. With none set, a place costs one look at a global. etcd's
gofail is the model. The table below is in docs/failpoints.md too.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from hyperpy.store.protocol import Unavailable

log = logging.getLogger(__name__)

VARIABLE = "HYPERPY_FAILPOINT"


@dataclass(frozen=True, slots=True)
class Point:
    """A place. `disk`: what is done there is the disk's work, so that it may fail; elsewhere nothing can."""

    meaning: str
    disk: bool = True


POINTS: Mapping[str, Point] = {
    "open/locked": Point("the lock is held, the file is not opened yet"),
    "open/migrated": Point("the tables are made or migrated, the transaction is not committed"),
    "open/loaded": Point("the log is read, nobody is answered yet"),
    "commit/begin": Point("a group is about to begin its transaction"),
    "commit/rows": Point("a group's changes are written, its leases and floor are not"),
    "commit/commit": Point("all of a group is written, not committed"),
    "commit/durable": Point("a group is committed, nobody sees it yet", disk=False),
    "commit/shown": Point("a group is visible and told to watchers, its writers are not answered", disk=False),
    "lease/granted": Point("a lease's row is written, its group not committed"),
    "lease/ended": Point("the row of a lease that ended is deleted, its group not committed"),
    "floor/raised": Point("a compaction's floor is written, its group not committed"),
    "sweep/begin": Point("a step of the sweep is about to begin its transaction"),
    "sweep/rows": Point("a step of the sweep has deleted replaced rows, not those of deletions"),
    "sweep/commit": Point("all of a step of the sweep is done, not committed"),
    "checkpoint/begin": Point("the write-ahead log is about to be copied into the file"),
    "checkpoint/end": Point("the write-ahead log was copied into the file", disk=False),
    "vacuum/begin": Point("free pages are about to be given back"),
    "vacuum/end": Point("some free pages were given back", disk=False),
    "restore/copied": Point("the snapshot is copied beside the store, its revision not yet raised", disk=False),
    "restore/kept": Point("the old store has its second name, its write-ahead log is not yet in it", disk=False),
    "restore/replace": Point("the copy is about to take the old store's name", disk=False),
    "restore/replaced": Point("the copy has the old store's name, the directory is not synced", disk=False),
}


@dataclass(slots=True)
class _Armed:
    """The one place that is armed in this process."""

    name: str
    left: int  # times that it is still passed by
    action: str
    fifo: str = ""


_armed: _Armed | None = None
_counting = threading.Lock()


def arm(environment: Mapping[str, str]) -> None:
    """Arm what the environment asks for, or nothing. Raises Unavailable when that is not in the table above."""
    global _armed
    text = environment.get(VARIABLE, "")
    _armed = _parsed(text) if text else None
    if _armed is not None:
        log.warning("failpoint %s is armed", text)


def reach(name: str) -> None:
    """Say that a place is reached. Raises OSError when the disk is to fail there."""
    if _armed is not None:
        _reached(_armed, name)


def _parsed(text: str) -> _Armed:
    place, _, action = text.partition("=")
    name, _, count = place.partition(":")
    if name not in POINTS:
        raise Unavailable(f"{VARIABLE}={text}: there is no failpoint {name!r}; there are {', '.join(POINTS)}")
    if count and not (count.isascii() and count.isdecimal() and int(count)):
        raise Unavailable(f"{VARIABLE}={text}: the count {count!r} is no number from 1 on")
    action, _, fifo = (action or "kill").partition(":")
    if action not in ("kill", *_ERRORS, "pause") or (action == "pause") != bool(fifo):
        raise Unavailable(f"{VARIABLE}={text}: the action is not one of kill, error, full, pause:FIFO")
    if action in _ERRORS and not POINTS[name].disk:
        raise Unavailable(f"{VARIABLE}={text}: nothing can fail at {name}; use kill or pause:FIFO")
    if fifo and not _is_fifo(fifo):
        raise Unavailable(f"{VARIABLE}={text}: {fifo} is not a named pipe; make one with mkfifo")
    return _Armed(name, int(count or 1), action, fifo)


def _is_fifo(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


_ERRORS = {"error": errno.EIO, "full": errno.ENOSPC}


def _reached(armed: _Armed, name: str) -> None:
    global _armed
    if armed.name != name:
        return
    with _counting:  # places are reached in the loop's thread and in the log's
        armed.left -= 1
        if armed.left != 0:
            return
        _armed = None
    if armed.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if armed.action == "pause":
        with open(armed.fifo, "rb") as pipe:
            pipe.read()
        return
    code = _ERRORS[armed.action]
    raise OSError(code, f"{os.strerror(code)} (failpoint {name})")
