"""Rules of PriorityClasses and RuntimeClasses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, resources, rules, scheduling
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

MAX_PRIORITY = 1_000_000_000
SYSTEM_PREFIX = "system-"
#: The classes that Kubernetes itself brings, with their values.
SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_PREEMPTION = ("PreemptLowerPriority", "Never")


def priority_class(obj: Obj) -> Iterator[Cause]:
    """A PriorityClass, new or changed."""
    name, value, policy = obj["metadata"].get("name") or "", obj.get("value") or 0, obj.get("preemptionPolicy")
    if name.startswith(SYSTEM_PREFIX):
        problem = _unknown_class(name, value, bool(obj.get("globalDefault")))
        if problem:
            text = (
                f"priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only. error: {problem}"
            )
            yield cause.forbidden("metadata.name", text)
    elif value > MAX_PRIORITY:
        text = f"maximum allowed value of a user defined priority is {MAX_PRIORITY}"
        yield cause.forbidden("value", text)
    if policy is not None and policy not in _PREEMPTION:
        yield cause.not_supported("preemptionPolicy", policy, _PREEMPTION)


def priority_class_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed PriorityClass: its value stays."""
    if (new.get("value") or 0) != (old.get("value") or 0):
        yield cause.forbidden("value", "may not be changed in an update.")
    yield from rules.immutable("preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))


def runtime_class(obj: Obj) -> Iterator[Cause]:
    """A RuntimeClass, new or changed."""
    yield from rules.formed("handler", obj.get("handler") or "", formats.dns_label)
    fixed = (obj.get("overhead") or {}).get("podFixed")
    if fixed:
        yield from resources.requirements({"limits": fixed}, "overhead.podFixed")
    given = obj.get("scheduling") or {}
    yield from rules.labels("scheduling.nodeSelector", given.get("nodeSelector"))
    tolerations = given.get("tolerations") or ()
    yield from scheduling.tolerations(tolerations, "scheduling.tolerations")
    for i, toleration in enumerate(tolerations):
        if toleration in tolerations[:i]:
            yield cause.duplicate(f"scheduling.tolerations[{i}]", toleration)


def runtime_class_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed RuntimeClass: its handler stays."""
    yield from rules.immutable("handler", new.get("handler"), old.get("handler"))


def _unknown_class(name: str, value: int, is_default: bool) -> str:
    if name not in SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_CLASSES[name]:
        return f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


RULES = {
    ("scheduling.k8s.io", "PriorityClass"): Rules(priority_class, priority_class_update),
    ("node.k8s.io", "RuntimeClass"): Rules(runtime_class, runtime_class_update),
}
