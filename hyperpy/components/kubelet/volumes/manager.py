"""Makes and keeps the volumes of pods under `<root>/pods/<uid>/volumes`, in the kubelet's own layout."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperpy.api import errors, quantity
from hyperpy.components.kubelet.downward import NodeFacts
from hyperpy.components.kubelet.environment import Reference
from hyperpy.components.kubelet.objects import ObjectCache, Unreachable
from hyperpy.components.kubelet.volumes import atomic_writer, host_path, mounts, payload
from hyperpy.components.kubelet.volumes.atomic_writer import File
from hyperpy.components.kubelet.volumes.payload import VolumeProblem
from hyperpy.components.kubelet.volumes.tokens import Tokens
from hyperpy.runtime.spec import ConfigError

Obj = dict[str, Any]

_PLUGINS = {
    "emptyDir": "kubernetes.io~empty-dir",
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
}


@dataclass(frozen=True, slots=True)
class Mounted:
    """The volumes of a pod by name; `refresh_at` is when a token in them must be renewed, or None."""

    paths: Mapping[str, Path]
    refresh_at: float | None = None


class Volumes:
    """The volumes of a node's pods.

    Args:
        root: the kubelet's root directory.
        may_mount: this process may mount, and what it mounts is seen by the runtime.
        host_root: where the host's root is seen.
    """

    def __init__(
        self,
        root: Path,
        objects: ObjectCache,
        tokens: Tokens,
        *,
        node: NodeFacts,
        may_mount: bool,
        host_root: Path = Path("/"),
    ) -> None:
        self.pods_dir = root / "pods"
        self.may_mount = may_mount
        self._objects = objects
        self._tokens = tokens
        self._node = node
        self._host_root = host_root

    def pod_dir(self, uid: str) -> Path:
        """Everything that the kubelet keeps of a pod on disk, but its logs."""
        return self.pods_dir / uid

    def on_disk(self) -> set[str]:
        """The pods of which there is something on disk."""
        return set(os.listdir(self.pods_dir)) if self.pods_dir.is_dir() else set()

    async def mount(self, pod: Obj) -> Mounted:
        """Make all volumes, or bring them up to date; may be repeated at any time.

        Raises:
            VolumeProblem: one cannot be made.
        """
        volumes = pod["spec"].get("volumes") or ()
        if not volumes:
            return Mounted({})
        meta = pod["metadata"]
        try:
            objects = await self._objects.fetch(meta["uid"], meta["namespace"], payload.references(pod))
        except Unreachable as error:
            raise VolumeProblem(volumes[0]["name"], str(error)) from error
        paths: dict[str, Path] = {}
        due: list[float] = []
        for volume in volumes:
            tokens = await self._tokens_of(pod, volume, due)
            paths[volume["name"]] = await asyncio.to_thread(self._make, pod, volume, objects=objects, tokens=tokens)
        return Mounted(paths, min(due, default=None))

    async def unmount(self, uid: str) -> None:
        """Take away everything of a pod on disk; a pod without anything is fine.

        Raises:
            OSError: a mount point is held by something else.
        """
        self._objects.release(uid)
        self._tokens.forget(uid)
        await asyncio.to_thread(self._remove, self.pod_dir(uid))

    async def _tokens_of(self, pod: Obj, volume: Obj, due: list[float]) -> dict[str, str]:
        """The tokens that a volume shows, by path; `due` gets the time of their renewal."""
        found: dict[str, str] = {}
        for source in (volume.get("projected") or {}).get("sources") or ():
            wanted = source.get("serviceAccountToken")
            if not wanted:
                continue
            try:
                token = await self._tokens.get(pod, wanted)
            except errors.StatusError as error:
                raise VolumeProblem(volume["name"], f"failed to fetch token: {error}") from error
            found[wanted["path"]] = token.text
            due.append(token.renew_at)
        return found

    def _make(
        self,
        pod: Obj,
        volume: Obj,
        *,
        objects: Mapping[Reference, Obj],
        tokens: Mapping[str, str],
    ) -> Path:
        name = volume["name"]
        try:
            if "hostPath" in volume:
                source = volume["hostPath"]
                host_path.prepare(name, source["path"], source.get("type") or "", host_root=self._host_root)
                return Path(source["path"])
            files = payload.of_volume(pod, volume, objects=objects, tokens=lambda: tokens, node=self._node)
            if files is not None:
                return self._write_files(pod, volume, files)
            return self._empty_dir(pod, volume)
        except (OSError, ConfigError) as error:
            raise VolumeProblem(name, str(error)) from error

    def _path(self, pod: Obj, volume: Obj) -> Path:
        plugin = next((_PLUGINS[kind] for kind in volume if kind in _PLUGINS), "kubernetes.io~empty-dir")
        return self.pod_dir(pod["metadata"]["uid"]) / "volumes" / plugin / volume["name"]

    def _write_files(self, pod: Obj, volume: Obj, files: Mapping[str, File]) -> Path:
        path = self._path(pod, volume)
        if "configMap" not in volume and self.may_mount:
            mounts.mount_tmpfs(path)
        atomic_writer.write(path, files, group=_fs_group(pod))
        return path

    def _empty_dir(self, pod: Obj, volume: Obj) -> Path:
        path, source = self._path(pod, volume), volume.get("emptyDir") or {}
        memory = source.get("medium") == "Memory"
        if memory and not self.may_mount:
            raise VolumeProblem(volume["name"], "emptyDir.medium Memory needs a kubelet that may mount (root)")
        if source.get("medium") not in (None, "", "Memory"):
            raise VolumeProblem(volume["name"], f"emptyDir.medium {source['medium']} is not supported")
        if path.is_dir() and (not memory or os.path.ismount(path)):
            return path
        path.mkdir(parents=True, exist_ok=True)
        if memory:
            mounts.mount_tmpfs(path, size_bytes=quantity.to_int(source.get("sizeLimit") or 0))
        os.chmod(path, 0o777)
        group = _fs_group(pod)
        if group is not None:
            atomic_writer.give_to_group(path, group, writable=True)
        return path

    def _remove(self, directory: Path) -> None:
        if not directory.exists():
            return
        if self.may_mount:
            mounts.unmount_below(directory)
        shutil.rmtree(directory)


def _fs_group(pod: Obj) -> int | None:
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return None if group is None else int(group)
