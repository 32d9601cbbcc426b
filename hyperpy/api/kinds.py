"""The registry of kinds: adding a built-in kind is adding one row here (and its schema by `make generate`).

Source: the API reference of Kubernetes v1.34, "API discovery" (plural, singular, short names, categories, verbs).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of the API: the kind of its objects and its place in URLs.

    `subresources` are names as in URLs (`status`, `scale`, `log`, ...). `verbs` without `get` and `list` mark a
    resource that is answered, not stored (a review or a binding).
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS

    @property
    def singular(self) -> str:
        """The lower-case kind: what kubectl accepts beside the plural."""
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`, as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        """The kind of a list of these."""
        return f"{self.kind}List"

    @property
    def qualified(self) -> str:
        """`pods` or `deployments.apps`, as messages name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, *, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of the collection, an object or a subresource; without a namespace: across all of them."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


class Registry:
    """A set of kinds, found by resource name or by kind. Custom kinds join it at run time."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._by_resource: dict[tuple[str, str, str], Kind] = {}
        self._by_kind: dict[tuple[str, str, str], Kind] = {}
        for kind in kinds:
            self.add(kind)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_resource.values())

    def add(self, kind: Kind) -> None:
        """Add or replace a kind."""
        self._by_resource[kind.group, kind.version, kind.plural] = kind
        self._by_kind[kind.group, kind.version, kind.kind] = kind

    def resource(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind behind a URL, or None."""
        return self._by_resource.get((group, version, plural))

    def find(self, api_version: str, kind: str) -> Kind | None:
        """The kind of an object by its `apiVersion` and `kind`, or None."""
        group, _, version = api_version.rpartition("/")
        return self._by_kind.get((group, version, kind))


_REVIEW = ("create",)
_RBAC = "rbac.authorization.k8s.io"
_AUTHZ = "authorization.k8s.io"

POD = Kind(
    "", "v1", "Pod", "pods", True, ("po",), ("all",),
    ("status", "binding", "eviction", "log", "exec", "attach", "portforward", "proxy"),
)  # fmt: skip
SERVICE = Kind("", "v1", "Service", "services", True, ("svc",), ("all",), ("status", "proxy"))
REPLICATION_CONTROLLER = Kind(
    "", "v1", "ReplicationController", "replicationcontrollers", True, ("rc",), ("all",), ("status", "scale")
)
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints", True, ("ep",))
NAMESPACE = Kind(
    "", "v1", "Namespace", "namespaces", False, ("ns",), (), ("status", "finalize"),
    ("create", "delete", "get", "list", "patch", "update", "watch"),
)  # fmt: skip
NODE = Kind("", "v1", "Node", "nodes", False, ("no",), (), ("status", "proxy"))
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", True, ("cm",))
SECRET = Kind("", "v1", "Secret", "secrets", True)
EVENT = Kind("", "v1", "Event", "events", True, ("ev",))
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", True, ("sa",), (), ("token",))
BINDING = Kind("", "v1", "Binding", "bindings", True, verbs=_REVIEW)
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments", True, ("deploy",), ("all",), ("status", "scale"))
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), ("all",), ("status", "scale"))
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases", True)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", True)
ROLE = Kind(_RBAC, "v1", "Role", "roles", True)
ROLE_BINDING = Kind(_RBAC, "v1", "RoleBinding", "rolebindings", True)
CLUSTER_ROLE = Kind(_RBAC, "v1", "ClusterRole", "clusterroles", False)
CLUSTER_ROLE_BINDING = Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", False)
TOKEN_REVIEW = Kind("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False, verbs=_REVIEW)
SELF_SUBJECT_REVIEW = Kind(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", False, verbs=_REVIEW
)
SUBJECT_ACCESS_REVIEW = Kind(_AUTHZ, "v1", "SubjectAccessReview", "subjectaccessreviews", False, verbs=_REVIEW)
SELF_SUBJECT_ACCESS_REVIEW = Kind(
    _AUTHZ, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False, verbs=_REVIEW
)
LOCAL_SUBJECT_ACCESS_REVIEW = Kind(
    _AUTHZ, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", True, verbs=_REVIEW
)
SELF_SUBJECT_RULES_REVIEW = Kind(
    _AUTHZ, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False, verbs=_REVIEW
)

BUILT_IN = (
    POD, SERVICE, REPLICATION_CONTROLLER, ENDPOINTS, NAMESPACE, NODE, CONFIG_MAP, SECRET, EVENT, SERVICE_ACCOUNT,
    BINDING, DEPLOYMENT, REPLICA_SET, LEASE, ENDPOINT_SLICE, ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING,
    TOKEN_REVIEW, SELF_SUBJECT_REVIEW, SUBJECT_ACCESS_REVIEW, SELF_SUBJECT_ACCESS_REVIEW,
    LOCAL_SUBJECT_ACCESS_REVIEW, SELF_SUBJECT_RULES_REVIEW,
)  # fmt: skip


def built_in() -> Registry:
    """A new registry that holds every built-in kind."""
    return Registry(BUILT_IN)
