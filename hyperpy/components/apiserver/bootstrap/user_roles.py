"""Default roles for people and for whoever asks: cluster-admin, admin, edit, view, discovery. Data only.

Source: "Using RBAC Authorization", "Default roles and role bindings".
"""

from __future__ import annotations

from hyperpy.components.apiserver.bootstrap.roles import ALL_VERBS, CHANGE, GROUP, READ, Binding, Role, Rule

_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_HEALTH)

_CORE = (
    "configmaps", "endpoints", "persistentvolumeclaims", "pods", "replicationcontrollers",
    "replicationcontrollers/scale", "serviceaccounts", "services",
)  # fmt: skip
_CORE_SEEN = (
    "bindings", "events", "limitranges", "namespaces", "namespaces/status", "persistentvolumeclaims/status",
    "pods/log", "pods/status", "replicationcontrollers/status", "resourcequotas", "resourcequotas/status",
    "services/status",
)  # fmt: skip
_CORE_SENSITIVE = ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy")
_APPS = (
    "daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
    "statefulsets/scale",
)  # fmt: skip
_APPS_SEEN = (
    "controllerrevisions", "daemonsets/status", "deployments/status", "replicasets/status", "statefulsets/status"
)  # fmt: skip
_NETWORKING = ("ingresses", "networkpolicies")

_VIEW = (
    Rule(READ, (*_CORE, *_CORE_SEEN)),
    Rule(READ, (*_APPS, *_APPS_SEEN), "apps"),
    Rule(READ, ("horizontalpodautoscalers", "horizontalpodautoscalers/status"), "autoscaling"),
    Rule(READ, ("cronjobs", "cronjobs/status", "jobs", "jobs/status"), "batch"),
    Rule(READ, ("endpointslices",), "discovery.k8s.io"),
    Rule(READ, ("ingresses/status", *_NETWORKING), "networking.k8s.io"),
    Rule(READ, ("poddisruptionbudgets", "poddisruptionbudgets/status"), "policy"),
)
_EDIT = (
    Rule(READ, _CORE_SENSITIVE),
    Rule(("impersonate",), ("serviceaccounts",)),
    Rule(CHANGE, (*_CORE, *_CORE_SENSITIVE, "events")),
    Rule(("create",), ("pods/eviction", "serviceaccounts/token")),
    Rule(CHANGE, (*_APPS, "deployments/rollback"), "apps"),
    Rule(CHANGE, ("horizontalpodautoscalers",), "autoscaling"),
    Rule(CHANGE, ("cronjobs", "jobs"), "batch"),
    Rule(CHANGE, _NETWORKING, "networking.k8s.io"),
    Rule(CHANGE, ("poddisruptionbudgets",), "policy"),
    Rule(ALL_VERBS, ("leases",), "coordination.k8s.io"),
)
_ADMIN = (
    Rule(("create",), ("localsubjectaccessreviews",), "authorization.k8s.io"),
    Rule(ALL_VERBS, ("rolebindings", "roles"), GROUP),
)

CLUSTER_ROLES = (
    Role("cluster-admin", (Rule(("*",), ("*",), "*"), Rule(("*",), urls=("*",)))),
    Role("admin", (*_VIEW, *_EDIT, *_ADMIN)),
    Role("edit", (*_VIEW, *_EDIT)),
    Role("view", _VIEW),
    Role("system:discovery", (Rule(("get",), urls=_DISCOVERY),)),
    Role("system:public-info-viewer", (Rule(("get",), urls=_HEALTH),)),
    Role("system:monitoring", (Rule(("get",), urls=(*_HEALTH, "/livez/*", "/readyz/*", "/metrics", "/metrics/slis")),)),
    Role(
        "system:basic-user",
        (
            Rule(("create",), ("selfsubjectaccessreviews", "selfsubjectrulesreviews"), "authorization.k8s.io"),
            Rule(("create",), ("selfsubjectreviews",), "authentication.k8s.io"),
        ),
    ),
)

BINDINGS = (
    Binding("cluster-admin", groups=("system:masters",)),
    Binding("system:discovery", groups=("system:authenticated",)),
    Binding("system:public-info-viewer", groups=("system:authenticated", "system:unauthenticated")),
    Binding("system:monitoring", groups=("system:monitoring",)),
    Binding("system:basic-user", groups=("system:authenticated",)),
)
