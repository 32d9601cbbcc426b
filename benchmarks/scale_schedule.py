"""Scheduling throughput, end to end: Nodes without kubelets, then Pods over 16 connections, until all are bound.

A stock kube-apiserver, etcd and kube-scheduler 1.20 bind 117 pods/s so on two cores, the load on the same two.
"""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from cluster import Server
from scale_figures import Goal, row

Obj = dict[str, Any]

CONNECTIONS = 16
LIMIT_S = 300.0
NAMESPACE = "sched"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


class Asker:
    """Asks over one kept connection a thread, with the standard library's client."""

    def __init__(self, connect: Callable[[], http.client.HTTPConnection]) -> None:
        self._connect = connect
        self._of = threading.local()

    def __call__(self, method: str, path: str, body: Obj | None = None) -> Obj:
        """One request that must succeed."""
        connection = getattr(self._of, "connection", None)
        if connection is None:
            connection = self._of.connection = self._connect()
        data = json.dumps(body) if body is not None else None
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:200]!r}")
        decoded: Obj = json.loads(text)
        return decoded


def measure(server: Server, *, nodes: int, pods: int) -> None:
    """Make the Nodes and the Pods, print pods a second."""
    ask = Asker(server.connect)
    ask("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    time.sleep(1.5)
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(lambda number: ask("POST", "/api/v1/nodes", node(number)), range(nodes)))
        time.sleep(2)
        began = time.monotonic()
        list(threads.map(lambda number: ask("POST", _PODS, pod(number)), range(pods)))
        made_s = time.monotonic() - began
    while _unbound(ask):
        if time.monotonic() - began > LIMIT_S:
            raise SystemExit(f"waited {LIMIT_S:g} s in vain: {_unbound(ask)} pods have no node")
        time.sleep(0.1)
    bound_s = time.monotonic() - began
    what = f"{pods} pods bound to {nodes} nodes, from the first create"
    row(what, pods / bound_s, "pods/s", Goal(500, at_least=True), beside=f"created at {pods / made_s:.0f}/s")


def node(number: int) -> Obj:
    """A Node that says it is Ready and whose kubelet nobody misses during the measurement."""
    name = f"n{number:05d}"
    amounts = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "100Gi"}
    ready = {
        "type": "Ready", "status": "True", "reason": "x", "message": "x",
        "lastHeartbeatTime": "2030-01-01T00:00:00Z", "lastTransitionTime": "2020-01-01T00:00:00Z",
    }  # fmt: skip
    labels = {"kubernetes.io/hostname": name, "bench": "yes", "topology.kubernetes.io/zone": f"z{number % 3}"}
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": amounts, "allocatable": amounts, "conditions": [ready]},
    }


def pod(number: int) -> Obj:
    """A Pod that fits any of them."""
    container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}
    spec = {"nodeSelector": {"bench": "yes"}, "containers": [container]}
    return {"metadata": {"name": f"p{number:06d}", "labels": {"app": "s"}}, "spec": spec}


def _unbound(ask: Asker) -> int:
    return len(ask("GET", f"{_PODS}?fieldSelector=spec.nodeName%3D&limit=2000")["items"])
