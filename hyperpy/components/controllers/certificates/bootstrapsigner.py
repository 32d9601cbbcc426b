"""Bootstrap signer: signs the public ConfigMap `cluster-info` with every bootstrap token that is for that, so that who
knows a token can tell that it is genuine.

Watches: Secret (kube-system), ConfigMap (kube-public).   Writes: ConfigMap.
Source: "Authenticating with Bootstrap Tokens" (ConfigMap signing); RFC 7515 with detached content.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.certificates import tokencleaner
from hyperpy.components.controllers.context import Context

NAMESPACE, NAME, CONTENT = "kube-public", "cluster-info", "kubeconfig"
_SIGNATURE = "jws-kubeconfig-"


def plan(info: Obj, secrets: Iterable[Obj], *, now: float) -> Obj | None:
    """The ConfigMap with the signatures that belong there; None when they are there or it has nothing to sign."""
    present = info.get("data") or {}
    content = present.get(CONTENT)
    if not content:
        return None
    wanted = {key: value for key, value in present.items() if not key.startswith(_SIGNATURE)}
    for secret in secrets:
        token = _token(secret, now=now)
        if token is not None:
            name, key = token
            wanted[f"{_SIGNATURE}{name}"] = signature(content, name=name, key=key)
    return None if wanted == present else {**info, "data": wanted}


def signature(content: str, *, name: str, key: str) -> str:
    """The JSON Web Signature of a text, without the text."""
    header = _encoded(json.dumps({"alg": "HS256", "kid": name}, separators=(",", ":")).encode())
    signed = f"{header}.{_encoded(content.encode())}"
    return f"{header}..{_encoded(hmac.digest(key.encode(), signed.encode(), hashlib.sha256))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _token(secret: Obj, *, now: float) -> tuple[str, str] | None:
    """Name and key of a token that signs; None when the Secret is none, or not for that, or has expired."""
    if secret.get("type") != tokencleaner.TYPE or tokencleaner.plan(secret, now=now) == 0:
        return None
    data = {
        name: base64.b64decode(value).decode(errors="replace") for name, value in (secret.get("data") or {}).items()
    }
    name, key = data.get("token-id", ""), data.get("token-secret", "")
    if data.get("usage-bootstrap-signing") != "true" or not name or not key:
        return None
    return (name, key) if secret["metadata"]["name"] == f"bootstrap-token-{name}" else None


class BootstrapSigner:
    """There is one key: the ConfigMap. It comes back when a token expires."""

    name = "bootstrap-signer"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._secrets = context.informers.of(kinds.SECRET)
        self._config_maps = context.informers.of(kinds.CONFIG_MAP)
        context.watch(kinds.SECRET, self._secret_changed)
        context.watch(kinds.CONFIG_MAP, self._config_map_changed)

    async def reconcile(self, key: str) -> float | None:
        """Sign; returns when the next token expires."""
        info = self._config_maps.get(NAME, NAMESPACE)
        if info is None:
            return None
        now = self._context.clock.now()
        secrets = self._secrets.list(tokencleaner.NAMESPACE)
        written = plan(info, secrets, now=now)
        if written is not None:
            try:
                await self._client.update(kinds.CONFIG_MAP, written)
            except errors.NotFound:
                pass
        waits = (tokencleaner.plan(secret, now=now) for secret in secrets)
        return min((wait_s for wait_s in waits if wait_s), default=None)

    def _secret_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        secret = new or old
        assert secret is not None
        if secret.get("type") == tokencleaner.TYPE and secret["metadata"]["namespace"] == tokencleaner.NAMESPACE:
            self._queue.add(NAME)

    def _config_map_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        info = new or old
        assert info is not None
        if (info["metadata"]["namespace"], info["metadata"]["name"]) == (NAMESPACE, NAME):
            self._queue.add(NAME)
