"""Makes audit.k8s.io/v1 Events: the parts known at once, and those read from bodies, later and in a thread.

Source: audit.k8s.io/v1 reference, "Event".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hyperpy.api import errors
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Pieces, Request, UserInfo
from hyperpy.components.apiserver.audit.policy import Decision, Level
from hyperpy.components.apiserver.content import negotiation

Obj = dict[str, Any]

_WRITES = frozenset(("create", "update", "patch", "delete", "deletecollection"))
_BODIES = frozenset(("requestObject", "responseObject"))
#: Kubernetes' annotation of an event that could not be written whole.
TRUNCATED = "audit.k8s.io/truncated"
_STATUS_FIELDS = ("status", "message", "reason", "details", "code")


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes that become an object of an event when it is written."""

    content: bytes | Pieces
    content_type: str


@dataclass(frozen=True, slots=True)
class Pending:
    """An event before its bodies are read."""

    event: Obj
    decision: Decision
    request: Body | None = None
    response: Body | None = None


def base(request: Request, info: RequestInfo, *, audit_id: str, decision: Decision, peer: str) -> Obj:
    """What every event of a request says.

    Args:
        peer: the address at the other end of the connection; "" for a client in this process.
    """
    event: Obj = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": decision.level.title,
        "auditID": audit_id,
        "stage": "",
        "requestURI": request.uri(),
        "verb": info.verb,
    }
    addresses = source_addresses(request.headers, peer)
    if addresses:
        event["sourceIPs"] = addresses
    agent = request.headers.get("user-agent")
    if agent:
        event["userAgent"] = agent
    if info.is_resource:
        event["objectRef"] = _reference(info)
    return event


def source_addresses(headers: Mapping[str, str], peer: str) -> list[str]:
    """X-Forwarded-For, then X-Real-Ip, then the peer, each once where the rules want it."""
    found = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    real = headers.get("x-real-ip", "").strip()
    if real and real not in found:
        found.append(real)
    if peer and (not found or found[-1] != peer):
        found.append(peer)
    return found


def user(who: UserInfo) -> Obj:
    """A user as events name one."""
    told: Obj = {"username": who.name}
    if who.uid:
        told["uid"] = who.uid
    if who.groups:
        told["groups"] = list(who.groups)
    if who.extra:
        told["extra"] = {name: list(values) for name, values in who.extra.items()}
    return told


def _reference(info: RequestInfo) -> Obj:
    fields = {
        "resource": info.resource,
        "namespace": info.namespace,
        "name": info.name,
        "apiGroup": info.group,
        "apiVersion": info.version,
        "subresource": info.subresource,
    }
    return {name: value for name, value in fields.items() if value}


def line(pending: Pending) -> bytes:
    """The finished event as one line of JSON; reads the bodies, so it belongs into a thread."""
    event, decision = pending.event, pending.decision
    if pending.request is not None and event["verb"] in _WRITES:
        _tell_request(event, decision, pending.request)
    if pending.response is not None:
        _tell_response(event, decision, pending.response)
    try:
        return orjson.dumps(event) + b"\n"
    except TypeError:
        return orjson.dumps(_writable(event)) + b"\n"


def _writable(event: Obj) -> Obj:
    """An event without what JSON cannot hold: bodies nested too deeply, bytes of headers that are no text."""
    told = {name: _clean(value) for name, value in event.items() if name not in _BODIES}
    if not _BODIES.isdisjoint(event):
        told["annotations"] = {**(told.get("annotations") or {}), TRUNCATED: "true"}
    return told


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list) else value


def _tell_request(event: Obj, decision: Decision, body: Body) -> None:
    obj = _object(body)
    if obj is None:
        return
    reference = event.get("objectRef")
    if reference is not None and isinstance(obj, dict) and event["verb"] in ("create", "update"):
        _complete(reference, obj)
    if decision.level >= Level.REQUEST and reference is not None:
        event["requestObject"] = _shown(obj, decision)


def _tell_response(event: Obj, decision: Decision, body: Body) -> None:
    status = event["responseStatus"]
    wanted = decision.level >= Level.REQUEST_RESPONSE and "objectRef" in event
    if not wanted and status.get("code", 200) < 400:
        return
    obj = _object(body)
    if isinstance(obj, dict) and obj.get("kind") == "Status":
        status |= {name: obj[name] for name in _STATUS_FIELDS if obj.get(name) not in (None, "", {})}
    if wanted and obj is not None:
        event["responseObject"] = _shown(obj, decision)


def _object(body: Body) -> Any:
    """A body as an object, or None when it is empty or none."""
    content = bytes(body.content)
    if not content:
        return None
    media_type = body.content_type.partition(";")[0].strip().lower()
    try:
        if media_type.endswith("json") or not media_type:
            return orjson.loads(content)
        if "patch" in media_type:
            return negotiation.decode(_as(body, "application/yaml"), find_repeated=False).value
        return negotiation.decode(_as(body, media_type), find_repeated=False).value
    except (orjson.JSONDecodeError, errors.StatusError):
        return None


def _as(body: Body, content_type: str) -> Request:
    return Request("POST", "", headers={"content-type": content_type}, body=bytes(body.content))


def _complete(reference: Obj, obj: Obj) -> None:
    """What only the body tells of the object."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict):
        return
    for field in ("namespace", "name", "uid", "resourceVersion"):
        value = meta.get(field)
        if value and isinstance(value, str):
            reference.setdefault(field, value)


def _shown(obj: Any, decision: Decision) -> Any:
    if decision.omit_managed_fields and isinstance(obj, dict):
        items = obj.get("items")
        for each in (obj, *(items if isinstance(items, list) else ())):
            if isinstance(each, dict) and isinstance(each.get("metadata"), dict):
                each["metadata"].pop("managedFields", None)
    return obj
