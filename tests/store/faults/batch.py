"""Kills loads on SQLite stores, many side by side, and tells what is wrong with what is left.

Run as a program: it reads a list of cases (see `Case`) as JSON from its input and writes a list of findings to its
output, one list a case. All processes are forked from this one, which has everything imported, so a kill and the look
at what it left cost some ten milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from store.faults import journal, load
from store.faults.verify import verify

from hyperpy.store import failpoints
from hyperpy.store.engine.options import Options
from hyperpy.store.sql.sqlite import open_store

_OPTIONS = Options(window_events=64)  # a small one, so that history is read from the file too


@dataclass(frozen=True, slots=True)
class Case:
    """One store that is killed again and again.

    Args:
        rounds: the failpoint of each life, such as commit/rows:3; "" is a kill from outside at a random time.
        fat: values so large that compaction leaves enough free pages to give back.
    """

    directory: str
    rounds: Sequence[str]
    seed: int
    fat: bool = False


def killed(cases: Sequence[Case], *, side_by_side: int = 2) -> list[list[str]]:
    """What is wrong after the kills of each case. Called by tests; runs this file as a program."""
    text = json.dumps({"cases": [asdict(case) for case in cases], "side_by_side": side_by_side})
    command = [sys.executable, "-m", "store.faults.batch"]
    paths = [str(Path(__file__).parents[2]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, input=text, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    found: list[list[str]] = json.loads(done.stdout)
    return found


def main() -> None:
    """The program."""
    asked = json.load(sys.stdin)
    cases = [Case(**case) for case in asked["cases"]]
    waiting, running = list(enumerate(cases)), {}
    while waiting or running:
        while waiting and len(running) < asked["side_by_side"]:
            number, case = waiting.pop(0)
            running[_forked(lambda case=case: _lives(case))] = number
        pid, status = os.waitpid(-1, 0)
        number = running.pop(pid)
        if status:
            _findings(cases[number]).write_text(json.dumps([f"the judge itself ended with status {status}"]))
    json.dump([json.loads(_findings(case).read_text()) for case in cases], sys.stdout)


def _forked(action: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        action()
        code = 0
    finally:
        if code:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        os._exit(code)


def _findings(case: Case) -> Path:
    return Path(case.directory) / "findings.json"


def _lives(case: Case) -> None:
    wrong: list[str] = []
    for number, failpoint in enumerate(case.rounds):
        pid = _forked(lambda number=number, failpoint=failpoint: _life(case, number, failpoint))
        if not failpoint:
            _kill_some_time(pid, random.Random(f"{case.seed}.{number}"))
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            wrong.append(f"round {number}: {failpoint} was never reached, status {status}")
        wrong += [f"round {number} ({failpoint}): {line}" for line in asyncio.run(_judged(case))]
        if wrong:
            break
    _findings(case).write_text(json.dumps(wrong))


def _kill_some_time(pid: int, chance: random.Random) -> None:
    fd = os.pidfd_open(pid)
    try:
        select.select([fd], [], [], chance.uniform(0.01, 0.4))  # ends early with the process
    finally:
        os.close(fd)
    os.kill(pid, signal.SIGKILL)


def _life(case: Case, number: int, failpoint: str) -> None:
    os.environ[failpoints.VARIABLE] = failpoint
    asyncio.run(_loaded(case, number))


async def _loaded(case: Case, number: int) -> None:
    file = Path(case.directory) / "journal"
    diary = journal.read(file)
    store = await open_store(Path(case.directory) / "store.db", options=_OPTIONS)
    shape = load.Shape(value_bytes=60_000, compact_every=150) if case.fat else load.Shape()
    await load.run(store, journal.Journal(file), diary, shape=shape, seed=case.seed + number)
    await store.aclose()


async def _judged(case: Case) -> list[str]:
    os.environ[failpoints.VARIABLE] = ""
    directory = Path(case.directory)
    store = await open_store(directory / "store.db", options=_OPTIONS)
    wrong = await verify(store, journal.Journal(directory / "journal"), journal.read(directory / "journal"))
    await store.aclose()
    with closing(sqlite3.connect(directory / "store.db")) as database:
        wrong += [line for (line,) in database.execute("PRAGMA integrity_check") if line != "ok"]
    return wrong


if __name__ == "__main__":
    main()
