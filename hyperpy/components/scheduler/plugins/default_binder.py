"""DefaultBinder: binds a Pod through its `binding` subresource."""

from __future__ import annotations

from hyperpy.api import kinds
from hyperpy.client.protocol import Client
from hyperpy.components.scheduler.pod_info import PodInfo


class DefaultBinder:
    name = "DefaultBinder"

    async def bind(self, pod: PodInfo, node: str, client: Client) -> bool:
        binding = {
            "apiVersion": kinds.BINDING.api_version,
            "kind": kinds.BINDING.kind,
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"apiVersion": kinds.NODE.api_version, "kind": kinds.NODE.kind, "name": node},
        }
        await client.create(kinds.POD, binding, namespace=pod.namespace, name=pod.name, subresource="binding")
        return True
