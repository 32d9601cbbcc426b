"""Rules of ConfigMaps and Secrets: keys, sizes, what a Secret's type demands, immutability."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.equality import same

Obj = dict[str, Any]

MAX_BYTES = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"
_HIDDEN = "<secret contents redacted>"
_ACCOUNT = "kubernetes.io/service-account.name"
_JSON_KEYS = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}
_NEEDED_KEYS = {"kubernetes.io/tls": ("tls.crt", "tls.key")}


def config_map(obj: Obj) -> Iterator[Cause]:
    """A ConfigMap, new or changed."""
    texts, blobs = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in texts:
        yield from rules.formed(f"data[{key}]", key, formats.config_key)
        if key in blobs:
            yield cause.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in blobs:
        yield from rules.formed(f"binaryData[{key}]", key, formats.config_key)
    if sum(len(text.encode()) for text in texts.values()) + _decoded_size(blobs) > MAX_BYTES:
        yield cause.too_long("[]", MAX_BYTES)  # so Kubernetes prints an empty path


def secret(obj: Obj) -> Iterator[Cause]:
    """A Secret, new or changed; values never appear in messages."""
    data, kind = obj.get("data") or {}, obj.get("type") or ""
    for key in data:
        yield from rules.formed(f"data[{key}]", key, formats.config_key)
    if _decoded_size(data) > MAX_BYTES:
        yield cause.too_long("data", MAX_BYTES)
    for key in _NEEDED_KEYS.get(kind, ()):
        if key not in data:
            yield cause.required(f"data[{key}]")
    if kind in _JSON_KEYS:
        yield from _json(data, _JSON_KEYS[kind])
    elif kind == "kubernetes.io/service-account-token":
        if not (obj["metadata"].get("annotations") or {}).get(_ACCOUNT):
            yield cause.required(f"metadata.annotations[{_ACCOUNT}]")
    elif kind == "kubernetes.io/basic-auth":
        if not {"username", "password"} & data.keys():
            yield cause.required("data[username]")
            yield cause.required("data[password]")
    elif kind == "kubernetes.io/ssh-auth" and not data.get("ssh-privatekey"):
        yield cause.required("data[ssh-privatekey]")


def config_map_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed ConfigMap."""
    yield from _frozen(new, old, "data", "binaryData")


def secret_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed Secret keeps its type."""
    yield from rules.immutable("type", new.get("type"), old.get("type"))
    yield from _frozen(new, old, "data")


def _frozen(new: Obj, old: Obj, *fields: str) -> Iterator[Cause]:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield cause.forbidden("immutable", _FROZEN)
    for field in fields:
        if not same(new.get(field), old.get(field)):
            yield cause.forbidden(field, _FROZEN)


def _decoded_size(data: Mapping[str, str]) -> int:
    """Bytes of base64 values."""
    return sum(len(text) // 4 * 3 - text[-2:].count("=") for text in data.values())


def _json(data: Mapping[str, str], key: str) -> Iterator[Cause]:
    if key not in data:
        yield cause.required(f"data[{key}]")
        return
    try:
        content = orjson.loads(base64.b64decode(data[key]))
    except ValueError as err:
        yield cause.invalid(f"data[{key}]", _HIDDEN, str(err).partition(":")[0])
    else:
        if not isinstance(content, dict):
            yield cause.invalid(f"data[{key}]", _HIDDEN, "must be a JSON object")
