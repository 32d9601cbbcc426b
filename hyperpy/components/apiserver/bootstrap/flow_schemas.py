"""The default flow schemas and priority levels, as Kubernetes keeps them.

They say what users expect to see; what acts on requests are this server's own limits (`limits.py`).
"""

from __future__ import annotations

from typing import Any

from hyperpy.api import flowcontrol, meta
from hyperpy.api.kinds import FLOW_SCHEMA, PRIORITY_LEVEL_CONFIGURATION
from hyperpy.components.apiserver.bootstrap import ensure
from hyperpy.components.apiserver.core import Core

Obj = dict[str, Any]

_MANDATORY = frozenset((*flowcontrol.MANDATORY_LEVELS, *flowcontrol.MANDATORY_SCHEMAS))


async def ensure_all(core: Core) -> None:
    """Make what is missing, and put right what was changed and may not be."""
    levels = {**flowcontrol.MANDATORY_LEVELS, **flowcontrol.SUGGESTED_LEVELS}
    await ensure.all_of(core, PRIORITY_LEVEL_CONFIGURATION, [_level(*item) for item in levels.items()], mend=_mend)
    schemas = {**flowcontrol.MANDATORY_SCHEMAS, **flowcontrol.SUGGESTED_SCHEMAS}
    now = meta.timestamp(core.clock.now())
    await ensure.all_of(core, FLOW_SCHEMA, [_schema(*item, now=now) for item in schemas.items()], mend=_mend)


def _level(name: str, spec: Obj) -> Obj:
    return {"metadata": _metadata(name), "spec": spec}


def _schema(name: str, spec: Obj, *, now: str) -> Obj:
    """The schema with the condition that tells that its priority level is there."""
    level = spec["priorityLevelConfiguration"]["name"]
    condition = {
        "type": "Dangling",
        "status": "False",
        "reason": "Found",
        "message": f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" and it exists',
        "lastTransitionTime": now,
    }
    return {"metadata": _metadata(name), "spec": spec, "status": {"conditions": [condition]}}


def _metadata(name: str) -> Obj:
    return {"name": name, "annotations": {flowcontrol.AUTO_UPDATE: "true"}}


def _mend(current: Obj, wanted: Obj) -> Obj:
    """The spec that is wanted, unless the object is a suggested one that its owner has taken over."""
    own = current["metadata"]
    kept = (own.get("annotations") or {}).get(flowcontrol.AUTO_UPDATE) == "true"
    if own["name"] not in _MANDATORY and not kept:
        return current
    return current if current.get("spec") == wanted["spec"] else {**current, "spec": wanted["spec"]}
