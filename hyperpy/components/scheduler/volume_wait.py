"""What one Pod was promised of volumes: assumed when it is decided on, written, then waited for until it is bound."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from hyperpy.api import meta, volume_binding
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler import pod_volumes
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.pod_volumes import Placement

#: So long binder and provisioners have. Source: `bindTimeoutSeconds` of kube-scheduler's VolumeBindingArgs.
TIMEOUT_S = 600.0


class VolumeWait:
    """The volumes of one Pod on the node that was chosen.

    Args:
        placement: what its claims get there.
    """

    def __init__(self, pod: PodInfo, node: str, placement: Placement, cluster: ClusterState) -> None:
        self._pod = pod
        self._node = node
        self._cluster = cluster
        self._state = cluster.volumes
        self._names = [volume["metadata"]["name"] for _, volume in placement.static]
        self._bound = [meta.key(claim) for claim, _ in placement.static]
        self._made = [meta.key(claim) for claim in placement.provision]
        #: What is to be written; what another Pod of the same claim has seen to is not.
        self.volumes = [
            bound
            for claim, volume in placement.static
            if (bound := volume_binding.bound_volume(volume, claim)) is not volume
        ]
        self.claims = [
            volume_binding.annotated(claim, {volume_binding.SELECTED_NODE: node})
            for claim in placement.provision
            if volume_binding.annotation(claim, volume_binding.SELECTED_NODE) is None
        ]

    def assume(self) -> None:
        """Nobody else gets these volumes, and other Pods of these claims go to this node."""
        for volume in self.volumes:
            self._state.volumes.lay(volume)
        for claim in self.claims:
            self._state.claims.lay(claim)

    def give_back(self) -> None:
        """Take that back, but for what is written."""
        for volume in self.volumes:
            self._state.volumes.lift(volume)
        for claim in self.claims:
            self._state.claims.lift(claim)

    def written(self, answer: Obj, assumed: Obj) -> None:
        """One of `volumes` or `claims` is written; from now on the answer counts, until the cache is newer."""
        for held, shelf in ((self.volumes, self._state.volumes), (self.claims, self._state.claims)):
            if any(each is assumed for each in held):
                held[:] = [each for each in held if each is not assumed]
                shelf.lay(answer)

    async def run(self) -> str:
        """Wait until every claim is bound.

        Returns:
            "", or why the Pod cannot be bound here.
        """
        changed = asyncio.Event()
        clock = self._state.clock
        with self._state.watched((*self._bound, *self._made), changed.set):
            timer = asyncio.ensure_future(clock.sleep(TIMEOUT_S))
            timer.add_done_callback(lambda _: changed.set())
            try:
                while (problem := self._problem()) is None:
                    if timer.done():
                        return "binding volumes: context deadline exceeded"
                    changed.clear()
                    await changed.wait()
            finally:
                timer.cancel()
        return problem and f"binding volumes: {problem}"

    def _problem(self) -> str | None:
        """Why it is in vain, "" when all is bound, None while it is not."""
        if self._cluster.pod(self._pod.uid) is None:
            return "pod does not exist any more"
        claims = {key: self._state.claims.get(key) for key in (*self._bound, *self._made)}
        for key, claim in claims.items():
            if claim is None:
                return f'persistentvolumeclaim "{key.partition("/")[2]}" not found'
        for problem in (*self._unbound_again(), *self._refused(claims)):
            return problem
        return "" if all(claim and volume_binding.is_bound(claim) for claim in claims.values()) else None

    def _unbound_again(self) -> Iterator[str]:
        for name in self._names:
            volume = self._state.volumes.get(name)
            if volume is None:
                yield f'persistentvolume "{name}" not found'
            elif not (volume["spec"].get("claimRef") or {}).get("uid"):
                yield f'ClaimRef got reset for pv "{name}"'

    def _refused(self, claims: dict[str, Obj | None]) -> Iterator[str]:
        node = self._cluster.node(self._node)
        for key in self._made:
            claim = claims[key]
            assert claim is not None
            if volume_binding.annotation(claim, volume_binding.SELECTED_NODE) != self._node:
                yield f'provisioning failed for PVC "{claim["metadata"]["name"]}"'
            volume = self._state.volumes.get(claim["spec"].get("volumeName") or "")
            if volume is not None and node is not None and not pod_volumes.fits_node(volume, node, self._state):
                name = volume["metadata"]["name"]
                yield f'pv "{name}" node affinity doesn\'t match node "{self._node}"'
