"""DeleteOptions: how long an object may take to stop, what becomes of its dependents, and on what conditions.

Source: the API reference, "DeleteOptions"; Concepts, "Garbage Collection".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from hyperpy.api import errors, schema
from hyperpy.api.schema import cause
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.content import negotiation, option_errors, write_options

BACKGROUND, FOREGROUND, ORPHAN = "Background", "Foreground", "Orphan"
_POLICIES = (BACKGROUND, FOREGROUND, ORPHAN)
_KIND = "DeleteOptions"
_SCHEMA = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """None means that the request does not say. `orphan_dependents` is the older form of `propagation`."""

    grace_s: int | None = None
    propagation: str | None = None
    orphan_dependents: bool | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False

    def document(self) -> dict[str, Any]:
        """What is said, beside `dryRun`, as an object of the API has it."""
        preconditions = {"uid": self.uid, "resourceVersion": self.resource_version}
        said = {
            "gracePeriodSeconds": self.grace_s,
            "propagationPolicy": self.propagation,
            "orphanDependents": self.orphan_dependents,
            "preconditions": {name: value for name, value in preconditions.items() if value} or None,
        }
        return {name: value for name, value in said.items() if value is not None}


def parse(request: Request) -> DeleteOptions:
    """The options in a request's body, or else in its query.

    Raises:
        BadRequest: the body is something else.
        Invalid: values that may not be or not stand together.
    """
    if not request.body.strip():
        return from_body(_query_as_body(request))
    body = negotiation.decode(request, find_repeated=False).value
    if body.get("kind") not in (None, "", _KIND):
        raise errors.BadRequest(f"a {_KIND} object was expected in the body, got a {body['kind']}")
    return from_body(body, dry_run=request.query.get("dryRun", ()))


def from_body(body: dict[str, Any], *, dry_run: tuple[str, ...] = ()) -> DeleteOptions:
    """The options of a DeleteOptions object; raises as `parse` does."""
    decoded = schema.named(_SCHEMA).decode(body)
    if decoded.causes:
        raise errors.BadRequest(f"{_KIND} cannot be read: {', '.join(map(str, decoded.causes))}")
    conditions = body.get("preconditions") or {}
    options = DeleteOptions(
        grace_s=body.get("gracePeriodSeconds"),
        propagation=body.get("propagationPolicy") or None,
        orphan_dependents=body.get("orphanDependents"),
        uid=conditions.get("uid"),
        resource_version=conditions.get("resourceVersion"),
        dry_run=write_options.dry_run([*(body.get("dryRun") or ()), *dry_run], _KIND),
    )
    _check(options)
    return options


def _query_as_body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name in ("gracePeriodSeconds", "orphanDependents"):
        text = request.param(name)
        if text:
            body[name] = _json(name, text)
    if request.param("propagationPolicy"):
        body["propagationPolicy"] = request.param("propagationPolicy")
    if "dryRun" in request.query:
        body["dryRun"] = list(request.query["dryRun"])
    return body


def _json(name: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise errors.BadRequest(f'query parameter {name}: "{text}" cannot be read') from None


def _check(options: DeleteOptions) -> None:
    policy = options.propagation
    if policy is not None and policy not in _POLICIES:
        raise option_errors.invalid(_KIND, [cause.not_supported("propagationPolicy", policy, _POLICIES)])
    if policy is not None and options.orphan_dependents is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        raise option_errors.invalid(_KIND, [cause.invalid("propagationPolicy", policy, text)])
