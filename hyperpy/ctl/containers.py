"""Which pod and container a command means: `web`, `pod/web`, `deploy/web`, with `-c` or without."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from hyperpy.api import kinds, labels, pods
from hyperpy.commands import UserError
from hyperpy.ctl.expose import selector_of
from hyperpy.ctl.session import Session

Obj = dict[str, Any]

_DEFAULT = "kubectl.kubernetes.io/default-container"


def find_pod(session: Session, words: Sequence[str]) -> Obj:
    """The pod itself, or one of those that a Deployment, a Service or the like selects.

    Raises:
        UserError: it selects none, or has no pods at all.
    """
    target = session.resources.object(words, default="pods")
    obj = session.client.get(target.kind, target.name or "", namespace=session.namespace)
    if target.kind == kinds.POD:
        return obj
    selector = labels.from_map(selector_of(target.kind, obj))
    found = session.client.list(kinds.POD, namespace=session.namespace, label_selector=str(selector))
    if not found:
        raise UserError(f"no pods of {target.kind.singular}/{target.name} were found")
    best = max(found, key=_rank)
    if len(found) > 1:
        print(f"Found {len(found)} pods, using pod/{best['metadata']['name']}", file=sys.stderr)
    return best


def find_container(pod: Obj, wanted: str) -> str:
    """The container's name: the one wanted, the annotated default, or the first, which is then said.

    Raises:
        UserError: the pod has none of that name.
    """
    spec = pod["spec"]
    mains = [container["name"] for container in spec.get("containers") or ()]
    extra = [container["name"] for container in spec.get("ephemeralContainers") or ()]
    inits = [container["name"] for container in spec.get("initContainers") or ()]
    if wanted:
        if wanted not in mains + extra + inits:
            raise UserError(f"container {wanted} not found in pod {pod['metadata']['name']}")
        return wanted
    default = (pod["metadata"].get("annotations") or {}).get(_DEFAULT)
    if default in mains:
        return str(default)
    if len(mains) + len(inits) + len(extra) > 1:
        names = [*mains, *(f"{name} (ephem)" for name in extra), *(f"{name} (init)" for name in inits)]
        print(f'Defaulted container "{mains[0]}" out of: {", ".join(names)}', file=sys.stderr)
    return str(mains[0])


def _rank(pod: Obj) -> tuple[bool, bool, str]:
    """Ready pods first, then running ones, then the newest."""
    return pods.is_ready(pod), pods.phase(pod) == "Running", pod["metadata"].get("creationTimestamp") or ""
