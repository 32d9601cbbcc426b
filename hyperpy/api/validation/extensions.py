"""Rules of CustomResourceDefinitions: names, versions, what each version brings along, and what may not change.

The API server reads what all versions have in common (always so with one version) as if it stood at the top of the
spec, and blames it there: `spec.validation.openAPIV3Schema`, `spec.additionalPrinterColumns[0]`.

Source: `ValidateCustomResourceDefinition*` of Kubernetes v1.34: rules and message texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hyperpy.api import names
from hyperpy.api.custom import expressions, naming, openapi_rules, structural, tree
from hyperpy.api.custom.approval import APPROVED, approval_state
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.conversion_webhook import conversion
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_SCOPES = ("Cluster", "Namespaced")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_SELECTABLE_TYPES = ("string", "boolean", "integer")
_MAX_SELECTABLE = 8
_MAX_WARNING = 256
#: What may stand beside the fields of a root schema when the status is a subresource, as the message lists it.
_AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum",
    "MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items",
    "Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
_KEYS_AT_ROOT = frozenset(
    [name[0].lower() + name[1:] for name in _AT_ROOT if not name.startswith("X")] + [tree.PRESERVES, tree.RULES]
)


def on_create(crd: Obj) -> Iterator[Cause]:
    """A new definition, or all of a changed one that does not depend on the old one."""
    own, spec, status = crd["metadata"], crd["spec"], crd.get("status") or {}
    given = spec.get("names") or {}
    if own.get("name") != f"{given.get('plural', '')}.{spec.get('group', '')}":
        text = 'must be spec.names.plural+"."+spec.group'
        yield cause.invalid("metadata.name", own.get("name") or "", text)
    yield from _spec(spec)
    yield from _names(status.get("acceptedNames") or {}, "status.acceptedNames")
    yield from _stored(status.get("storedVersions") or [], spec.get("versions") or ())


def _created(crd: Obj) -> Iterator[Cause]:
    yield from on_create(crd)
    yield from _approval(crd, None)
    yield from _no_preserving(crd, None)


def on_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed definition: group and plural stay, scope and kind too once it is established."""
    yield from on_create(new)
    fields = ["spec.group", "spec.names.plural"]
    if naming.is_true(old, "Established"):
        fields[:0] = ["spec.scope", "spec.names.kind"]
    for field in fields:
        yield from rules.immutable(field, _at(new, field), _at(old, field))
    yield from _approval(new, old)
    yield from _no_preserving(new, old)


def on_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write."""
    yield from _names((new.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")


def _at(crd: Obj, field: str) -> Any:
    value: Any = crd
    for step in field.split("."):
        value = (value or {}).get(step)
    return value or ""


def _spec(spec: Obj) -> Iterator[Cause]:
    group = spec.get("group") or ""
    problems = names.subdomain_errors(group)
    if not group:
        yield cause.required("spec.group")
    elif problems:
        yield cause.invalid("spec.group", group, ",".join(problems))
    elif "." not in group:
        yield cause.invalid("spec.group", group, "should be a domain with at least one dot")
    yield from rules.one_of("spec.scope", spec.get("scope"), _SCOPES)
    yield from _versions(spec.get("versions") or [])
    given = spec.get("names") or {}
    for name in ("plural", "singular", "kind", "listKind"):
        if not given.get(name):
            yield cause.required(f"spec.names.{name}")
    yield from _names(given, "spec.names")
    yield from conversion(spec.get("conversion") or {}, "spec.conversion")


def _names(given: Obj, path: str) -> Iterator[Cause]:
    for name in ("plural", "singular"):
        yield from _label(given.get(name), f"{path}.{name}")
    for name in ("kind", "listKind"):
        problems = formats.dns_1035_label((given.get(name) or "").lower()) if given.get(name) else []
        if problems:
            text = f"may have mixed case, but should otherwise match: {','.join(problems)}"
            yield cause.invalid(f"{path}.{name}", given[name], text)
    for i, short in enumerate(given.get("shortNames") or ()):
        yield from _label(short, f"{path}.shortNames[{i}]")
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        yield cause.invalid(f"{path}.listKind", given["listKind"], "kind and listKind may not be the same")
    for i, category in enumerate(given.get("categories") or ()):
        yield from _label(category, f"{path}.categories[{i}]")


def _label(text: str | None, path: str) -> Iterator[Cause]:
    problems = formats.dns_1035_label(text) if text else []
    if problems:
        yield cause.invalid(path, text, ",".join(problems))


def _versions(versions: Sequence[Obj]) -> Iterator[Cause]:
    for i, entry in enumerate(versions):
        if ((entry.get("schema") or {}).get("openAPIV3Schema")) is None:
            yield cause.required(f"spec.versions[{i}].schema.openAPIV3Schema", "schemas are required")
    for i, entry in enumerate(versions):
        name = entry.get("name") or ""
        problems = formats.dns_1035_label(name)
        if problems:
            yield cause.invalid(f"spec.versions[{i}].name", name, ",".join(problems))
        yield from _warning(entry, f"spec.versions[{i}].deprecationWarning")
    yield from _parts(versions)
    found = [entry.get("name") for entry in versions]
    if len(set(found)) != len(found):
        yield cause.invalid("spec.versions", list(versions), "must contain unique version names")
    if sum(bool(entry.get("storage")) for entry in versions) != 1:
        text = "must have exactly one version marked as storage version"
        yield cause.invalid("spec.versions", list(versions), text)


def _parts(versions: Sequence[Obj]) -> Iterator[Cause]:
    """What versions bring along: judged once, at the top of the spec, where all versions have the same."""
    for name, top, judge in (
        ("schema", "validation", _schema),
        ("subresources", "subresources", _subresources),
        ("additionalPrinterColumns", "additionalPrinterColumns", _columns),
        ("selectableFields", "selectableFields", _selectable),
    ):
        if versions and all(entry.get(name) == versions[0].get(name) for entry in versions):
            yield from judge(versions[0], f"spec.{top}")
            continue
        for i, entry in enumerate(versions):
            yield from judge(entry, f"spec.versions[{i}].{name}")


def _warning(entry: Obj, path: str) -> Iterator[Cause]:
    text = entry.get("deprecationWarning")
    if text is None:
        return
    if not entry.get("deprecated"):
        yield cause.invalid(path, text, "can only be set for deprecated versions")
        return
    if len(text.encode()) > _MAX_WARNING:
        yield cause.invalid(path, text, "must be <= 256 characters long")
    if not text:
        yield cause.invalid(path, text, "must not be an empty string")
    for i, char in enumerate(text):
        if not char.isprintable():
            rule = f"must only contain printable UTF-8 characters; non-printable character found at index {i}"
            yield cause.invalid(path, text, rule)
            break


def _schema(entry: Obj, path: str) -> Iterator[Cause]:
    schema = (entry.get("schema") or {}).get("openAPIV3Schema")
    path = f"{path}.openAPIV3Schema"
    if schema is None:
        return
    if (entry.get("subresources") or {}).get("status") is not None:
        yield from _root_with_status(schema, path)
    if schema.get("nullable"):
        yield cause.forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    shape = structural.causes(schema, path)
    yield from shape
    yield from openapi_rules.causes(schema, path, structural=not shape)


def _root_with_status(schema: Obj, path: str) -> Iterator[Cause]:
    kind = schema.get("type") or ""
    if kind and kind != "object":
        text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        yield cause.invalid(f"{path}.type", kind, text)
    if any(value and name not in _KEYS_AT_ROOT for name, value in schema.items()):
        text = (
            f"only [{' '.join(_AT_ROOT)}] fields are allowed at the root of the schema if the status subresource is "
            "enabled"
        )
        yield cause.invalid(path, schema, text)


def _subresources(entry: Obj, path: str) -> Iterator[Cause]:
    scale = (entry.get("subresources") or {}).get("scale")
    if scale is None:
        return
    for name, prefixes, wanted in (
        ("specReplicasPath", (".spec.",), "should be a json path under .spec"),
        ("statusReplicasPath", (".status.",), "should be a json path under .status"),
        ("labelSelectorPath", (".spec.", ".status."), "should be a json path under either .spec or .status"),
    ):
        field, given = f"{path}.scale.{name}", scale.get(name) or ""
        if not given:
            if name != "labelSelectorPath":
                yield cause.required(field)
        elif not given.startswith("."):
            yield cause.invalid(field, given, "must be a simple json path starting with .")
        elif not given.startswith(prefixes):
            yield cause.invalid(field, given, wanted)


def _columns(entry: Obj, path: str) -> Iterator[Cause]:
    types, known = ",".join(_COLUMN_TYPES), ",".join(_COLUMN_FORMATS)
    for i, column in enumerate(entry.get("additionalPrinterColumns") or ()):
        here, kind, place = f"{path}[{i}]", column.get("type") or "", column.get("jsonPath") or ""
        if not column.get("name"):
            yield cause.required(f"{here}.name")
        if not kind:
            yield cause.required(f"{here}.type", f"must be one of {types}")
        elif kind not in _COLUMN_TYPES:
            yield cause.invalid(f"{here}.type", kind, f"must be one of {types}")
        if column.get("format") and column["format"] not in _COLUMN_FORMATS:
            yield cause.invalid(f"{here}.format", column["format"], f"must be one of {known}")
        if not place:
            yield cause.required(f"{here}.JSONPath")
        elif not place.startswith("."):
            yield cause.invalid(f"{here}.JSONPath", place, "must be a simple json path starting with .")


def _selectable(entry: Obj, path: str) -> Iterator[Cause]:
    schema = (entry.get("schema") or {}).get("openAPIV3Schema") or {}
    seen: set[str] = set()
    for i, field in enumerate(entry.get("selectableFields") or ()):
        here, given = f"{path}[{i}].jsonPath", field.get("jsonPath") or ""
        if not given:
            yield cause.required(here)
            continue
        try:
            found = expressions.field_schema(schema, given, brackets=False)
        except ValueError as error:
            yield cause.invalid(here, given, f"is an invalid path: {error}")
            continue
        if given.startswith(".metadata"):
            yield cause.invalid(here, given, "must not point to fields in metadata")
        if found.get("type") not in _SELECTABLE_TYPES:
            text = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings with "
                "formats are allowed."
            )
            yield cause.invalid(here, given, text)
        if given in seen:
            yield cause.duplicate(here, given)
        seen.add(given)
    if len(seen) > _MAX_SELECTABLE:
        yield cause.too_many(path, len(seen), _MAX_SELECTABLE)


def _stored(stored: list[str], versions: Sequence[Obj]) -> Iterator[Cause]:
    path = "status.storedVersions"
    if not stored:
        yield cause.invalid(path, stored, "must have at least one stored version")
        return
    known = [entry.get("name") for entry in versions]
    for entry in versions:
        if entry.get("storage") and entry.get("name") not in stored:
            yield cause.invalid(path, stored, f"must have the storage version {entry.get('name')}")
    for i, name in enumerate(stored):
        if name not in known:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} and removes "
                f"{name} from status.storedVersions"
            )
            yield cause.invalid(f"{path}[{i}]", name, text)


def _approval(new: Obj, old: Obj | None) -> Iterator[Cause]:
    """Groups of the Kubernetes community need a note of who approved the API."""
    state, text = approval_state(new)
    if old is not None and approval_state(old)[0] == state:
        return
    field = f"metadata.annotations[{APPROVED}]"
    if state == "missing":
        yield cause.required(field, text)
    elif state == "invalid":
        yield cause.invalid(field, new["metadata"]["annotations"][APPROVED], text)


def _no_preserving(new: Obj, old: Obj | None) -> Iterator[Cause]:
    if new["spec"].get("preserveUnknownFields") and not (old and old["spec"].get("preserveUnknownFields")):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield cause.invalid("spec.preserveUnknownFields", True, text)


RULES: dict[tuple[str, str], Rules] = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Rules(_created, on_update, on_status, whole=False),
}
