"""A pending Pod with everything that plugins ask of it worked out once. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import meta
from hyperpy.components.scheduler.resources import Amounts, pod_requests

Obj = Mapping[str, Any]

HostPort = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class PodInfo:
    """`host_ports` are (protocol, host address or 0.0.0.0, port)."""

    obj: Obj
    key: str
    uid: str
    priority: int
    requests: Amounts
    scored_requests: Amounts
    host_ports: Sequence[HostPort]

    @property
    def spec(self) -> Obj:
        return self.obj["spec"]


def read(pod: Obj) -> PodInfo:
    """Work a Pod out."""
    return PodInfo(
        obj=pod,
        key=meta.key(dict(pod)),
        uid=pod["metadata"].get("uid", ""),
        priority=pod["spec"].get("priority") or 0,
        requests=pod_requests(pod),
        scored_requests=pod_requests(pod, with_defaults=True),
        host_ports=tuple(_host_ports(pod)),
    )


def _host_ports(pod: Obj) -> list[HostPort]:
    return [
        (port.get("protocol") or "TCP", port.get("hostIP") or "0.0.0.0", port["hostPort"])
        for container in pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]
