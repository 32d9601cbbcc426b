"""Rules of reviews: what is asked, and by whom; they have no metadata."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

Obj = dict[str, Any]


def subject_access(obj: Obj) -> Iterator[Cause]:
    """A SubjectAccessReview: about a named user or group."""
    yield from _asked(obj)
    yield from _somebody(obj)
    yield from no_metadata(obj)


def local_subject_access(obj: Obj) -> Iterator[Cause]:
    """A LocalSubjectAccessReview: about a named user or group, in the namespace of the review."""
    yield from _asked(obj)
    yield from _somebody(obj)
    spec, own = obj.get("spec") or {}, obj["metadata"]
    given = {name: value for name, value in own.items() if value and name not in ("managedFields", "namespace")}
    if given:
        yield cause.invalid("metadata", own, "must be empty except for namespace")
    namespace = (spec.get("resourceAttributes") or {}).get("namespace") or ""
    if spec.get("resourceAttributes") is not None and namespace != own.get("namespace"):
        yield cause.invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace")
    if spec.get("nonResourceAttributes") is not None:
        text = "disallowed on this kind of request"
        yield cause.invalid("spec.nonResourceAttributes", spec["nonResourceAttributes"], text)


def _somebody(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("user") and not spec.get("groups"):
        yield cause.invalid("spec.user", spec.get("user") or "", "at least one of user or group must be specified")


def self_subject_access(obj: Obj) -> Iterator[Cause]:
    """A SelfSubjectAccessReview: about one resource or one path."""
    yield from _asked(obj)
    yield from no_metadata(obj)


def _asked(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        text = "cannot be specified in combination with resourceAttributes"
        yield cause.invalid("spec.nonResourceAttributes", path, text)
    if resource is None and path is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield cause.invalid("spec.resourceAttributes", None, text)


def no_metadata(obj: Obj) -> Iterator[Cause]:
    """Reviews are answered, not stored: they have no name."""
    given = {name: value for name, value in (obj.get("metadata") or {}).items() if value and name != "managedFields"}
    if given:
        yield cause.invalid("metadata", given, "must be empty")
