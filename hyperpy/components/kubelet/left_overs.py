"""What the runtime, the network and the disk have of Pods that nobody wants: found at the start, ended and removed."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from hyperpy.components.kubelet.pod_network import NetworkGate
from hyperpy.components.kubelet.pod_views import PodViews
from hyperpy.components.kubelet.pod_workers import PodWorkers, pod_labels
from hyperpy.components.kubelet.volumes.manager import Volumes
from hyperpy.runtime import spec

log = logging.getLogger(__name__)


async def clear(wanted: set[str], workers: PodWorkers, views: PodViews, volumes: Volumes, *, logs_dir: Path) -> None:
    """End and remove every pod of the runtime, and every directory of a pod, that is not wanted.

    Args:
        wanted: the uids of all Pods that the API or a manifest wants here.
        logs_dir: the logs of all pods.
    """
    for uid in views.uids() - wanted:
        workers.clean_up(uid, views.of(uid))
    for uid in volumes.on_disk() - wanted - views.uids():
        try:
            await volumes.unmount(uid)
        except OSError as error:
            log.warning("the volumes of a pod that is gone cannot be removed: %s", error)
    _clear_logs(logs_dir, wanted | views.uids())


def _clear_logs(logs_dir: Path, kept: set[str]) -> None:
    for directory in logs_dir.glob("*_*_*"):
        if directory.name.rpartition("_")[2] not in kept:
            shutil.rmtree(directory, ignore_errors=True)


async def clear_addresses(gate: NetworkGate, views: PodViews) -> None:
    """Take back the addresses of sandboxes that are no more."""
    known = {sandbox.id for uid in views.uids() for sandbox in views.of(uid).sandboxes}
    for sandbox_id in set(gate.addresses()) - known:
        await gate.detach(sandbox_id)


def end_namesakes(uid: str, namespace: str, name: str, workers: PodWorkers, views: PodViews) -> None:
    """End what runs of other Pods of one name: of a static pod whose manifest changed while nobody looked."""
    for other in views.uids() - {uid}:
        labels = pod_labels(views.of(other))
        if labels.get(spec.POD_NAME) == name and labels.get(spec.POD_NAMESPACE) == namespace:
            workers.clean_up(other, views.of(other))
