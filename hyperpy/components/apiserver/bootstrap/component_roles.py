"""Default roles of the cluster's own components: nodes, proxy, scheduler, controllers, DNS. Data only.

All controllers run as `system:kube-controller-manager`, so that role has what any of them needs; emptying namespaces
and collecting garbage needs to list and delete whatever kind there is. Nodes get `system:node` by their group.
Source: "Using RBAC Authorization", "Core component roles".
"""

from __future__ import annotations

from hyperpy.components.apiserver.bootstrap.roles import READ, Binding, Role, Rule

_COORDINATION, _DISCOVERY = "coordination.k8s.io", "discovery.k8s.io"
_AUTHENTICATION, _AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"
_RECORD = ("create", "patch", "update")
_KEEP = ("create", "get", "list", "watch", "patch", "update")
_FULL = ("create", "delete", "get", "list", "patch", "update", "watch")

_EVENTS = (Rule(_RECORD, ("events",)), Rule(_RECORD, ("events",), "events.k8s.io"))
_REVIEWS = (
    Rule(("create",), ("tokenreviews",), _AUTHENTICATION),
    Rule(("create",), ("subjectaccessreviews",), _AUTHORIZATION),
)

_NODE = (
    *_EVENTS,
    *_REVIEWS,
    Rule(READ, ("services", "endpoints", "namespaces")),
    Rule(_FULL, ("nodes",)),
    Rule(("patch", "update"), ("nodes/status",)),
    Rule(("create", "delete", *READ), ("pods",)),
    Rule(("get", "patch", "update"), ("pods/status",)),
    Rule(("create",), ("pods/eviction", "serviceaccounts/token")),
    Rule(READ, ("configmaps", "secrets", "persistentvolumeclaims", "persistentvolumes", "serviceaccounts")),
    Rule(_FULL, ("leases",), _COORDINATION),
    Rule(("create", *READ), ("certificatesigningrequests",), "certificates.k8s.io"),
    Rule(READ, ("csidrivers",), "storage.k8s.io"),
    Rule(READ, ("runtimeclasses",), "node.k8s.io"),
)
_PROXY = (
    *_EVENTS,
    Rule(READ, ("services", "endpoints", "nodes")),
    Rule(READ, ("endpointslices",), _DISCOVERY),
    Rule(READ, ("servicecidrs",), "networking.k8s.io"),
)
_SCHEDULER = (
    *_EVENTS,
    *_REVIEWS,
    Rule(_KEEP, ("leases",), _COORDINATION),
    Rule(READ, ("nodes", "namespaces", "replicationcontrollers", "services")),
    Rule(("delete", *READ), ("pods",)),
    Rule(("create",), ("bindings", "pods/binding")),
    Rule(("patch", "update"), ("pods/status",)),
    Rule(("get", "list", "patch", "update", "watch"), ("persistentvolumeclaims", "persistentvolumes")),
    Rule(READ, ("replicasets", "statefulsets"), "apps"),
    Rule(READ, ("poddisruptionbudgets",), "policy"),
    Rule(READ, ("csidrivers", "csinodes", "csistoragecapacities", "storageclasses", "volumeattachments"),
         "storage.k8s.io"),
)  # fmt: skip
_CONTROLLERS = (
    *_EVENTS,
    *_REVIEWS,
    Rule(("get", "list", "watch", "patch", "update", "delete", "deletecollection"), ("*",), "*"),
    Rule(_FULL, ("leases",), _COORDINATION),
    Rule(("create",), ("configmaps", "endpoints", "namespaces", "pods", "secrets", "serviceaccounts")),
    Rule(("create",), ("serviceaccounts/token", "pods/eviction")),
    Rule(("create",), ("persistentvolumeclaims", "persistentvolumes")),
    Rule(("create",), ("replicasets", "controllerrevisions"), "apps"),
    Rule(("create",), ("jobs",), "batch"),
    Rule(("create",), ("endpointslices",), _DISCOVERY),
    Rule(("create",), ("volumeattachments",), "storage.k8s.io"),
    Rule(("escalate",), ("clusterroles",), "rbac.authorization.k8s.io"),
    Rule(("approve", "sign"), ("signers",), "certificates.k8s.io"),
    Rule(("get",), urls=("/api", "/api/*", "/apis", "/apis/*")),
)
_DNS = (
    Rule(READ, ("endpoints", "services", "pods", "namespaces")),
    Rule(READ, ("endpointslices",), _DISCOVERY),
)
_BOOTSTRAPPER = (Rule(("create", *READ), ("certificatesigningrequests",), "certificates.k8s.io"),)
_PROBLEM_DETECTOR = (
    Rule(("get",), ("nodes",)),
    Rule(("patch",), ("nodes/status",)),
    *_EVENTS,
)
_PROVISIONER = (
    Rule(("create", "delete", *READ), ("persistentvolumes",)),
    Rule(("get", "list", "update", "watch"), ("persistentvolumeclaims",)),
    Rule(READ, ("storageclasses",), "storage.k8s.io"),
    Rule(("watch",), ("events",)),
    *_EVENTS,
)
_AGGREGATOR = (Rule(READ, ("endpoints", "services")),)
_VOLUME_SCHEDULER = (
    Rule(("get", "list", "patch", "update", "watch"), ("persistentvolumes",)),
    Rule(READ, ("storageclasses",), "storage.k8s.io"),
    Rule(("get", "list", "patch", "update", "watch"), ("persistentvolumeclaims",)),
)
_KUBELET_API = (
    Rule(READ, ("nodes",)),
    Rule(("*",), ("nodes/log", "nodes/metrics", "nodes/proxy", "nodes/stats", "nodes/pods", "nodes/healthz")),
)

CLUSTER_ROLES = (
    Role("system:node", _NODE),
    Role("system:node-proxier", _PROXY),
    Role("system:kube-scheduler", _SCHEDULER),
    Role("system:kube-controller-manager", _CONTROLLERS),
    Role("system:kube-dns", _DNS),
    Role("system:kubelet-api-admin", _KUBELET_API),
    Role("system:auth-delegator", _REVIEWS),
    Role("system:node-bootstrapper", _BOOTSTRAPPER),
    Role("system:node-problem-detector", _PROBLEM_DETECTOR),
    Role("system:persistent-volume-provisioner", _PROVISIONER),
    Role("system:kube-aggregator", _AGGREGATOR),
    Role("system:volume-scheduler", _VOLUME_SCHEDULER),
)

BINDINGS = (
    Binding("system:node", groups=("system:nodes",)),
    Binding("system:node-proxier", users=("system:kube-proxy",)),
    Binding("system:kube-scheduler", users=("system:kube-scheduler",)),
    Binding("system:kube-controller-manager", users=("system:kube-controller-manager",)),
)
