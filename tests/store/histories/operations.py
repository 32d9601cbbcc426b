"""What clients do in a recorded history, what they were told, and what each operation does to the plainest model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Cell = tuple[bytes, int] | None  # a key's value and version, or nothing
State = tuple[tuple[bytes, Cell], ...]  # of some keys, in order


@dataclass(frozen=True)
class Read:
    """Read keys at one revision; the answer has a cell for each."""

    keys: tuple[bytes, ...]


@dataclass(frozen=True)
class Write:
    """Put a key; the answer has the cell that was there."""

    key: bytes
    value: bytes


@dataclass(frozen=True)
class Remove:
    """Delete a key; the answer has the cell that was there."""

    key: bytes


@dataclass(frozen=True)
class Swap:
    """If `key` has the value `expected` (None: is not there), write all pairs. When not, the answer has its cell."""

    key: bytes
    expected: bytes | None
    pairs: tuple[tuple[bytes, bytes], ...]


Operation = Read | Write | Remove | Swap


@dataclass(frozen=True)
class Answer:
    """What came back: the cells of the operation, whether a Swap was done, and the revision."""

    cells: tuple[Cell, ...]
    done: bool = True
    revision: int = 0


@dataclass(frozen=True)
class Call:
    """One operation of one client, in monotonic seconds. No answer: it got lost, and the call may end at any time."""

    client: str
    operation: Operation
    began: float
    ended: float = math.inf
    answer: Answer | None = None


def keys_of(operation: Operation) -> tuple[bytes, ...]:
    """The keys that an operation touches."""
    if isinstance(operation, Read):
        return operation.keys
    if isinstance(operation, Swap):
        return (operation.key, *(key for key, _ in operation.pairs))
    return (operation.key,)


def step(state: State, operation: Operation, answer: Answer | None) -> State | None:
    """The state after an operation; None when it could not have been answered like that in this state."""
    cells = dict(state)
    told, writes = outcome(cells, operation)
    if answer is not None and (answer.cells, answer.done) != (told.cells, told.done):
        return None
    cells.update(writes)
    return tuple(sorted(cells.items()))


def outcome(cells: dict[bytes, Cell], operation: Operation) -> tuple[Answer, dict[bytes, Cell]]:
    """What the operation is told in a state, and the cells that it changes."""
    if isinstance(operation, Read):
        return Answer(tuple(cells.get(key) for key in operation.keys)), {}
    have = cells.get(operation.key)
    if isinstance(operation, Write):
        return Answer((have,)), {operation.key: _put(have, operation.value)}
    if isinstance(operation, Remove):
        return Answer((have,)), {} if have is None else {operation.key: None}
    if (have[0] if have else None) != operation.expected:
        return Answer((have,), done=False), {}
    return Answer(()), {key: _put(cells.get(key), value) for key, value in operation.pairs}


def changes(answer: Answer, operation: Operation) -> bool:
    """Did an answered operation make a revision?"""
    if isinstance(operation, Read):
        return False
    if isinstance(operation, Remove):
        return answer.cells[0] is not None
    return answer.done


def values_of(operation: Operation) -> Sequence[bytes]:
    """The values that an operation may write."""
    if isinstance(operation, Write):
        return [operation.value]
    return [value for _, value in operation.pairs] if isinstance(operation, Swap) else []


def _put(have: Cell, value: bytes) -> Cell:
    return value, have[1] + 1 if have else 1
