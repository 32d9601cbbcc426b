"""The APIServices of what this server answers itself: built-in groups at the start, custom ones as they come.

Source: kube-apiserver's auto-registration: the label says who looks after an object; without it, it is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hyperpy.api.kinds import API_SERVICE, Kind
from hyperpy.components.apiserver.bootstrap import ensure, priorities
from hyperpy.components.apiserver.bootstrap.priorities import Priority
from hyperpy.components.apiserver.core import Core

Obj = dict[str, Any]

LABEL = "kube-aggregator.kubernetes.io/automanaged"
ON_START, ALWAYS = "onstart", "true"


async def ensure_built_in(core: Core) -> None:
    """Make the APIServices of the built-in groups there and right. Raises StoreError."""
    await ensure.all_of(core, API_SERVICE, built_in(core.kinds), mend=mended)


def built_in(kinds: Iterable[Kind]) -> list[Obj]:
    """The wanted objects for every built-in group and version."""
    found: dict[str, Obj] = {}
    for kind in kinds:
        priority = priorities.built_in(kind.group, kind.version)
        if priority is not None and kind.group != priorities.OWN_GROUP and kind.definition is None:
            obj = wanted(kind.group, kind.version, priority, managed=ON_START)
            found.setdefault(obj["metadata"]["name"], obj)
    return list(found.values())


def wanted(group: str, version: str, priority: Priority, *, managed: str) -> Obj:
    """The APIService of a group and version that this server answers."""
    spec: Obj = {"version": version, "groupPriorityMinimum": priority.group, "versionPriority": priority.version}
    if group:
        spec["group"] = group
    return {"metadata": {"name": name_of(group, version), "labels": {LABEL: managed}}, "spec": spec}


def name_of(group: str, version: str) -> str:
    """`v1.apps`; `v1.` for the core group."""
    return f"{version}.{group}"


def managed_by(obj: Obj) -> str:
    """The label's value, "" when somebody else looks after the object."""
    return str((obj["metadata"].get("labels") or {}).get(LABEL) or "")


def mended(current: Obj, wanted: Obj) -> Obj:
    """The object with the wanted spec, unless somebody else looks after it."""
    if not managed_by(current) or current["spec"] == wanted["spec"]:
        return current
    return {**current, "spec": wanted["spec"]}
