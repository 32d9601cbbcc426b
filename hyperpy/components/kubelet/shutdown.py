"""The end of a kubelet that takes its pods with it: they are killed in order, and nothing is left on the node."""

from __future__ import annotations

import asyncio
import logging

from hyperpy.components.kubelet.pod_network import NetworkGate
from hyperpy.components.kubelet.volumes import mounts
from hyperpy.components.kubelet.volumes.manager import Volumes
from hyperpy.podnet.protocol import NetworkFailure
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import Container, Runtime, RuntimeFailure, State

log = logging.getLogger(__name__)

#: Beyond the grace of the pods: how long removing everything may take.
SLACK_S = 60.0


async def purge(runtime: Runtime, network: NetworkGate, volumes: Volumes, *, grace_s: int) -> None:
    """Kill every pod and remove runtime state, network and mounts; what fails is told, and the rest goes on.

    Args:
        grace_s: the longest grace a container gets; its own when that is shorter.
    """
    try:
        async with asyncio.timeout(grace_s + SLACK_S):
            running = [c for c in await runtime.containers() if c.state is State.RUNNING]
            stops = [runtime.stop_container(c.id, grace_s=min(grace_s, _own_grace_s(c, grace_s))) for c in running]
            for result in await asyncio.gather(*stops, return_exceptions=True):
                if isinstance(result, Exception):
                    log.warning("a container was not stopped: %s", result)
            await runtime.aclose(purge=True)
            await network.aclose(purge=True)
    except (RuntimeFailure, NetworkFailure, TimeoutError) as error:
        log.error("something is left on this node: %s", error or "it took too long")
    if volumes.may_mount:
        try:
            mounts.unmount_below(volumes.pods_dir)
        except OSError as error:
            log.error("a mount is left on this node: %s", error)


def _own_grace_s(container: Container, default_s: int) -> int:
    return int(container.annotations.get(spec.GRACE_PERIOD, default_s))
