"""A request as webhooks and expressions are told of it. Pure.

Source: the API reference, "AdmissionReview" (admission.k8s.io/v1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import CREATE, DELETE, UPDATE, Attributes
from hyperpy.components.apiserver.registry import conversion
from hyperpy.components.apiserver.registry.form import Obj

_OPTIONS = {CREATE: "CreateOptions", UPDATE: "UpdateOptions", DELETE: "DeleteOptions"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A request in the version that a webhook or policy matched: `kind`, and the objects as ones of it."""

    attributes: Attributes
    kind: Kind
    obj: Obj | None
    old: Obj | None

    def described(self) -> Obj:
        """All of an AdmissionRequest but its uid and the objects."""
        attributes = self.attributes
        described = {
            "kind": _kind(self.kind, self.obj or self.old, attributes),
            "resource": _resource(self.kind),
            "subResource": attributes.subresource,
            "requestKind": _kind(attributes.kind, attributes.obj or attributes.old, attributes),
            "requestResource": _resource(attributes.kind),
            "requestSubResource": attributes.subresource,
            "name": "" if attributes.generated else attributes.name,
            "namespace": self._namespace(),
            "operation": attributes.operation,
            "userInfo": _user(attributes),
            "dryRun": attributes.dry_run,
            "options": _options(attributes),
        }
        return {name: value for name, value in described.items() if value not in ("", None)}

    def _namespace(self) -> str:
        """A Namespace is, for admission, in itself."""
        kind = self.attributes.kind
        if kind.plural == "namespaces" and not kind.group:
            return self.attributes.name
        return self.attributes.namespace or ""


async def shown(attributes: Attributes, kind: Kind, *, nameless: bool = False) -> Shown:
    """The request in the version of `kind`. Raises StatusError when an object cannot be converted.

    Args:
        nameless: whether a name that the server made up is not to be seen yet, as before the object is complete.
    """
    new, old = attributes.obj, attributes.old
    if nameless and attributes.generated and new is not None:
        new = {**new, "metadata": {key: value for key, value in new["metadata"].items() if key != "name"}}
    if kind != attributes.kind:
        new, old = await _converted(new, attributes, kind), await _converted(old, attributes, kind)
    return Shown(attributes, kind, new, old)


async def _converted(obj: Obj | None, attributes: Attributes, kind: Kind) -> Obj | None:
    """Only objects of the kind itself have versions; what a subresource takes stays as it is."""
    if obj is None or obj.get("kind") != attributes.kind.kind:
        return obj
    return (await conversion.objects(kind, [obj]))[0]


def _kind(kind: Kind, obj: Mapping[str, Any] | None, attributes: Attributes) -> Obj:
    """The kind of the object that is sent, which for a subresource may be another one (Scale, Eviction, ...)."""
    if attributes.subresource and obj is not None and obj.get("kind") not in (None, kind.kind):
        group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
        return {"group": group, "version": version, "kind": obj["kind"]}
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _resource(kind: Kind) -> Obj:
    return {"group": kind.group, "version": kind.version, "resource": kind.plural}


def _user(attributes: Attributes) -> Obj:
    user = attributes.user
    if user is None:
        return {}
    info: Obj = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


def _options(attributes: Attributes) -> Obj | None:
    name = _OPTIONS.get(attributes.operation)
    if name is None:
        return None
    return {
        "apiVersion": "meta.k8s.io/v1",
        "kind": name,
        **({"dryRun": ["All"]} if attributes.dry_run else {}),
        **(attributes.options or {}),
    }
