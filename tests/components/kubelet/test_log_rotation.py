"""Full logs are put aside and opened anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hyperpy.components.kubelet.log_rotation import LogRotation
from hyperpy.runtime import log_files
from hyperpy.runtime.protocol import RuntimeFailure
from hyperpy.testing.clock import ManualClock

from .objects import record


class Reopening:
    """A runtime whose only ability is to open logs anew, or to fail at it."""

    def __init__(self, failure: str = "") -> None:
        self.reopened: list[str] = []
        self.failure = failure

    async def reopen_log(self, container_id):
        if self.failure:
            raise RuntimeFailure(self.failure)
        self.reopened.append(container_id)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "0.log"


async def look(runtime, path):
    rotation = LogRotation(runtime, ManualClock(), running=lambda: ())
    await rotation.look(replace(record(), log_path=str(path)))


async def test_a_small_log_is_left_alone(path):
    path.write_bytes(b"x" * 100)
    runtime = Reopening()
    await look(runtime, path)
    assert runtime.reopened == []
    assert path.exists()


async def test_a_full_log_is_put_aside_and_the_oldest_go(path):
    for number in range(6):
        path.with_name(f"0.log.2025010{number}-000000").touch()
    with path.open("wb") as file:
        file.truncate(log_files.MAX_BYTES + 1)
    runtime = Reopening()
    await look(runtime, path)
    assert runtime.reopened == ["web-0"]
    assert not path.exists()
    assert len(log_files.older(path)) == log_files.MAX_FILES - 1


async def test_a_log_that_cannot_be_reopened_stays_where_it_is(path):
    with path.open("wb") as file:
        file.truncate(log_files.MAX_BYTES + 1)
    await look(Reopening("gone"), path)
    assert path.exists()


async def test_a_log_that_is_not_there_is_fine(path):
    await look(Reopening(), path)
