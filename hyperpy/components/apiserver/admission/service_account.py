"""ServiceAccount: every Pod runs as one, which must exist, and gets its token, the cluster's CA and its namespace.

Source: "Configure Service Accounts for Pods" and the admission controllers reference, "ServiceAccount".
"""

from __future__ import annotations

import asyncio
import random

from hyperpy.api import meta
from hyperpy.api.kinds import SERVICE_ACCOUNT, Kind
from hyperpy.components.apiserver.admission import mountable_secrets, pod_references
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, Obj, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.feeds import Feeds
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.store.protocol import KeyValue

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
ROOT_CA_CONFIG_MAP = "kube-root-ca.crt"
TOKEN_TTL_S = 3607

_DEFAULT = "default"
_JUDGED = ((CREATE, ""), (UPDATE, "ephemeralcontainers"))
_MIRRORED = {"a service account": "service accounts"}
_MODE = 0o644
#: The default account of a new namespace is made by a controller just after it; a Pod may come before.
_WAIT_S = 2.0


class ServiceAccount:
    """Args:
    feeds: to wait, without asking again and again, for a default account that is about to be made.
    """

    def __init__(self, objects: Objects, feeds: Feeds, rng: random.Random) -> None:
        self._objects = objects
        self._feeds = feeds
        self._rng = rng

    def concerns(self, kind: Kind) -> bool:
        """Pods."""
        return not kind.group and kind.plural == "pods"

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or not attributes.writes_pod or attributes.obj is None:
            return
        pod = attributes.obj
        if _is_mirror(pod):
            return
        spec = pod.setdefault("spec", {})
        name = spec.get("serviceAccountName") or _DEFAULT
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = await self._account(attributes, name)
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [{"name": secret.get("name", "")} for secret in account["imagePullSecrets"]]
        if _mounts_token(spec, account):
            mount(spec, volume_name=meta.generate_name(VOLUME_PREFIX, self._rng))

    async def validate(self, attributes: Attributes) -> None:
        pod = attributes.obj
        if pod is None or (attributes.operation, attributes.subresource) not in _JUDGED:
            return
        if _is_mirror(pod):
            found = pod_references.first(pod["spec"])
            if found:
                raise refusal(attributes, f"a mirror pod may not reference {_MIRRORED.get(found, found)}")
            return
        name = pod["spec"].get("serviceAccountName") or _DEFAULT
        kv = await self._objects.find(SERVICE_ACCOUNT, attributes.namespace, name)
        if kv is None or mountable_secrets.ANNOTATION.encode() not in kv.value:
            return
        account = form.decoded(kv)
        if mountable_secrets.is_enforced(account):
            problem = mountable_secrets.problem(account, pod["spec"])
            if problem:
                raise refusal(attributes, problem)

    async def _account(self, attributes: Attributes, name: str) -> Obj:
        namespace = attributes.namespace or ""
        kv, revision = await self._objects.get_with_revision(SERVICE_ACCOUNT, namespace, name)
        if kv is None and name == _DEFAULT:
            kv = await self._wait(namespace, name, after=revision)
        if kv is None:
            raise refusal(
                attributes,
                f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found',
            )
        return form.decoded(kv)

    async def _wait(self, namespace: str, name: str, *, after: int) -> KeyValue | None:
        key = form.key(SERVICE_ACCOUNT, namespace, name)
        subscription = await self._feeds.join(SERVICE_ACCOUNT, namespace, after=after)
        try:
            async with asyncio.timeout(_WAIT_S):
                await subscription.changed(key)
        except TimeoutError:
            return None
        finally:
            subscription.close()
        return await self._objects.find(SERVICE_ACCOUNT, namespace, name)


def _is_mirror(pod: Obj) -> bool:
    """A mirror Pod shows what runs from a manifest on a node; it can hold no account or secret of the API."""
    return MIRROR_ANNOTATION in (pod["metadata"].get("annotations") or {})


def _mounts_token(spec: Obj, account: Obj) -> bool:
    """The Pod's own word counts before the account's; neither means yes."""
    for holder in (spec, account):
        wish = holder.get("automountServiceAccountToken")
        if wish is not None:
            return bool(wish)
    return True


def mount(spec: Obj, *, volume_name: str) -> None:
    """Give every container without something at the mount path the projected volume, in place."""
    volumes = spec.setdefault("volumes", [])
    known = next((v["name"] for v in volumes if str(v.get("name", "")).startswith(VOLUME_PREFIX)), None)
    name = known or volume_name
    used = False
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        mounts = container.setdefault("volumeMounts", [])
        if any(each.get("mountPath") == MOUNT_PATH for each in mounts):
            continue
        mounts.append({"name": name, "readOnly": True, "mountPath": MOUNT_PATH})
        used = True
    if used and known is None:
        volumes.append(_volume(name))
    if not volumes:
        del spec["volumes"]


def _volume(name: str) -> Obj:
    namespace_file = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_TTL_S, "path": "token"}},
        {"configMap": {"name": ROOT_CA_CONFIG_MAP, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace_file]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": _MODE}}
