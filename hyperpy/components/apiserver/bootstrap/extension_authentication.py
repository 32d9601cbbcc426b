"""The ConfigMap by which other API servers know this one's clients and front proxy, and who may read it.

Source: "Configure the aggregation layer"; kube-apiserver's `extension-apiserver-authentication`.
"""

from __future__ import annotations

import json

from hyperpy.api.kinds import CONFIG_MAP, ROLE, ROLE_BINDING
from hyperpy.components.apiserver.authn.requestheader import RequestHeader
from hyperpy.components.apiserver.bootstrap import ensure, roles
from hyperpy.components.apiserver.bootstrap.ensure import Obj
from hyperpy.components.apiserver.core import Core

NAMESPACE, NAME = "kube-system", "extension-apiserver-authentication"
_READER = f"{NAME}-reader"
_USERS = ("system:kube-controller-manager", "system:kube-scheduler")


async def ensure_all(core: Core, *, client_ca_pem: str, proxies: RequestHeader) -> None:
    """Make the ConfigMap, the Role and its binding there and right. Raises StoreError."""
    wanted = data(client_ca_pem=client_ca_pem, proxies=proxies)
    meta = {"name": NAME, "namespace": NAMESPACE}
    await ensure.one(core, CONFIG_MAP, {"metadata": meta, "data": wanted}, mend=_laid_over)
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    annotations = {roles.AUTO_UPDATE: "true"}
    marks = {"namespace": NAMESPACE, "labels": labels, "annotations": annotations}
    rule = roles.Rule(roles.READ, ("configmaps",), names=(NAME,))
    role = {"metadata": {"name": _READER, **marks}, "rules": [rule.obj()]}
    await ensure.one(core, ROLE, role, mend=roles.mend_role)
    binding = {
        "metadata": {"name": f"system::{_READER}", **marks},
        "roleRef": {"apiGroup": roles.GROUP, "kind": "Role", "name": _READER},
        "subjects": [{"kind": "User", "apiGroup": roles.GROUP, "name": name} for name in _USERS],
    }
    await ensure.one(core, ROLE_BINDING, binding, mend=roles.mend_binding)


def data(*, client_ca_pem: str, proxies: RequestHeader) -> dict[str, str]:
    """The ConfigMap's data."""
    lists = {
        "requestheader-allowed-names": proxies.allowed_names,
        "requestheader-extra-headers-prefix": proxies.extra_prefixes,
        "requestheader-group-headers": proxies.group_headers,
        "requestheader-uid-headers": proxies.uid_headers,
        "requestheader-username-headers": proxies.username_headers,
    }
    return {
        "client-ca-file": client_ca_pem,
        "requestheader-client-ca-file": proxies.ca_file.read_text(),
        **{key: json.dumps(list(values), separators=(",", ":")) for key, values in lists.items()},
    }


def _laid_over(current: Obj, wanted: Obj) -> Obj:
    return {**current, "data": {**(current.get("data") or {}), **wanted["data"]}}
