"""Which objects of a kind a request means: one namespace or all, label and field selectors.

A selection that names one object becomes a read of one key, and others are looked up in an index (`index`) where there
is one. Else stored bytes are searched for what every match must hold (`"app":"web"`), and only those that hold it are
decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from hyperpy.api import errors, fields, labels
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.store.protocol import KeyValue

#: Fields that are text in the object, under their own name, wherever a selector can ask for them.
_TEXT_FIELDS = frozenset((
    "metadata.name", "spec.nodeName", "spec.serviceAccountName", "spec.schedulerName", "status.phase", "status.podIP",
    "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """Objects of a kind in a namespace (None: in all), by label and field selectors (None: no condition).

    `needles` are bytes that every selected object holds in its stored form.
    """

    kind: Kind
    namespace: str | None = None
    labels: labels.Selector | None = None
    fields: fields.FieldSelector | None = None
    needles: tuple[bytes, ...] = ()

    @property
    def selects_all(self) -> bool:
        """Whether every object of the namespace is meant, so that none needs to be decoded."""
        return self.labels is None and self.fields is None

    @property
    def exact_name(self) -> str | None:
        """The only name an object may have, or None."""
        return self.fields.required.get("metadata.name") if self.fields is not None else None

    def matches(self, obj: Obj) -> bool:
        """Whether a decoded object passes both selectors."""
        if self.labels is not None and not self.labels.matches(obj["metadata"].get("labels")):
            return False
        return self.fields is None or self.fields.matches(self.kind, obj)

    def admits(self, kv: KeyValue) -> bool:
        """Whether a stored pair passes both selectors."""
        if self.selects_all:
            return True
        return self.may_admit(kv.value) and self.matches(form.decoded(kv))

    def may_admit(self, value: bytes) -> bool:
        """Whether stored bytes hold what every selected object does; False saves decoding them."""
        return all(needle in value for needle in self.needles)


def parse(kind: Kind, namespace: str | None, *, label_text: str = "", field_text: str = "") -> Selection:
    """The selection of a request.

    Raises:
        BadRequest: a selector does not parse or names a field that this kind cannot be selected by.
    """
    try:
        by_label, by_field = labels.parse(label_text), fields.parse(field_text)
        fields.check(kind, by_field)
    except ValueError as error:
        raise errors.BadRequest(str(error)) from error
    required = by_field.required.get("metadata.namespace")
    if kind.namespaced and not namespace and required and "/" not in required:
        namespace = required
    return Selection(
        kind,
        namespace or None,
        None if by_label.empty else by_label,
        None if by_field.empty else by_field,
        _needles(by_label, by_field),
    )


def _needles(by_label: labels.Selector, by_field: fields.FieldSelector) -> tuple[bytes, ...]:
    """`"name":"value"` of every equality on a label or a text field, as orjson writes it."""
    pairs = [*by_label.required.items()]
    pairs += [
        (field.rpartition(".")[2], value)
        for field, value in by_field.required.items()
        if field in _TEXT_FIELDS and value
    ]
    return tuple(orjson.dumps(name) + b":" + orjson.dumps(value) for name, value in pairs)
