"""Kinds that other servers have, by their APIServices: a namespace has to be emptied of these too.

They are asked about when they are needed, not watched: there are few, and their servers may be away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import Client, Obj

_NEEDED = frozenset(("list", "delete"))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Namespaced kinds whose objects can be deleted, and the group-versions whose servers did not tell."""

    kinds: Sequence[Kind] = ()
    failures: Sequence[str] = ()


async def namespaced(client: Client) -> Elsewhere:
    """Ask every server behind an APIService what it has. Raises StatusError when APIServices cannot be listed."""
    found: list[Kind] = []
    failures: list[str] = []
    for group, version in sorted(_places((await client.list(kinds.API_SERVICE)).items)):
        try:
            listed = orjson.loads(await client.raw("GET", f"/apis/{group}/{version}"))
        except (errors.StatusError, orjson.JSONDecodeError):
            failures.append(f"{group}/{version}: stale GroupVersion discovery: {group}/{version}")
            continue
        found += [kind for entry in listed.get("resources") or () if (kind := _kind(group, version, entry))]
    return Elsewhere(found, failures)


def _places(services: Sequence[Obj]) -> list[tuple[str, str]]:
    """Of each group that another server has, its best version."""
    best: dict[str, tuple[int, str]] = {}
    for service in services:
        spec = service["spec"]
        if spec.get("service") and spec.get("group"):
            candidate = spec.get("versionPriority") or 0, spec["version"]
            best[spec["group"]] = max(best.get(spec["group"], candidate), candidate)
    return [(group, version) for group, (_, version) in best.items()]


def _kind(group: str, version: str, entry: Obj) -> Kind | None:
    verbs = tuple(entry.get("verbs") or ())
    if "/" in entry["name"] or not entry.get("namespaced") or not _NEEDED.issubset(verbs):
        return None
    return Kind(group, version, entry["kind"], entry["name"], verbs=verbs)
