"""Per-kind rules of creating, updating and deleting: a table of Strategy rows, found by `strategy.of(kind)`."""

from __future__ import annotations

from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.strategy import (
    apiservice,
    apps,
    batch,
    bounds,
    cluster,
    extensions,
    persistentvolume,
    platform,
    pod,
    service,
)
from hyperpy.components.apiserver.strategy.base import Strategy

__all__ = ["Strategy", "of"]

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_UPSERTED = Strategy(create_on_update=True)
_COUNTED = Strategy(generation=True)

TABLE: dict[tuple[str, str], Strategy] = {
    ("", "pods"): pod.POD,
    ("apiregistration.k8s.io", "apiservices"): apiservice.API_SERVICE,
    ("", "services"): service.SERVICE,
    ("", "namespaces"): cluster.NAMESPACE,
    ("", "nodes"): cluster.NODE,
    ("", "secrets"): cluster.SECRET,
    ("", "serviceaccounts"): Strategy(returns_deleted=True),
    ("", "endpoints"): _UPSERTED,
    ("", "events"): Strategy(create_on_update=True, expires=True),
    **apps.STRATEGIES,
    **batch.STRATEGIES,
    **persistentvolume.STRATEGIES,
    **bounds.STRATEGIES,
    ("coordination.k8s.io", "leases"): Strategy(create_on_update=True, needs_resource_version=True),
    ("discovery.k8s.io", "endpointslices"): Strategy(generation=True),
    ("apiextensions.k8s.io", "customresourcedefinitions"): extensions.DEFINITION,
    (_ADMISSION, "mutatingwebhookconfigurations"): _COUNTED,
    (_ADMISSION, "validatingwebhookconfigurations"): _COUNTED,
    (_ADMISSION, "validatingadmissionpolicybindings"): _COUNTED,
    **platform.STRATEGIES,
    (_RBAC, "roles"): _UPSERTED,
    (_RBAC, "rolebindings"): _UPSERTED,
    (_RBAC, "clusterroles"): _UPSERTED,
    (_RBAC, "clusterrolebindings"): _UPSERTED,
}

_PLAIN = Strategy()
_WITH_STATUS = Strategy(generation=True)


def of(kind: Kind) -> Strategy:
    """The rules of a kind; one that is not in the table counts generations when it has a status."""
    known = TABLE.get((kind.group, kind.plural))
    if known is not None:
        return known
    if kind.definition is not None:
        return extensions.CUSTOM if "status" in kind.subresources else extensions.CUSTOM_WITHOUT_STATUS
    return _WITH_STATUS if "status" in kind.subresources else _PLAIN
