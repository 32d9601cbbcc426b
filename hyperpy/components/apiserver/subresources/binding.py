"""binding: puts a Pod onto a node, once.

Source: the API reference, "Binding".
"""

from __future__ import annotations

from dataclasses import replace

import orjson

from hyperpy.api import errors, meta
from hyperpy.api.kinds import BINDING, POD, Kind
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import rendering
from hyperpy.components.apiserver.admission.chain import CREATE
from hyperpy.components.apiserver.content import negotiation, write_options
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.verbs import write
from hyperpy.components.apiserver.writes import updating
from hyperpy.components.apiserver.writes.writing import Write

_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def create(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """POST to `pods/NAME/binding`, or to `bindings`, where the name is the Binding's own."""
    negotiation.accepted(request)
    options = write_options.parse(request)
    binding, warnings = write.read_object(request, BINDING, options.field_validation)
    name = info.name or binding["metadata"].get("name") or ""
    given = binding["metadata"].get("name") or name
    if not name or given != name:
        raise errors.BadRequest(f"name in URL does not match name in Binding object: {name} and {given}")
    target = Write(POD, info.namespace or None, name, "binding", request.user, options.dry_run)
    await core.admission.ask(target.attributes(CREATE, obj=binding))
    target = replace(target, admitted=True)
    node = _node(binding)
    now = meta.timestamp(core.clock.now())

    async def transform(old: Obj) -> Obj:
        _check(target, binding, old)
        return bound(old, node, binding["metadata"], now=now)

    await updating.update(core, target, transform, rules=updating.TRUSTED)
    return rendering.plain(_SUCCESS, status=201, warnings=[*warnings, *target.warnings])


def _node(binding: Obj) -> str:
    target = binding.get("target") or {}
    if target.get("kind") not in (None, "", "Node") or not target.get("name"):
        raise errors.BadRequest(f"a Binding's target must be a Node with a name, got {target}")
    return str(target["name"])


def _check(target: Write, binding: Obj, pod: Obj) -> None:
    own, name = binding["metadata"], target.name
    updating.check_uid(target, own.get("uid"), pod)
    if own.get("resourceVersion") and own["resourceVersion"] != pod["metadata"]["resourceVersion"]:
        raise updating.conflict(target, updating.MODIFIED_MEANWHILE)
    why = ""
    if meta.is_deleting(pod):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
    elif pod["spec"].get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why:
        raise errors.conflict("", "pods/binding", name, why)


def bound(pod: Obj, node: str, extra: Obj, *, now: str) -> Obj:
    """A Pod with its node, the condition PodScheduled and the labels and annotations of the Binding."""
    # Read anew from its own bytes: a third of what it costs to copy it value by value, and every Pod is bound once.
    new: Obj = orjson.loads(orjson.dumps(pod))
    new["spec"]["nodeName"] = node
    for name in ("annotations", "labels"):
        if extra.get(name):
            new["metadata"][name] = {**(new["metadata"].get(name) or {}), **extra[name]}
    status = new.setdefault("status", {})
    conditions = [c for c in status.get("conditions") or () if c.get("type") != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    status["conditions"] = [*conditions, scheduled]
    return new
