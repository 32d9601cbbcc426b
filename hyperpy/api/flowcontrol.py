"""The flow schemas and priority levels that every cluster has: the mandatory and the suggested ones. Data.

Source: Kubernetes' documentation, "API Priority and Fairness", "Defaults".
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

AUTO_UPDATE = "apf.kubernetes.io/autoupdate-spec"
_BY_USER, _BY_NAMESPACE = "ByUser", "ByNamespace"
_EVERYBODY = ("system:unauthenticated", "system:authenticated")
_LEADER_VERBS = ("get", "create", "update")


def _groups(*names: str) -> list[Obj]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _users(*names: str) -> list[Obj]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


def _accounts(*names: str) -> list[Obj]:
    """Service accounts of kube-system."""
    return [{"kind": "ServiceAccount", "serviceAccount": {"name": name, "namespace": "kube-system"}} for name in names]


def _on(
    resources: tuple[str, ...], group: str = "", *, verbs: tuple[str, ...] = ("*",), cluster_scope: bool = False
) -> Obj:
    rule = {"verbs": list(verbs), "apiGroups": [group], "resources": list(resources), "namespaces": ["*"]}
    return {**rule, "clusterScope": True} if cluster_scope else rule


_ALL_RESOURCES = _on(("*",), "*", cluster_scope=True)
_ALL_URLS = {"verbs": ["*"], "nonResourceURLs": ["*"]}
_PROBES = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}


def _rule(subjects: list[Obj], resources: list[Obj], urls: list[Obj]) -> Obj:
    rule: Obj = {"subjects": subjects}
    if resources:
        rule["resourceRules"] = resources
    if urls:
        rule["nonResourceRules"] = urls
    return rule


def _schema(level: str, precedence: int, method: str, rule: Obj) -> Obj:
    spec: Obj = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
    if method:
        spec["distinguisherMethod"] = {"type": method}
    return {**spec, "rules": [rule]}


def _everything(level: str, precedence: int, method: str, subjects: list[Obj]) -> Obj:
    return _schema(level, precedence, method, _rule(subjects, [_ALL_RESOURCES], [_ALL_URLS]))


def _some(level: str, precedence: int, subjects: list[Obj], *resources: Obj) -> Obj:
    return _schema(level, precedence, _BY_USER, _rule(subjects, list(resources), []))


def _limited(shares: int, lendable: int, queues: int = 0, hand: int = 0) -> Obj:
    response: Obj = {"type": "Reject"}
    if queues:
        queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
        response = {"type": "Queue", "queuing": queuing}
    limited = {"nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response}
    return {"type": "Limited", "limited": limited}


_LEASES = _on(("leases",), "coordination.k8s.io", verbs=_LEADER_VERBS)
_CONTROLLER_MANAGER, _SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"

#: Specs by name. The mandatory ones are as they are; the suggested ones may be changed by whoever turns off the
#: annotation AUTO_UPDATE.
MANDATORY_LEVELS = {
    "exempt": {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}},
    "catch-all": _limited(5, 0),
}
SUGGESTED_LEVELS = {
    "system": _limited(30, 33, 64, 6),
    "node-high": _limited(40, 25, 64, 6),
    "leader-election": _limited(10, 0, 16, 4),
    "workload-high": _limited(40, 50, 128, 6),
    "workload-low": _limited(100, 90, 128, 6),
    "global-default": _limited(20, 50, 128, 6),
}
MANDATORY_SCHEMAS = {
    "exempt": _everything("exempt", 1, "", _groups("system:masters")),
    "catch-all": _everything("catch-all", 10000, _BY_USER, _groups(*_EVERYBODY)),
}
SUGGESTED_SCHEMAS = {
    "probes": _schema("exempt", 2, "", _rule(_groups(*_EVERYBODY), [], [_PROBES])),
    "system-leader-election": _some(
        "leader-election", 100, [*_users(_CONTROLLER_MANAGER, _SCHEDULER), *_accounts("*")], _LEASES
    ),
    "endpoint-controller": _some(
        "workload-high", 150,
        [*_users(_CONTROLLER_MANAGER), *_accounts("endpoint-controller", "endpointslicemirroring-controller")],
        _on(("endpoints",), verbs=_LEADER_VERBS),
    ),
    "workload-leader-election": _some(
        "leader-election", 200, _accounts("*"), _on(("endpoints", "configmaps"), verbs=_LEADER_VERBS), _LEASES
    ),
    "system-node-high": _some(
        "node-high", 400, _groups("system:nodes"), _on(("nodes", "nodes/status"), cluster_scope=True),
        _on(("leases",), "coordination.k8s.io"),
    ),
    "system-nodes": _everything("system", 500, _BY_USER, _groups("system:nodes")),
    "kube-controller-manager": _everything("workload-high", 800, _BY_NAMESPACE, _users(_CONTROLLER_MANAGER)),
    "kube-scheduler": _everything("workload-high", 800, _BY_NAMESPACE, _users(_SCHEDULER)),
    "kube-system-service-accounts": _everything("workload-high", 900, _BY_NAMESPACE, _accounts("*")),
    "service-accounts": _everything("workload-low", 9000, _BY_USER, _groups("system:serviceaccounts")),
    "global-default": _everything("global-default", 9900, _BY_USER, _groups(*_EVERYBODY)),
}  # fmt: skip
