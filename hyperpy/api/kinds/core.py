"""The rows of the core group: kinds without a group in their apiVersion.

Source: the API reference of Kubernetes v1.34, "API discovery" (plural, singular, short names, categories, verbs).
"""

from __future__ import annotations

from hyperpy.api.kinds.kind import Kind

CREATE_ONLY = ("create",)

POD = Kind(
    "", "v1", "Pod", "pods", True, ("po",), ("all",),
    ("status", "binding", "ephemeralcontainers", "eviction", "resize", "log", "exec", "attach", "portforward", "proxy"),
)  # fmt: skip
SERVICE = Kind("", "v1", "Service", "services", True, ("svc",), ("all",), ("status", "proxy"))
REPLICATION_CONTROLLER = Kind(
    "", "v1", "ReplicationController", "replicationcontrollers", True, ("rc",), ("all",), ("status", "scale")
)
POD_TEMPLATE = Kind("", "v1", "PodTemplate", "podtemplates", True)
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints", True, ("ep",))
NAMESPACE = Kind(
    "", "v1", "Namespace", "namespaces", False, ("ns",), (), ("status", "finalize"),
    ("create", "delete", "get", "list", "patch", "update", "watch"),
)  # fmt: skip
NODE = Kind("", "v1", "Node", "nodes", False, ("no",), (), ("status", "proxy"))
PERSISTENT_VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", False, ("pv",), (), ("status",))
PERSISTENT_VOLUME_CLAIM = Kind(
    "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, ("pvc",), (), ("status",)
)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", True, ("cm",))
SECRET = Kind("", "v1", "Secret", "secrets", True)
EVENT = Kind("", "v1", "Event", "events", True, ("ev",))
LIMIT_RANGE = Kind("", "v1", "LimitRange", "limitranges", True, ("limits",))
RESOURCE_QUOTA = Kind("", "v1", "ResourceQuota", "resourcequotas", True, ("quota",), (), ("status",))
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", True, ("sa",), (), ("token",))
BINDING = Kind("", "v1", "Binding", "bindings", True, verbs=CREATE_ONLY)
COMPONENT_STATUS = Kind("", "v1", "ComponentStatus", "componentstatuses", False, ("cs",), verbs=("get", "list"))

CORE = (
    POD, SERVICE, REPLICATION_CONTROLLER, POD_TEMPLATE, ENDPOINTS, NAMESPACE, NODE, PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM, CONFIG_MAP, SECRET, EVENT, LIMIT_RANGE, RESOURCE_QUOTA, SERVICE_ACCOUNT, BINDING,
    COMPONENT_STATUS,
)  # fmt: skip
