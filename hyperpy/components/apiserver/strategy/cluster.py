"""Namespaces, Nodes and Secrets: the finalizer that empties a namespace, status given at creation, stringData."""

from __future__ import annotations

import base64

from hyperpy.components.apiserver.strategy.base import Obj, Strategy

NAMESPACE_FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


def _create_namespace(namespace: Obj) -> None:
    spec = namespace.get("spec") or {}
    finalizers = list(spec.get("finalizers") or ())
    if NAMESPACE_FINALIZER not in finalizers:
        finalizers.append(NAMESPACE_FINALIZER)
    namespace["spec"] = {**spec, "finalizers": finalizers}
    namespace["status"] = {"phase": "Active"}
    _label_namespace(namespace)


def _update_namespace(new: Obj, old: Obj) -> None:
    """Only `/finalize` changes the finalizers."""
    new["spec"] = {**(new.get("spec") or {}), "finalizers": (old.get("spec") or {}).get("finalizers") or []}
    _label_namespace(new)


def _label_namespace(namespace: Obj) -> None:
    own = namespace["metadata"]
    if own.get("name"):
        own["labels"] = {**(own.get("labels") or {}), NAME_LABEL: own["name"]}


def _create_secret(secret: Obj) -> None:
    """`stringData` is a way to write `data`, and is never read back (API reference, "Secret")."""
    texts = secret.pop("stringData", None)
    if isinstance(texts, dict) and texts:
        encoded = {name: base64.b64encode(str(text).encode()).decode() for name, text in texts.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def _update_secret(new: Obj, old: Obj) -> None:
    _create_secret(new)
    if not new.get("type"):
        new["type"] = old.get("type") or "Opaque"


NAMESPACE = Strategy(create=_create_namespace, update=_update_namespace)
NODE = Strategy(status_on_create=True)
SECRET = Strategy(create=_create_secret, update=_update_secret)
