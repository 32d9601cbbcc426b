"""What a Pod asks of a node: CPU, memory, other resources and host ports. Pure.

Source: Concepts, "Resource Management for Pods and Containers", "Sidecar Containers" and "Pod Overhead"; for scoring, a
container that names no request counts as 100m CPU and 200Mi, as in kube-scheduler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hyperpy.api import pods, quantity
from hyperpy.client.protocol import Obj

CPU, MEMORY, EPHEMERAL = "cpu", "memory", "ephemeral-storage"
UNNAMED_CPU_MILLIS = 100
UNNAMED_MEMORY_BYTES = 200 * 1024 * 1024

Amounts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Requests:
    """Amounts: CPU in thousandths of a core, everything else in whole units.

    Args:
        other: everything beside CPU and memory that is not 0, by resource name.
        scored_cpu, scored_memory: the same with a guess for containers that name none.
    """

    cpu: int
    memory: int
    other: Mapping[str, int]
    scored_cpu: int
    scored_memory: int

    @property
    def nothing(self) -> bool:
        """No request at all: the Pod takes what it gets."""
        return not (self.cpu or self.memory or self.other)


def of_pod(pod: Obj) -> Requests:
    """What the Pod asks of its node at its hungriest moment."""
    spec = pod["spec"]
    exact = _total(spec, guess=False)
    scored = _total(spec, guess=True)
    whole = (spec.get("resources") or {}).get("requests")
    if whole:
        exact.update(amounts(whole))
        scored.update(amounts(whole))
    overhead = amounts(spec.get("overhead") or {})
    _add(exact, overhead)
    _add(scored, overhead)
    return Requests(
        cpu=exact.pop(CPU, 0),
        memory=exact.pop(MEMORY, 0),
        other={name: amount for name, amount in exact.items() if amount},
        scored_cpu=scored.get(CPU, 0),
        scored_memory=scored.get(MEMORY, 0),
    )


def amounts(resources: Mapping[str, str]) -> Amounts:
    """Quantities by resource name, as numbers."""
    return {
        name: quantity.to_millis(value) if name == CPU else quantity.to_int(value) for name, value in resources.items()
    }


def host_ports(pod: Obj) -> tuple[tuple[str, str, int], ...]:
    """The ports of the node that the Pod takes: address, protocol, number."""
    spec = pod["spec"]
    found = []
    sidecars = [each for each in spec.get("initContainers") or () if pods.is_sidecar(each)]
    for container in [*spec.get("containers", ()), *sidecars]:
        for port in container.get("ports") or ():
            number = port.get("hostPort")
            if number:
                found.append((port.get("hostIP") or "0.0.0.0", port.get("protocol", "TCP"), int(number)))
    return tuple(found)


def _total(spec: Obj, *, guess: bool) -> Amounts:
    """Main containers and sidecars together, or the hungriest init container with the sidecars before it."""
    total: Amounts = {}
    for container in spec.get("containers", ()):
        _add(total, _of_container(container, guess=guess))
    beside: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _of_container(container, guess=guess)
        _add(own, beside)
        if pods.is_sidecar(container):
            _add(total, _of_container(container, guess=guess))
            beside = dict(own)
        _raise(peak, own)
    _raise(total, peak)
    return total


def _of_container(container: Obj, *, guess: bool) -> Amounts:
    found = amounts((container.get("resources") or {}).get("requests") or {})
    if guess:
        found.setdefault(CPU, UNNAMED_CPU_MILLIS)
        found.setdefault(MEMORY, UNNAMED_MEMORY_BYTES)
    return found


def _add(total: Amounts, more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _raise(total: Amounts, peak: Mapping[str, int]) -> None:
    for name, amount in peak.items():
        total[name] = max(total.get(name, 0), amount)
