"""The annotation `kubernetes.io/enforce-mountable-secrets`: Pods use only the secrets that their account lists. Pure.

Source: "Service Accounts", "Enforcing mountable secrets" (deprecated since v1.32, and still in force).
"""

from __future__ import annotations

from typing import Any

from hyperpy.components.apiserver.admission import pod_references

Obj = dict[str, Any]

ANNOTATION = "kubernetes.io/enforce-mountable-secrets"


def is_enforced(account: Obj) -> bool:
    """Whether an account limits its Pods to its secrets; the value is a boolean as Go reads it."""
    value = (account["metadata"].get("annotations") or {}).get(ANNOTATION)
    return value in ("1", "t", "T", "true", "TRUE", "True")


def problem(account: Obj, spec: Obj) -> str:
    """Why a Pod may not be: the first secret that the account does not list; or ""."""
    name = account["metadata"]["name"]
    mountable = {each.get("name") for each in account.get("secrets") or ()}
    for volume in spec.get("volumes") or ():
        secret = (volume.get("secret") or {}).get("secretName")
        if secret and secret not in mountable:
            return _refused(f'volume with secret.secretName="{secret}"', name, "secret")
    for title, container in pod_references.containers(spec):
        text = _of_container(title, container, name, mountable)
        if text:
            return text
    pulling = {each.get("name") for each in account.get("imagePullSecrets") or ()}
    for index, each in enumerate(spec.get("imagePullSecrets") or ()):
        if each.get("name") not in pulling:
            what = f'imagePullSecrets[{index}].name="{each.get("name")}"'
            return _refused(what, name, "imagePullSecret")
    return ""


def _of_container(title: str, container: Obj, account: str, mountable: set[Any]) -> str:
    for variable in container.get("env") or ():
        secret = ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name")
        if secret and secret not in mountable:
            what = (
                f'{title} {container["name"]} with envVar {variable["name"]} referencing secret.secretName="{secret}"'
            )
            return _refused(what, account, "secret")
    for source in container.get("envFrom") or ():
        secret = (source.get("secretRef") or {}).get("name")
        if secret and secret not in mountable:
            what = f'{title} {container["name"]} with envFrom referencing secret.secretName="{secret}"'
            return _refused(what, account, "secret")
    return ""


def _refused(what: str, account: str, kind: str) -> str:
    return f"{what} is not allowed because service account {account} does not reference that {kind}"
