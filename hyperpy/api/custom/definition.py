"""A CustomResourceDefinition as kinds: the family of its versions, and what each version brings along.

Everything is made when it is first used, from the definition's own bytes: a cluster may have hundreds of definitions
that nobody asks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import orjson

from hyperpy.api.custom import columns, defaulting, embedded, expressions, lists, scale, tree
from hyperpy.api.custom.checking import ABSENT, ValueChecker
from hyperpy.api.custom.converting import Convert
from hyperpy.api.custom.expressions import RuleSet
from hyperpy.api.custom.naming import is_true
from hyperpy.api.custom.scale import ScalePaths
from hyperpy.api.custom.schema import CustomSchema
from hyperpy.api.kinds import Kind
from hyperpy.api.printers.columns import Printer
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

Obj = dict[str, Any]

_ALL = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
#: What keeps rules in CEL from being asked: they could not rely on the schema.
_BLOCKING = (cause.NOT_SUPPORTED, cause.REQUIRED, cause.TOO_LONG, cause.TOO_MANY, cause.TYPE_INVALID)
_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation"
)
_TERMINATING = ("delete", "deletecollection", "get", "list", "watch")


class Family:
    """All versions of one custom kind.

    Args:
        crd: the definition, validated and with its defaults.
        convert: turns objects of one version into those of another.
    """

    def __init__(self, crd: Obj, convert: Convert) -> None:
        spec, names = crd["spec"], crd["status"]["acceptedNames"]
        self.name: str = crd["metadata"]["name"]
        self.group: str = spec["group"]
        self.plural: str = names["plural"]
        self.kind: str = names["kind"]
        self.list_kind: str = names.get("listKind") or f"{self.kind}List"
        self.singular: str = names.get("singular") or self.kind.lower()
        self.terminating = is_true(crd, "Terminating")
        self.convert = convert
        self.versions = {f"{self.group}/{entry['name']}": CustomVersion(self, entry) for entry in spec["versions"]}
        self.kinds = self._kinds(crd)

    def _kinds(self, crd: Obj) -> tuple[Kind, ...]:
        """The kinds of the versions that are served; the one that objects are kept in is among them or behind them."""
        entries = crd["spec"]["versions"]
        stored = next(self._kind(crd, entry, None) for entry in entries if entry["storage"])
        self.stored = stored
        served = [entry for entry in entries if entry["served"]]
        return tuple(stored if entry["storage"] else self._kind(crd, entry, stored) for entry in served)

    def _kind(self, crd: Obj, entry: Obj, stored: Kind | None) -> Kind:
        names, parts = crd["status"]["acceptedNames"], entry.get("subresources") or {}
        return Kind(
            group=self.group,
            version=entry["name"],
            kind=self.kind,
            plural=self.plural,
            namespaced=crd["spec"]["scope"] == "Namespaced",
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            subresources=tuple(part for part in ("scale", "status") if parts.get(part) is not None),
            verbs=_TERMINATING if self.terminating else _ALL,
            stored=stored,
            definition=self.versions[f"{self.group}/{entry['name']}"],
        )


class CustomVersion:
    """One version of a custom kind: what `kinds.Definition` asks for, and its subresources."""

    def __init__(self, family: Family, entry: Obj) -> None:
        self.family = family
        self.api_version = f"{family.group}/{entry['name']}"
        self.selectable_fields = tuple(
            field["jsonPath"].removeprefix(".") for field in entry.get("selectableFields") or ()
        )
        self.scale: ScalePaths | None = scale.of((entry.get("subresources") or {}).get("scale"))
        self.warning = self._deprecation(entry)
        self._entry = orjson.dumps(entry)

    def __repr__(self) -> str:
        """The same on every server and after every start: documents are known by the hash of what they are made of."""
        return f"CustomVersion({self.family.name}, {self._digest})"

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self._entry).hexdigest()

    @property
    def singular(self) -> str:
        return self.family.singular

    @property
    def list_kind(self) -> str:
        return self.family.list_kind

    @property
    def terminating(self) -> bool:
        return self.family.terminating

    @cached_property
    def written(self) -> tree.Schema:
        """The schema as its author wrote it."""
        entry: Obj = orjson.loads(self._entry)
        found: tree.Schema = (entry.get("schema") or {}).get("openAPIV3Schema") or {tree.PRESERVES: True}
        return found

    @cached_property
    def schema(self) -> CustomSchema:
        return CustomSchema(self.api_version, self.written)

    @cached_property
    def printer(self) -> Printer:
        return columns.printer(orjson.loads(self._entry).get("additionalPrinterColumns") or ())

    @property
    def converts(self) -> bool:
        """Stored objects may be of another version, or older than this schema."""
        return True

    @cached_property
    def _values(self) -> ValueChecker:
        return ValueChecker(self.written)

    @cached_property
    def _embedded(self) -> tree.Schema | None:
        return tree.only(self.written, embedded.is_embedded)

    @cached_property
    def _unique(self) -> tree.Schema | None:
        return tree.only(self.written, lists.is_unique)

    @cached_property
    def _rules(self) -> RuleSet | None:
        if not expressions.has_rules(self.written):
            return None
        return expressions.RuleSet(self.written)

    def default(self, obj: Obj) -> None:
        """Fill in the schema's defaults, and drop nulls that may not be there, in place."""
        if not self.schema.is_settled(obj):
            defaulting.fill(obj, self.written)
        defaulting.drop_nulls(obj, self.written)

    def causes(self, new: Obj, old: Obj | None) -> Iterator[Cause]:
        """What is wrong with an object by the schema and its rules; `old` is None for a new one."""
        before = ABSENT if old is None else old
        found = self._values.causes(new, before)
        if self.scale is not None:
            found += self.scale.causes(new)
        if self._embedded is not None:
            found += embedded.causes(new, self._embedded)
        if self._unique is not None:
            found += lists.duplicates(new, self._unique, old=before)
        yield from found
        if self._rules is None:
            return
        if any(each.reason in _BLOCKING for each in found):
            yield cause.invalid("<nil>", None, _NOT_CHECKED)
        else:
            yield from self._rules.causes(new, before)

    async def convert(self, objs: Sequence[Obj]) -> list[Obj]:
        """Objects of any version of the kind as objects of this one, pruned and with defaults; changed in place.

        Raises:
            StatusError: the webhook that converts does not, or not well.
        """
        other = [index for index, obj in enumerate(objs) if obj["apiVersion"] != self.api_version]
        result = list(objs)
        if other:
            for index in other:
                before = self.family.versions.get(objs[index]["apiVersion"])
                if before is not None:
                    before.settle(objs[index])
            converted = await self.family.convert([objs[index] for index in other], self.api_version)
            for index, obj in zip(other, converted, strict=True):
                result[index] = obj
        for obj in result:
            self.settle(obj)
        return result

    def is_settled(self, obj: Obj) -> bool:
        """Whether a stored object can be served as it is: of this version, pruned and with its defaults."""
        return obj["apiVersion"] == self.api_version and self.schema.is_settled(obj)

    def settle(self, obj: Obj) -> None:
        """Prune a stored object and fill in its defaults, in place."""
        if not self.schema.is_settled(obj):
            self.schema.prune(obj)
            self.default(obj)

    def _deprecation(self, entry: Obj) -> str:
        if not entry.get("deprecated"):
            return ""
        return entry.get("deprecationWarning") or f"{self.api_version} {self.family.kind} is deprecated"
