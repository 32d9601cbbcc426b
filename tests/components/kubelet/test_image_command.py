"""hyperpy image: images of a node from the command line, with one clear line for what goes wrong."""

import subprocess
import sys

import pytest
from runtime import busybox

pytestmark = pytest.mark.root


@pytest.fixture
def image(tmp_path):
    def run(*arguments, code=0):
        where = ("--data-dir", str(tmp_path / "data"), "--container-runtime", "embedded")
        command = [sys.executable, "-m", "hyperpy", "image", *arguments, *where]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return (done.stdout if code == 0 else done.stderr).splitlines()

    return run


def test_an_archive_is_loaded_listed_and_removed(image, tmp_path):
    busybox.write_archive(tmp_path / "busybox.tar")
    assert image("load", str(tmp_path / "busybox.tar")) == [f"loaded docker.io/{busybox.REFERENCE}"]
    header, row = image("list")
    assert header.split() == ["IMAGE", "ID", "SIZE"]
    assert row.startswith(f"docker.io/{busybox.REFERENCE}")
    assert image("remove", busybox.REFERENCE) == [f"removed {busybox.REFERENCE}"]
    assert len(image("list")) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(("load", "/no/such/file"), "no file /no/such/file", id="no file"),
        pytest.param(("load", "/etc/passwd"), "/etc/passwd is no image archive", id="no archive"),
        pytest.param(("remove", "none"), "no image none", id="no image"),
        pytest.param(("pull", "Not A Name"), "invalid reference format", id="no name"),
        pytest.param(("pull", "registry.invalid/a"), "registry.invalid cannot be resolved", id="no registry"),
    ],
)
def test_what_goes_wrong_is_one_clear_line(image, arguments, reason):
    (line,) = image(*arguments, code=1)
    assert line.startswith("hyperpy: error: ")
    assert reason in line


def test_an_unknown_runtime_is_refused_by_name(tmp_path):
    command = [sys.executable, "-m", "hyperpy", "image", "list", "--container-runtime", "podman"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--container-runtime=podman: use one of auto, docker" in done.stderr
