"""What keeping managedFields costs: CPU of the account alone, for a Pod of two containers.

usage: benchmarks/managed_fields.py [--rounds 2000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from hyperpy.api import apply, kinds, schema
from hyperpy.api.apply import fieldset, managers, shape, zero
from hyperpy.api.apply.shape import Shape

Obj = dict[str, Any]

_CONTAINER: Obj = {
    "image": "nginx:1.25",
    "imagePullPolicy": "IfNotPresent",
    "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}, {"containerPort": 443, "protocol": "TCP"}],
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    "readinessProbe": {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "periodSeconds": 10},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_TIMES = ("Initialized", "Ready", "ContainersReady", "PodScheduled")


class OneVersion:
    """Pods have one version."""

    def shape(self, api_version: str) -> Shape | None:
        return shape.of(schema.of(kinds.POD).root)

    def convert(self, obj: Obj, api_version: str) -> Obj:
        return obj


def pod(**parts: Any) -> Obj:
    containers = [{**_CONTAINER, "name": name} for name in ("one", "two")]
    spec = {"containers": containers, "volumes": [{"name": "data", "emptyDir": {}}], "restartPolicy": "Always"}
    metadata = {"name": "web", "namespace": "default", "labels": {"app": "web", "tier": "front"}}
    return fresh({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, **parts})


def status(minute: int) -> Obj:
    time_of = f"2024-01-01T00:{minute:02}:00Z"
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": time_of} for kind in _TIMES]
    return {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}], "conditions": conditions}


def fresh(obj: Obj) -> Obj:
    """A copy that shares nothing, as decoded objects do."""
    copy: Obj = orjson.loads(orjson.dumps(obj))
    return copy


def measured(name: str, rounds: int, run: Callable[[], object]) -> None:
    run()
    began = time.process_time()
    for _ in range(rounds):
        run()
    print(f"{name:30}{(time.process_time() - began) / rounds * 1e6:8.1f} µs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    own = fieldset.union(apply.SYSTEM_FIELDS, fieldset.of_paths(("status",)))
    write = apply.Operation("kubectl", "v1", "", own, "2024-01-01T00:00:00Z", OneVersion())
    kubelet = replace(
        write, manager="kubelet", subresource="status",
        passed_over=fieldset.union(apply.SYSTEM_FIELDS, fieldset.of_paths(("spec",))),
    )  # fmt: skip
    start = {"apiVersion": "v1", "kind": "Pod", **zero.built_in("io.k8s.api.core.v1.Pod")}
    made, before, after, again = (pod(status=part) for part in ({}, status(1), status(2), status(1)))
    labelled = pod(status=status(1))
    labelled["metadata"]["annotations"] = {"a": "b"}
    entries = managers.encode(apply.update(made, before, apply.update(start, made, {}, write), kubelet))

    def known() -> managers.Managed:
        return managers.decode(entries, trusted=True)

    measured("create", rounds, lambda: managers.encode(apply.update(start, made, {}, write)))
    measured("the first status", rounds, lambda: managers.encode(apply.update(made, before, known(), kubelet)))
    measured("a later status", rounds, lambda: managers.encode(apply.update(before, after, known(), kubelet)))
    measured("an annotation", rounds, lambda: managers.encode(apply.update(before, labelled, known(), write)))
    measured("nothing changed", rounds, lambda: apply.update(before, again, known(), write))
    print(f"{'size of the Pod':30}{len(orjson.dumps(before)):8} bytes, of managedFields {len(orjson.dumps(entries))}")


if __name__ == "__main__":
    main()
