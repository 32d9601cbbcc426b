"""Object metadata that the API server owns: set at creation, carried over and guarded at every update. Pure.

Source: API conventions, "Metadata"; behaviour of Kubernetes' `rest.BeforeCreate` and `rest.BeforeUpdate`.
"""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors, validation
from hyperpy.api.kinds import Kind
from hyperpy.api.schema import cause
from hyperpy.components.apiserver.strategy import Strategy

Obj = dict[str, Any]

_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_NAMESPACE_MISMATCH = "the namespace of the provided object does not match the namespace sent on the request"


def fit_to_request(kind: Kind, obj: Obj, *, namespace: str | None, name: str | None) -> None:
    """Make sure the object is the one its URL means; an empty namespace or name is taken from there.

    Args:
        name: the name in the URL; None where it has none (create).
    Raises:
        BadRequest: they differ.
    """
    meta = obj["metadata"]
    wanted = namespace if kind.namespaced else None
    given = meta.get("namespace")
    if kind.namespaced and not wanted:
        raise errors.BadRequest("an empty namespace may not be set during creation")
    if not wanted:
        if given:
            raise errors.BadRequest(_NAMESPACE_MISMATCH)
        meta.pop("namespace", None)
    elif given and given != wanted:
        raise errors.BadRequest(_NAMESPACE_MISMATCH)
    else:
        meta["namespace"] = wanted
    if name is None:
        return
    given_name = meta.setdefault("name", name) or name
    if given_name != name:
        raise errors.BadRequest(
            f"the name of the object ({given_name}) does not match the name on the URL ({name})"
        )  # fmt: skip
    meta["name"] = name


def begin(obj: Obj, *, strategy: Strategy, has_status: bool, now: str, uid: str) -> None:
    """Set what a new object's metadata gets from the API server.

    Raises:
        BadRequest: it carries a resourceVersion.
    """
    meta = obj["metadata"]
    if meta.get("resourceVersion"):
        raise errors.BadRequest("resourceVersion should not be set on objects to be created")
    for name in ("selfLink", *_OWNED, "generation", "resourceVersion"):
        meta.pop(name, None)
    meta["uid"] = uid
    meta["creationTimestamp"] = now
    if strategy.generation:
        meta["generation"] = 1
    if has_status and not strategy.status_on_create:
        obj.pop("status", None)


def carry_over(new: Obj, old: Obj) -> None:
    """Fill in what only the API server sets, where the client left it out."""
    meta, before = new["metadata"], old["metadata"]
    meta.pop("selfLink", None)
    for name in _OWNED:
        if not meta.get(name) and name in before:
            meta[name] = before[name]
        elif meta.get(name) is None:
            meta.pop(name, None)
    if before.get("deletionTimestamp"):
        meta["deletionTimestamp"] = before["deletionTimestamp"]
    if before.get("deletionGracePeriodSeconds") is not None:
        meta["deletionGracePeriodSeconds"] = before["deletionGracePeriodSeconds"]
    meta["generation"] = before.get("generation")
    if before.get("generateName"):
        meta.setdefault("generateName", before["generateName"])
    if meta["generation"] is None:
        del meta["generation"]


def count_generation(new: Obj, old: Obj, *, strategy: Strategy) -> None:
    """Raise metadata.generation when what the user wants has changed."""
    if not strategy.generation:
        return
    changed = _desired(new) != _desired(old)
    if strategy.counts_status:
        changed = changed or new.get("status") != old.get("status")
    if strategy.counted_annotations:
        changed = changed or _annotations(new) != _annotations(old)
    before = old["metadata"].get("generation") or 0
    new["metadata"]["generation"] = before + 1 if changed else before or 1


def _desired(obj: Obj) -> Obj:
    return {name: value for name, value in obj.items() if name not in ("apiVersion", "kind", "metadata", "status")}


def _annotations(obj: Obj) -> Obj:
    return obj["metadata"].get("annotations") or {}


def single_owners(obj: Obj, warnings: list[str], *, after_admission: bool = False) -> None:
    """Drop owner references that are there already, in place, and warn about them.

    Source: the warnings of Kubernetes' create, update and patch handlers.
    """
    owners = obj["metadata"].get("ownerReferences") or ()
    if len(owners) < 2:
        return
    kept: list[Obj] = []
    repeated: list[str] = []
    for owner in owners:
        if owner in kept:
            repeated.append(owner.get("uid") or "")
        else:
            kept.append(owner)
    if not repeated:
        return
    obj["metadata"]["ownerReferences"] = kept
    when = " after mutating admission happens" if after_admission else ""
    text = (
        f".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and "
        f"may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
        f"[{' '.join(repeated)}]"
    )
    if text not in warnings:
        warnings.append(text)


def check_unchanged(kind: Kind, new: Obj, old: Obj) -> None:
    """The fields of metadata that no client changes.

    Raises:
        Invalid: one of them was.
    """
    meta, before = new["metadata"], old["metadata"]
    causes = [
        cause.invalid(f"metadata.{name}", meta[name], "field is immutable")
        for name in _OWNED
        if meta.get(name) is not None and meta[name] != before.get(name)
    ]
    if before.get("deletionTimestamp"):
        added = [name for name in meta.get("finalizers") or () if name not in (before.get("finalizers") or ())]
        if added:
            listed = ", ".join(f'"{name}"' for name in added)
            text = (
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{listed}}}"
            )
            causes.append(cause.forbidden("metadata.finalizers", text))
    if causes:
        raise validation.invalid(kind, meta["name"], causes)
