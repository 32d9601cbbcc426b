"""Default roles that nothing in this program needs, and that add-ons, installers and stock components look for.

Source: Kubernetes v1.34, "Using RBAC Authorization", "Other component roles"; "Configure the Aggregation Layer".
"""

from __future__ import annotations

from hyperpy.components.apiserver.bootstrap.roles import READ, Binding, Role, Rule

_CSR = "certificates.k8s.io"
_STORAGE = "storage.k8s.io"
_EVENTS = (
    Rule(("create", "patch", "update"), ("events",)),
    Rule(("create", "patch", "update"), ("events",), "events.k8s.io"),
)

CLUSTER_ROLES = (
    Role("system:kube-aggregator", (Rule(READ, ("endpoints", "services")),)),
    Role("system:node-bootstrapper",
         (Rule(("create", "get", "list", "watch"), ("certificatesigningrequests",), _CSR),)),
    Role("system:node-problem-detector",
         (Rule(("get",), ("nodes",)), Rule(("patch",), ("nodes/status",)), *_EVENTS)),
    Role("system:certificates.k8s.io:certificatesigningrequests:nodeclient",
         (Rule(("create",), ("certificatesigningrequests/nodeclient",), _CSR),)),
    Role("system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
         (Rule(("create",), ("certificatesigningrequests/selfnodeclient",), _CSR),)),
    Role("system:volume-scheduler", (
        Rule(("get", "list", "patch", "update", "watch"), ("persistentvolumes",)),
        Rule(READ, ("storageclasses",), _STORAGE),
        Rule(("get", "list", "patch", "update", "watch"), ("persistentvolumeclaims",)),
    )),
    Role("system:persistent-volume-provisioner", (
        Rule(("create", "delete", *READ), ("persistentvolumes",)),
        Rule(("get", "list", "update", "watch"), ("persistentvolumeclaims",)),
        Rule(READ, ("storageclasses",), _STORAGE),
        Rule(("watch",), ("events",)),
        *_EVENTS,
    )),
)  # fmt: skip

BINDINGS = (
    Binding("system:volume-scheduler", users=("system:kube-scheduler",)),
    Binding("system:kube-dns", accounts=("kube-dns",)),
)

_READ_CONFIG = "extension-apiserver-authentication"


def _locking(component: str) -> tuple[Rule, ...]:
    return (
        Rule(("watch",), ("configmaps",)),
        Rule(("get", "update"), ("configmaps",), names=(component,)),
    )


#: Roles of the namespace kube-system, and who has them.
ROLES = (
    Role("extension-apiserver-authentication-reader", (Rule(READ, ("configmaps",), names=(_READ_CONFIG,)),)),
    Role("system::leader-locking-kube-controller-manager", _locking("kube-controller-manager")),
    Role("system::leader-locking-kube-scheduler", _locking("kube-scheduler")),
    Role("system:controller:bootstrap-signer", (Rule(READ, ("secrets",)),)),
    Role("system:controller:token-cleaner", (Rule(("delete", *READ), ("secrets",)), *_EVENTS)),
    Role("system:controller:cloud-provider", (Rule(("create", "get", "list", "watch"), ("configmaps",)),)),
)
ROLE_BINDINGS = (
    Binding(
        "system::extension-apiserver-authentication-reader",
        users=("system:kube-controller-manager", "system:kube-scheduler"),
        role="extension-apiserver-authentication-reader",
    ),
    Binding(
        "system::leader-locking-kube-controller-manager",
        users=("system:kube-controller-manager",),
        accounts=("kube-controller-manager",),
    ),
    Binding("system::leader-locking-kube-scheduler", users=("system:kube-scheduler",), accounts=("kube-scheduler",)),
    Binding("system:controller:bootstrap-signer", accounts=("bootstrap-signer",)),
    Binding("system:controller:token-cleaner", accounts=("token-cleaner",)),
    Binding("system:controller:cloud-provider", accounts=("cloud-provider",)),
)
