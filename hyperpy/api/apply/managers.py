"""Who owns which fields of an object: `metadata.managedFields`, read and written.

Source: the API reference, "ManagedFieldsEntry"; Kubernetes' documentation, "Server-Side Apply: field management".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api.apply import fieldset
from hyperpy.api.apply.fieldset import Fields

APPLY, UPDATE = "Apply", "Update"
#: Whose entry the oldest updates are put into when there are too many.
ANCIENT = "ancient-changes"
#: Source: fieldmanager's DefaultMaxUpdateManagers.
MAX_UPDATERS = 10

_MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Manager:
    """What tells entries apart. `api_version` is "" for appliers: they have one entry whatever version they apply."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        """As conflicts name it."""
        text = json.dumps(self.name, ensure_ascii=False)
        if self.subresource:
            text += f" with subresource {json.dumps(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True)
class Entry:
    """What a manager owns, written in `api_version`. `time` is of the last change, "" when it is not known."""

    api_version: str
    fields: Fields
    time: str = ""


Managed = dict[Manager, Entry]


def decode(entries: Sequence[dict[str, Any]], *, trusted: bool) -> Managed:
    """The managers of a list of ManagedFieldsEntry.

    Args:
        trusted: the list was written here, so its field sets need no reading.
    Raises:
        ValueError: an entry is none.
    """
    managed: Managed = {}
    for index, entry in enumerate(entries):
        operation, version = entry.get("operation", ""), entry.get("apiVersion", "")
        if operation not in (APPLY, UPDATE):
            raise ValueError("operation must be `Apply` or `Update`")
        if not version:
            raise ValueError("apiVersion must not be empty")
        if entry.get("fieldsType") != "FieldsV1":
            raise ValueError(f'invalid fieldsType "{entry.get("fieldsType", "")}" in managed fields entry {index}')
        manager = Manager(
            entry.get("manager", ""), operation, version if operation == UPDATE else "", entry.get("subresource", "")
        )
        fields = entry.get("fieldsV1") or {}
        managed[manager] = Entry(
            version, fields if trusted else fieldset.parse(fields), entry.get("time") or ""
        )  # fmt: skip
    return managed


def encode(managed: Managed) -> list[dict[str, Any]]:
    """The list of ManagedFieldsEntry: appliers first, then by time and name."""
    order = sorted(managed.items(), key=_order)
    return [_encoded(manager, entry) for manager, entry in order]


def _order(item: tuple[Manager, Entry]) -> tuple[str, ...]:
    manager, entry = item
    return manager.operation, entry.time, manager.name, entry.api_version, manager.subresource


def _encoded(manager: Manager, entry: Entry) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if manager.name:
        result["manager"] = manager.name
    result["operation"] = manager.operation
    result["apiVersion"] = entry.api_version
    if entry.time:
        result["time"] = entry.time
    result["fieldsType"] = "FieldsV1"
    result["fieldsV1"] = entry.fields
    if manager.subresource:
        result["subresource"] = manager.subresource
    return result


def same_but_times(left: Sequence[dict[str, Any]], right: Sequence[dict[str, Any]]) -> bool:
    """Whether two lists differ in nothing but the times of their entries."""
    if len(left) != len(right):
        return False
    return all(
        {**one, "time": ""} == {**other, "time": ""} for one, other in zip(left, right, strict=True)
    )  # fmt: skip


def resets(entries: Any) -> bool:
    """Whether a client asks to forget all managers: by an empty list, or one with a single empty entry."""
    return entries == [] or entries == [{}]


def capped(managed: Managed) -> Managed:
    """The managers with the oldest updates put together, by version, when there are too many of them."""
    updaters = [manager for manager in managed if manager.operation == UPDATE]
    surplus = len(updaters) - MAX_UPDATERS
    if surplus <= 0:
        return managed
    updaters.sort(key=lambda manager: (managed[manager].time, manager.name, manager.api_version, manager.subresource))
    result, first = dict(managed), dict[str, Manager]()
    for manager in updaters:
        version = managed[manager].api_version
        bucket = Manager(ANCIENT, UPDATE, version)
        if version not in first:
            first[version] = manager
            continue
        if bucket not in result:
            result[bucket] = result.pop(first[version])
        entry = result.pop(manager)
        result[bucket] = Entry(version, fieldset.union(entry.fields, result[bucket].fields), entry.time)
        surplus -= 1
        if not surplus:
            break
    return result


def name_of(field_manager: str, user_agent: str) -> str:
    """The manager that a request names, or its user agent up to the first slash.

    Source: the API server's `managerOrUserAgent`.
    """
    if field_manager:
        return field_manager
    text = "".join(char for char in user_agent.partition("/")[0] if char.isprintable())
    raw = text.encode()[:_MAX_NAME]
    return raw.decode(errors="ignore") or "unknown"
