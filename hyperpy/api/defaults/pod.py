"""Defaults of Pods and of the pod specs inside templates; a few hold for Pods only."""

from __future__ import annotations

from typing import Any

from hyperpy.api import pod_resources
from hyperpy.api.defaults import container, resources, volume

Obj = dict[str, Any]

GRACE_S = 30
_HUGE_PAGES = "hugepages-"


def apply(pod: Obj) -> None:
    """Defaults of a Pod."""
    spec = pod.setdefault("spec", {})
    template_spec(spec)
    for one in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        _request_what_is_limited(one)
    if spec.get("resources"):
        _complete_own(pod)
    if spec.get("hostNetwork"):
        for one in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            for port in one.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]
    if "enableServiceLinks" not in spec:
        spec["enableServiceLinks"] = True


def _complete_own(pod: Obj) -> None:
    """What a pod asks for as a whole: as much as its containers, and where they do not say, as much as its limit."""
    own = pod["spec"]["resources"]
    limits = dict(own.get("limits") or {})
    for name, amount in pod_resources.of_containers(pod, pod_resources.LIMITS).items():
        if name.startswith(_HUGE_PAGES):
            limits.setdefault(name, amount)
    if not limits:
        return
    requests = dict(own.get("requests") or {})
    for name, amount in pod_resources.of_containers(pod, pod_resources.REQUESTS).items():
        if name in ("cpu", "memory"):
            requests.setdefault(name, amount)
    for name, amount in limits.items():
        if name in ("cpu", "memory") or name.startswith(_HUGE_PAGES):
            requests.setdefault(name, amount)
    own["limits"], own["requests"] = limits, requests


def template_spec(spec: Obj) -> None:
    """Defaults of a pod spec wherever it stands."""
    if not spec.get("dnsPolicy"):
        spec["dnsPolicy"] = "ClusterFirst"
    if not spec.get("restartPolicy"):
        spec["restartPolicy"] = "Always"
    if not spec.get("schedulerName"):
        spec["schedulerName"] = "default-scheduler"
    if "securityContext" not in spec:
        spec["securityContext"] = {}
    if "terminationGracePeriodSeconds" not in spec:
        spec["terminationGracePeriodSeconds"] = GRACE_S
    for one in spec.get("volumes") or ():
        volume.apply(one)
    for name in ("containers", "initContainers", "ephemeralContainers"):
        for one in spec.get(name) or ():
            container.apply(one)
    resources.round_up(spec.get("overhead"))


def _request_what_is_limited(one: Obj) -> None:
    """A limit without a request requests as much. Source: Concepts, "Resource Management for Pods and Containers"."""
    wanted = one.get("resources")
    limits = wanted.get("limits") if wanted else None
    if not wanted or not limits:
        return
    requests = wanted.get("requests")
    if requests is None:
        wanted["requests"] = dict(limits)
        return
    for name, value in limits.items():
        requests.setdefault(name, value)
