"""Defaulting: the values that fields get when nobody gives them, as the API server fills them in before admission.

Source: the functions `SetDefaults_*` of Kubernetes' API packages (v1.34), behaviour only. A function works in place on
a decoded object (see `schema.Schema.decode`), may run again on its own result without changing it, and treats the zero
value of a plain Go field ("" or 0) as absent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from hyperpy.api import schema
from hyperpy.api.defaults import (
    admission,
    apiservice,
    autoscaling,
    batch,
    cluster,
    devices,
    extensions,
    flowcontrol,
    limits,
    network,
    persistentvolume,
    pod,
    rbac,
    storage,
    workload,
)
from hyperpy.api.kinds import Kind

Obj = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
_BY_KIND: dict[tuple[str, str], Callable[[Obj], None]] = {
    ("", "Pod"): pod.apply,
    **workload.DEFAULTS,
    **apiservice.DEFAULTS,
    **batch.DEFAULTS,
    **autoscaling.DEFAULTS,
    **persistentvolume.DEFAULTS,
    **limits.DEFAULTS,
    **devices.DEFAULTS,
    **admission.DEFAULTS,
    **storage.DEFAULTS,
    **flowcontrol.DEFAULTS,
    **extensions.DEFAULTS,
    ("", "Service"): network.service,
    ("", "Endpoints"): network.endpoints,
    ("discovery.k8s.io", "EndpointSlice"): network.endpoint_slice,
    ("networking.k8s.io", "NetworkPolicy"): network.network_policy,
    ("networking.k8s.io", "IngressClass"): network.ingress_class,
    ("", "Namespace"): cluster.namespace,
    ("", "Node"): cluster.node,
    ("", "Secret"): cluster.secret,
    (_RBAC, "RoleBinding"): rbac.binding,
    (_RBAC, "ClusterRoleBinding"): rbac.binding,
}


def apply(kind: Kind, obj: Obj) -> None:
    """Fill in what is absent, in place; kinds without a row have no defaults but an empty spec and status."""
    if kind.definition is not None:
        kind.definition.default(obj)
        return
    for part in _parts(kind):
        if obj.get(part) is None:
            obj[part] = {}
    function = _BY_KIND.get((kind.group, kind.kind))
    if function is not None:
        function(obj)


@cache
def _parts(kind: Kind) -> tuple[str, ...]:
    """`spec` and `status`, as far as the kind has them: plain structs in Go, so they are always there on the wire."""
    root = schema.of(kind).root
    return tuple(part for part in ("spec", "status") if root.property(part) is not None)
