"""Chooses the runtime that `--container-runtime` names.

`auto` takes the first that answers: Docker, then a CRI runtime (containerd, CRI-O) with a pod network, then embedded.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from hyperpy.runtime.endpoints import CRI_SOCKETS
from hyperpy.runtime.protocol import Runtime, RuntimeUnavailable

log = logging.getLogger(__name__)

NAMES = ("auto", "docker", "remote", "embedded", "hollow")
PING_S = 2.0


def select(name: str, *, endpoint: str = "", root_dir: Path) -> Runtime:
    """The runtime of a node; nothing of it is started yet.

    Args:
        name: one of `NAMES`.
        endpoint: `--container-runtime-endpoint`; `""` is the runtime's usual one.
        root_dir: what the runtime keeps on disk; it also tells this node's pods from those of others on one engine.
    Raises:
        RuntimeUnavailable: there is no runtime of that name.
    """
    if name not in NAMES:
        raise RuntimeUnavailable(f'--container-runtime "{name}" is not known; use one of {", ".join(NAMES)}')
    if name == "auto":
        name = first_that_answers(endpoint)
        log.info("container runtime: %s", name)
    if name == "docker":
        from hyperpy.runtime.docker import DockerRuntime

        return DockerRuntime(endpoint=endpoint, scope=scope(root_dir))
    if name == "hollow":
        from hyperpy.runtime.hollow import HollowRuntime

        return HollowRuntime()
    if name == "embedded":
        from hyperpy.runtime.embedded.runtime import EmbeddedRuntime

        return EmbeddedRuntime(root_dir)
    from hyperpy.runtime.cri import CriRuntime

    return CriRuntime(endpoint=endpoint, scope=scope(root_dir))


def first_that_answers(endpoint: str) -> str:
    """What `auto` means here. Blocks for a moment."""
    if docker_answers(endpoint):
        return "docker"
    return "remote" if cri_answers(endpoint) else "embedded"


def scope(root_dir: Path) -> str:
    """A short name of a node's pods on a shared engine, the same after each restart."""
    return hashlib.sha256(str(root_dir.absolute()).encode()).hexdigest()[:12]


def docker_answers(endpoint: str) -> bool:
    """Whether a Docker Engine answers a ping. Blocks for a moment."""
    from hyperpy.runtime.docker.engine import address

    url = urlsplit(address(endpoint))
    connection: http.client.HTTPConnection
    if url.scheme == "unix":
        connection = _UnixConnection(url.path)
    elif url.scheme in ("tcp", "http") and url.hostname:
        connection = http.client.HTTPConnection(url.hostname, url.port or 2375, timeout=PING_S)
    else:
        return False
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def cri_answers(endpoint: str) -> bool:
    """Whether a CRI runtime answers that can run pods. Blocks for a moment."""
    places = (endpoint.removeprefix("unix://"),) if endpoint else CRI_SOCKETS
    if not any(os.path.exists(path) for path in places):
        return False  # saves the import of gRPC, which most nodes do not need
    from hyperpy.runtime.cri.probe import why_not

    reason = why_not(endpoint)
    if reason:
        log.info("container runtime: no CRI runtime: %s", reason)
    return not reason


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PING_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PING_S)
        self.sock.connect(self._path)
