"""The Pods behind a Service: which count, by which addresses and ports. Pure.

Source: the documentation of Service ("Multi-port Services", `publishNotReadyAddresses`, named target ports) and the API
reference of EndpointConditions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hyperpy.api import meta, pods
from hyperpy.client.protocol import Obj

IPV4, IPV6 = "IPv4", "IPv6"


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a Pod answers on, under the Service's name for it."""

    name: str
    number: int
    protocol: str
    app_protocol: str | None = None

    def as_object(self) -> Obj:
        """As Endpoints and EndpointSlices carry it."""
        port: Obj = {"name": self.name, "port": self.number, "protocol": self.protocol}
        return {**port, "appProtocol": self.app_protocol} if self.app_protocol else port


@dataclass(frozen=True, slots=True)
class Backend:
    """A Pod behind a Service.

    Args:
        serving: it is ready, leaving or not.
        leaving: it is being deleted.
        ready: traffic may be sent to it: serving and not leaving, or the Service publishes all.
    """

    pod: Obj
    ports: tuple[Port, ...]
    serving: bool
    leaving: bool
    ready: bool

    @property
    def target(self) -> Obj:
        """The reference by which an endpoint names its Pod."""
        about = self.pod["metadata"]
        return {"kind": "Pod", "namespace": about["namespace"], "name": about["name"], "uid": about["uid"]}


def selected(service: Obj, candidates: Sequence[Obj]) -> Iterator[Backend]:
    """The backends among Pods that the Service's selector matches: those with an address that have not ended."""
    publish_all = bool(service["spec"].get("publishNotReadyAddresses"))
    for pod in candidates:
        if pods.is_terminal(pod) or not pod.get("status", {}).get("podIP"):
            continue
        serving, leaving = pods.is_ready(pod), meta.is_deleting(pod)
        yield Backend(
            pod=pod,
            ports=tuple(_ports(service, pod)),
            serving=serving,
            leaving=leaving,
            ready=publish_all or (serving and not leaving),
        )


def is_headless(service: Obj) -> bool:
    """It has no address of its own: clients are given the Pods'."""
    return service["spec"].get("clusterIP") == "None"


def address(pod: Obj, family: str) -> str | None:
    """The Pod's address of a family, or None."""
    status = pod.get("status") or {}
    found = [entry["ip"] for entry in status.get("podIPs") or ()] or [status.get("podIP")]
    for text in found:
        if text and family_of(text) == family:
            return str(text)
    return None


@lru_cache(maxsize=4096)
def family_of(text: str) -> str:
    """IPv4 or IPv6. Raises ValueError: it is no address."""
    return IPV6 if ipaddress.ip_address(text).version == 6 else IPV4


def hostname(service: Obj, pod: Obj) -> str | None:
    """The Pod's own name under a headless Service, or None."""
    spec = pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        return str(spec["hostname"])
    return None


def _ports(service: Obj, pod: Obj) -> Iterator[Port]:
    for port in service["spec"].get("ports") or ():
        protocol = port.get("protocol", "TCP")
        number = _target(pod, port.get("targetPort", port["port"]), protocol)
        if number is not None:
            yield Port(port.get("name", ""), number, protocol, port.get("appProtocol"))


def _target(pod: Obj, target: int | str, protocol: str) -> int | None:
    """A target port by number, or by the name that one of the Pod's containers gives it."""
    if isinstance(target, int):
        return target
    sidecars = [each for each in pod["spec"].get("initContainers") or () if pods.is_sidecar(each)]
    for container in [*pod["spec"].get("containers", ()), *sidecars]:
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None
