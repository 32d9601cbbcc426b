"""Default roles for people and for whoever asks: cluster-admin, admin, edit, view, discovery. Data only.

Source: "Using RBAC Authorization", "Default roles and role bindings".
"""

from __future__ import annotations

from hyperpy.components.apiserver.bootstrap.roles import ALL_VERBS, CHANGE, GROUP, READ, Binding, Role, Rule

_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_HEALTH)

_CORE = (
    "configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "replicationcontrollers/scale",
    "serviceaccounts", "services",
)  # fmt: skip
# Whoever could write endpoints could send the traffic of a Service anywhere (CVE-2021-25740).
_CORE_SEEN = (
    "bindings", "endpoints", "events", "limitranges", "namespaces", "namespaces/status",
    "persistentvolumeclaims/status", "pods/log", "pods/status", "replicationcontrollers/status",
    "resourcequotas", "resourcequotas/status", "services/status",
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
_DEVICES = ("resourceclaims", "resourceclaimtemplates")

_VIEW = (
    Rule(READ, (*_CORE, *_CORE_SEEN)),
    Rule(READ, (*_APPS, *_APPS_SEEN), "apps"),
    Rule(READ, ("horizontalpodautoscalers", "horizontalpodautoscalers/status"), "autoscaling"),
    Rule(READ, ("cronjobs", "cronjobs/status", "jobs", "jobs/status"), "batch"),
    Rule(READ, ("endpointslices",), "discovery.k8s.io"),
    Rule(READ, ("ingresses/status", *_NETWORKING), "networking.k8s.io"),
    Rule(READ, ("poddisruptionbudgets", "poddisruptionbudgets/status"), "policy"),
    Rule(READ, ("resourceclaims/status", *_DEVICES), "resource.k8s.io"),
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
    Rule(CHANGE, _DEVICES, "resource.k8s.io"),
    Rule(ALL_VERBS, ("leases",), "coordination.k8s.io"),
)
_ADMIN = (
    Rule(("create",), ("localsubjectaccessreviews",), "authorization.k8s.io"),
    Rule(ALL_VERBS, ("rolebindings", "roles"), GROUP),
)

_CERTIFICATES = "certificates.k8s.io"


def _signer_roles() -> list[Role]:
    """Roles that approve requests for the certificates of Kubernetes' own signers."""
    found = []
    for role, signer in (
        ("kube-apiserver-client-approver", "kube-apiserver-client"),
        ("kube-apiserver-client-kubelet-approver", "kube-apiserver-client-kubelet"),
        ("kubelet-serving-approver", "kubelet-serving"),
        ("legacy-unknown-approver", "legacy-unknown"),
    ):
        rule = Rule(("approve",), ("signers",), _CERTIFICATES, names=(f"kubernetes.io/{signer}",))
        found.append(Role(f"system:certificates.k8s.io:{role}", (rule,)))
    for client in ("nodeclient", "selfnodeclient"):
        rule = Rule(("create",), (f"certificatesigningrequests/{client}",), _CERTIFICATES)
        found.append(Role(f"system:certificates.k8s.io:certificatesigningrequests:{client}", (rule,)))
    return found


CLUSTER_ROLES = (
    Role("cluster-admin", (Rule(("*",), ("*",), "*"), Rule(("*",), urls=("*",)))),
    Role("admin", (*_VIEW, *_EDIT, *_ADMIN), gathers=True),
    Role("edit", (*_VIEW, *_EDIT), part_of=("admin",), gathers=True),
    Role("view", _VIEW, part_of=("edit",), gathers=True),
    Role("system:aggregate-to-admin", _ADMIN, part_of=("admin",)),
    Role("system:aggregate-to-edit", _EDIT, part_of=("edit",)),
    Role("system:aggregate-to-view", _VIEW, part_of=("view",)),
    *_signer_roles(),
    Role(
        "system:service-account-issuer-discovery",
        (
            Rule(
                ("get",),
                urls=(
                    "/.well-known/openid-configuration",
                    "/.well-known/openid-configuration/",
                    "/openid/v1/jwks",
                    "/openid/v1/jwks/",
                ),
            ),
        ),
    ),
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
    Binding("system:service-account-issuer-discovery", groups=("system:serviceaccounts",)),
    Binding("system:basic-user", groups=("system:authenticated",)),
)
