"""Rules of object metadata: names by kind, labels, annotations, owners, finalizers.

Source: the API reference, "ObjectMeta"; Kubernetes' documentation, "Object Names and IDs". Fields that the API server
itself sets and guards (uid, times, generation) are not its concern.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.kinds import Kind
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.rules import Problems

Obj = dict[str, Any]

MAX_ANNOTATIONS_BYTES = 256 * 1024
_RBAC = "rbac.authorization.k8s.io"
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_ORPHAN, _FOREGROUND = "orphan", "foregroundDeletion"


def name_format(kind: Kind) -> Problems:
    """The format of this kind's names."""
    if kind.group in (_RBAC, "apiregistration.k8s.io") or (kind.group, kind.kind) == ("", "Event"):
        return formats.path_segment
    if (kind.group, kind.kind) == ("", "Service"):
        return formats.dns_1035_label
    if (kind.group, kind.kind) in (("", "Namespace"), ("apps", "StatefulSet")):
        return formats.dns_label
    return _NAMES_OF_KINDS.get((kind.group, kind.kind), names.subdomain_errors)


def _any_name(text: str) -> list[str]:
    """Whatever can stand in a URL."""
    return []


_NAMES_OF_KINDS: dict[tuple[str, str], Problems] = {
    ("certificates.k8s.io", "CertificateSigningRequest"): _any_name,
    ("networking.k8s.io", "IPAddress"): formats.canonical_address,
}


def on_create(kind: Kind, meta: Obj) -> Iterator[Cause]:
    """Rules of a new object's metadata; the name is already generated."""
    problems = name_format(kind)
    base = meta.get("generateName")
    if base:
        for problem in problems(_masked(base)):
            yield cause.invalid("metadata.generateName", base, problem)
    if not meta.get("name"):
        yield cause.required("metadata.name", "name or generateName is required")
    else:
        yield from rules.formed("metadata.name", meta["name"], problems)
    if kind.namespaced:
        yield from rules.required("metadata.namespace", meta.get("namespace"), formats.dns_label)
    elif meta.get("namespace"):
        yield cause.forbidden("metadata.namespace", "not allowed on this type")
    yield from _common(kind, meta)


def on_update(kind: Kind, new: Obj, old: Obj) -> Iterator[Cause]:
    """Rules of a changed object's metadata."""
    yield from rules.immutable("metadata.name", new.get("name"), old.get("name"))
    yield from rules.immutable("metadata.namespace", new.get("namespace"), old.get("namespace"))
    yield from _common(kind, new)


def annotation_map(path: str, given: dict[str, str] | None) -> Iterator[Cause]:
    """Keys of annotations (in any case of letters), and how much they are together."""
    if not given:
        return
    for key in given:
        for problem in names.qualified_errors(key.lower()):
            yield cause.invalid(path, key, problem)
    if sum(len(key.encode()) + len(value.encode()) for key, value in given.items()) > MAX_ANNOTATIONS_BYTES:
        yield cause.too_long(path, MAX_ANNOTATIONS_BYTES)


def _masked(base: str) -> str:
    """A prefix may end with a dash, because something follows."""
    return f"{base[:-2]}a" if len(base) > 1 and base.endswith("-") else base


def _common(kind: Kind, meta: Obj) -> Iterator[Cause]:
    yield from rules.not_negative(meta, "metadata", "generation")
    yield from rules.labels("metadata.labels", meta.get("labels"))
    yield from annotation_map("metadata.annotations", meta.get("annotations"))
    yield from _owners(meta.get("ownerReferences") or ())
    yield from _finalizers(kind, meta.get("finalizers") or [])


def _owners(references: Any) -> Iterator[Cause]:
    path = "metadata.ownerReferences"
    controller = ""
    for reference in references:
        if not (reference.get("apiVersion") or "").rpartition("/")[2]:
            yield cause.invalid(f"{path}.apiVersion", reference.get("apiVersion") or "", "version must not be empty")
        for field in ("kind", "name", "uid"):
            if not reference.get(field):
                yield cause.invalid(f"{path}.{field}", "", "must not be empty")
        if (reference.get("apiVersion"), reference.get("kind")) == ("v1", "Event"):
            yield cause.invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner")
        if reference.get("controller"):
            current = f"{reference.get('kind')}/{reference.get('name')}"
            if controller:
                text = (
                    'Only one reference can have Controller set to true. Found "true" in references for '
                    f"{controller} and {current}"
                )
                yield cause.invalid(path, list(references), text)
            controller = controller or current


def _finalizers(kind: Kind, given: list[str]) -> Iterator[Cause]:
    path = "metadata.finalizers"
    for i, finalizer in enumerate(given):
        yield from rules.formed(path, finalizer, names.qualified_errors)
        if kind.group in ("", _RBAC):
            yield from standard_finalizer(f"{path}[{i}]", finalizer)
    if _ORPHAN in given and _FOREGROUND in given:
        yield cause.invalid(path, given, f"finalizer {_ORPHAN} and {_FOREGROUND} cannot be both set")


def standard_finalizer(path: str, finalizer: str) -> Iterator[Cause]:
    """A finalizer without a domain is one of Kubernetes' own."""
    if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
        yield cause.invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")
