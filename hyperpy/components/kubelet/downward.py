"""The downward API: fields of a Pod and resources of its containers as text. Pure.

Source: "Downward API", available fields.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hyperpy.api import quantity
from hyperpy.runtime.spec import ConfigError

Obj = dict[str, Any]

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What Pods may know of their node.

    Args:
        allocatable: quantities by resource name: a limit that is not set means all of it.
    """

    name: str
    host_ips: Sequence[str]
    allocatable: Mapping[str, str]


def field_value(pod: Obj, path: str, *, node: NodeFacts, pod_ips: Sequence[str]) -> str:
    """The text of a field.

    Raises:
        ConfigError: there is no such field for the downward API.
    """
    meta, spec = pod["metadata"], pod["spec"]
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript is not None:
        return str((meta.get(subscript[1]) or {}).get(subscript[2], ""))
    plain = {
        "metadata.name": meta.get("name"),
        "metadata.namespace": meta.get("namespace"),
        "metadata.uid": meta.get("uid"),
        "spec.nodeName": spec.get("nodeName") or node.name,
        "spec.serviceAccountName": spec.get("serviceAccountName") or "",
        "status.hostIP": node.host_ips[0] if node.host_ips else "",
        "status.hostIPs": ",".join(node.host_ips),
        "status.podIP": pod_ips[0] if pod_ips else "",
        "status.podIPs": ",".join(pod_ips),
    }
    if path in plain:
        return str(plain[path] or "")
    if path in ("metadata.labels", "metadata.annotations"):
        return _lines(meta.get(path.rpartition(".")[2]) or {})
    raise ConfigError(f"unsupported fieldPath: {path}")


def _lines(values: Mapping[str, str]) -> str:
    """`key="value"` lines, sorted, as Go quotes them."""
    return "\n".join(f"{key}={_quoted(values[key])}" for key in sorted(values))


def _quoted(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(char, char) for char in text) + '"'


def resource_value(pod: Obj, reference: Obj, *, default: str, node: NodeFacts) -> str:
    """A container's limit or request, divided by the divisor and rounded up.

    Args:
        reference: a ResourceFieldSelector.
        default: the container to look at when the reference names none.
    Raises:
        ConfigError: no such container or resource.
    """
    name = reference.get("containerName") or default
    container = _container(pod, name)
    where, _, resource = reference["resource"].partition(".")
    if where not in ("limits", "requests") or not resource:
        raise ConfigError(f"unsupported container resource : {reference['resource']}")
    amounts = container.get("resources") or {}
    amount = (amounts.get(where) or {}).get(resource)
    if amount is None and where == "limits":
        amount = node.allocatable.get(resource)
    divisor = quantity.parse(reference.get("divisor") or "1") or Decimal(1)
    return str(math.ceil(quantity.parse(amount or 0) / divisor))


def _container(pod: Obj, name: str) -> Obj:
    for container in [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]:
        if container["name"] == name:
            return dict(container)
    raise ConfigError(f"container {name} not found")


def secret_data(secret: Obj) -> dict[str, bytes]:
    """The entries of a Secret, decoded."""
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}
