"""The rows of the groups that decide who may do what: rbac, authentication, authorization.

Source: the API reference of Kubernetes v1.34, "API discovery".
"""

from __future__ import annotations

from hyperpy.api.kinds.core import CREATE_ONLY
from hyperpy.api.kinds.kind import Kind

_RBAC = "rbac.authorization.k8s.io"
_AUTHN = "authentication.k8s.io"
_AUTHZ = "authorization.k8s.io"

ROLE = Kind(_RBAC, "v1", "Role", "roles", True)
ROLE_BINDING = Kind(_RBAC, "v1", "RoleBinding", "rolebindings", True)
CLUSTER_ROLE = Kind(_RBAC, "v1", "ClusterRole", "clusterroles", False)
CLUSTER_ROLE_BINDING = Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", False)
TOKEN_REVIEW = Kind(_AUTHN, "v1", "TokenReview", "tokenreviews", False, verbs=CREATE_ONLY)
SELF_SUBJECT_REVIEW = Kind(_AUTHN, "v1", "SelfSubjectReview", "selfsubjectreviews", False, verbs=CREATE_ONLY)
SUBJECT_ACCESS_REVIEW = Kind(_AUTHZ, "v1", "SubjectAccessReview", "subjectaccessreviews", False, verbs=CREATE_ONLY)
SELF_SUBJECT_ACCESS_REVIEW = Kind(
    _AUTHZ, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False, verbs=CREATE_ONLY
)
LOCAL_SUBJECT_ACCESS_REVIEW = Kind(
    _AUTHZ, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", True, verbs=CREATE_ONLY
)
SELF_SUBJECT_RULES_REVIEW = Kind(
    _AUTHZ, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False, verbs=CREATE_ONLY
)

ACCESS = (
    ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, TOKEN_REVIEW, SELF_SUBJECT_REVIEW, SUBJECT_ACCESS_REVIEW,
    SELF_SUBJECT_ACCESS_REVIEW, LOCAL_SUBJECT_ACCESS_REVIEW, SELF_SUBJECT_RULES_REVIEW,
)  # fmt: skip
