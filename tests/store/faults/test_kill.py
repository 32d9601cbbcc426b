"""kill -9 at every failpoint and at random times: nothing acknowledged is lost, nothing is there by half.

STORE_FAULTS=N makes it N times as long (`STORE_FAULTS=20 pytest tests/store/faults`).
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from store.faults.batch import Case, killed

from hyperpy.store import failpoints

FAT = ("vacuum/", "checkpoint/")  # what happens only after much was written
SERVING = [name for name in failpoints.POINTS if not name.startswith("restore/")]  # those: test_restore.py
TIMES = int(os.environ.get("STORE_FAULTS", "1"))


def _rounds(name: str, chance: random.Random) -> list[str]:
    """Three lives that end at a failpoint: at the first time, soon, and later."""
    if name.startswith("open/"):
        return [name, "", name, name]
    if name.startswith(FAT):
        return [name, f"{name}:2"]
    return [name, f"{name}:{chance.randint(2, 5)}", f"{name}:{chance.randint(6, 12)}"]


def _cases(directory: Path) -> dict[str, list[Case]]:
    cases: dict[str, list[Case]] = {}
    for seed in range(TIMES):
        chance = random.Random(seed)
        for name in SERVING:
            rounds = _rounds(name, chance)
            cases.setdefault(name, []).append(Case("", rounds, chance.getrandbits(30), fat=name.startswith(FAT)))
        cases.setdefault("random", []).append(Case("", [""] * 6, chance.getrandbits(30)))
    placed: dict[str, list[Case]] = {}
    for name, listed in cases.items():
        for number, case in enumerate(listed):
            own = directory / name.replace("/", "-") / str(number)
            own.mkdir(parents=True)
            placed.setdefault(name, []).append(Case(str(own), case.rounds, case.seed, case.fat))
    return placed


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is wrong, by failpoint."""
    cases = _cases(tmp_path_factory.mktemp("kill"))
    flat = [(name, case) for name, listed in cases.items() for case in listed]
    found: dict[str, list[str]] = {name: [] for name in cases}
    for (name, case), wrong in zip(flat, killed([case for _, case in flat]), strict=True):
        found[name] += [f"{line} (seed {case.seed}, {case.directory})" for line in wrong]
    return found


@pytest.mark.timeout(60 + 60 * TIMES)
@pytest.mark.parametrize("name", [*SERVING, "random"])
def test_a_kill_loses_nothing_acknowledged_and_leaves_nothing_by_half(
    name: str, findings: dict[str, list[str]]
) -> None:
    assert findings[name] == []
