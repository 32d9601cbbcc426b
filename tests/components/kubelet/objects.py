"""Pods and runtime records for the kubelet's tests."""

from __future__ import annotations

from typing import Any

from hyperpy.components.kubelet import pod_view
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import Container, Sandbox, State

NOW = 1_700_000_000.0


def container(name: str = "web", image: str = "web:1", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": image, **more}


def pod(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    """A Pod of the node; keyword arguments go into its spec, `metadata` and `status` beside it."""
    meta = {"name": "p", "namespace": "ns", "uid": "uid-1", **more.pop("metadata", {})}
    status = more.pop("status", {})
    body = {"containers": list(containers) or [container()], **({"initContainers": list(init)} if init else {}), **more}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": body, "status": status}


def sandbox(attempt: int = 0, *, ready: bool = True) -> Sandbox:
    return Sandbox(f"s{attempt}", "ns", "p", "uid-1", attempt, ready, int(NOW * 1e9), netns="/proc/1/ns/net")


def record(
    name: str = "web",
    state: State = State.RUNNING,
    *,
    attempt: int = 0,
    exit_code: int = 0,
    image: str = "web:1",
    ended_s: float = NOW,
    sandbox_id: str = "s0",
) -> Container:
    """A container of the runtime."""
    ended = state is State.EXITED
    return Container(
        id=f"{name}-{attempt}",
        sandbox_id=sandbox_id,
        name=name,
        attempt=attempt,
        state=state,
        image=image,
        image_id="sha256:1",
        started_at_ns=int((NOW - 5) * 1e9),
        finished_at_ns=int(ended_s * 1e9) if ended else 0,
        exit_code=exit_code,
        reason=("Error" if exit_code else "Completed") if ended else "",
        annotations={spec.CONTAINER_HASH: spec.container_hash({"name": name, "image": image})},
    )


def view(*containers: Container, sandboxes: tuple[Sandbox, ...] = (sandbox(),), ip: str | None = "10.0.0.5") -> PodView:
    return pod_view.make(sandboxes, containers, ip=ip)
