"""The pause image: its archive, and its program as a process."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from hyperpy.runtime import pause


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_archive_holds_the_program(machine):
    with tarfile.open(fileobj=io.BytesIO(pause.archive(machine))) as outer:
        (manifest,) = json.load(outer.extractfile("manifest.json"))
        assert manifest["RepoTags"] == [pause.REFERENCE]
        with tarfile.open(fileobj=outer.extractfile("layer.tar")) as layer:
            assert layer.extractfile("pause").read() == pause.program(machine)


def test_the_same_archive_comes_out_each_time():
    assert pause.archive("x86_64") == pause.archive("x86_64")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_program_waits_until_it_is_asked_to_end(tmp_path, ending):
    path = tmp_path / "pause"
    path.write_bytes(pause.program(os.uname().machine))
    path.chmod(0o755)
    with subprocess.Popen([path]) as process:
        wait_until_it_waits(process.pid)
        for other in (signal.SIGUSR1, signal.SIGCHLD, signal.SIGHUP):
            process.send_signal(other)
        assert process.poll() is None
        process.send_signal(ending)
        assert process.wait(5) == 0


def wait_until_it_waits(pid: int) -> None:
    """A signal that comes before the program's first system call would still end it."""
    end = time.monotonic() + 5
    while "(sleeping)" not in (Path("/proc") / str(pid) / "status").read_text():
        assert time.monotonic() < end, "the program does not wait"
        time.sleep(0.001)
