"""The diary of a load: what was asked for, what was acknowledged, what a watch has shown. It outlives a killed process.

One JSON object a line, each written by one system call, so that a line is there whole or was never begun:

    {"do": ID, "writer": W, "effects": {KEY: ID or null}, "lease": of what is put, "grants": LEASE, "revokes": LEASE,
     "floor": REVISION}
    {"ok": ID, "revision": R}       acknowledged; 0 where the answer does not tell the revision
    {"no": ID}                      known to have had no effect
    {"saw": R, "effects": {...}}    a watch has shown this revision
    {"at": R}                       the store said that this is its revision
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Step:
    """One request of a load. `effects` are the values (a step's id) or deletions that it is to leave."""

    id: str
    writer: int
    effects: dict[str, str | None] = field(default_factory=dict)
    lease: int = 0
    grants: int = 0
    revokes: int = 0
    floor: int = 0
    revision: int | None = None  # of the acknowledgement; 0: acknowledged under a revision that was not told


@dataclass(slots=True)
class Diary:
    """A journal as it was read."""

    steps: dict[str, Step] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    seen: list[tuple[int, dict[str, str | None]]] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)  # told by the store, in order of time

    @property
    def acknowledged(self) -> list[Step]:
        """In the order of their beginnings."""
        return [step for step in self.steps.values() if step.revision is not None]

    @property
    def open(self) -> list[Step]:
        """Those that nobody knows the outcome of."""
        return [step for step in self.steps.values() if step.revision is None and step.id not in self.refused]


class Journal:
    """Writes a diary."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def do(self, step: Step) -> None:
        """A request is about to be made."""
        self._write(
            do=step.id,
            writer=step.writer,
            effects=step.effects,
            lease=step.lease,
            grants=step.grants,
            revokes=step.revokes,
            floor=step.floor,
        )

    def ok(self, step_id: str, revision: int) -> None:
        """It was acknowledged."""
        self._write(ok=step_id, revision=revision)

    def no(self, step_id: str) -> None:
        """It had no effect."""
        self._write(no=step_id)

    def saw(self, revision: int, effects: dict[str, str | None]) -> None:
        """A watch has shown all changes of a revision."""
        self._write(saw=revision, effects=effects)

    def at(self, revision: int) -> None:
        """The store is at a revision."""
        self._write(at=revision)

    def close(self) -> None:
        os.close(self._fd)

    def _write(self, **line: Any) -> None:
        os.write(self._fd, json.dumps(line).encode() + b"\n")


def read(path: Path) -> Diary:
    """Read a journal; a torn last line counts as not written."""
    diary = Diary()
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        if line.endswith(b"\n"):
            _take(diary, json.loads(line))
    return diary


def _take(diary: Diary, line: dict[str, Any]) -> None:
    if "do" in line:
        step = Step(line.pop("do"), **line)
        diary.steps[step.id] = step
    elif "ok" in line:
        diary.steps[line["ok"]].revision = line["revision"]
        diary.revisions.append(line["revision"])
    elif "no" in line:
        diary.refused.add(line["no"])
    elif "saw" in line:
        diary.seen.append((line["saw"], line["effects"]))
    else:
        diary.revisions.append(line["at"])
