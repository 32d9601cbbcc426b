"""The authorizer: `authorizer.group('apps').resource('deployments').namespace('default').check('create').allowed()`.

The expression only describes the question; who answers is known to the evaluation that is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from typing import Any

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import TYPE, Overload
from hyperpy.api.cel.protocol import Access, Answer
from hyperpy.api.cel.types import Type

Ask = Callable[[Access], Answer]
_Value = dict[str, Any]

_AUTHORIZER, _CHECK = types.AUTHORIZER, types.RESOURCE_CHECK
_GROUP = Type("kubernetes.authorization.GroupCheck")
_PATH = Type("kubernetes.authorization.PathCheck")
_DECISION = Type("kubernetes.authorization.Decision")

#: What `authorizer.requestResource` brings along.
_FIELDS = tuple(each.name for each in fields(Access) if each.name not in ("verb", "service_account"))

_asked: ContextVar[Ask | None] = ContextVar("asked", default=None)


@contextmanager
def answering(ask: Ask | None) -> Iterator[None]:
    """While it lasts, `ask` answers."""
    if ask is None:
        yield
        return
    token = _asked.set(ask)
    try:
        yield
    finally:
        _asked.reset(token)


def start(kind: Type, given: object) -> _Value:
    """The value of a variable of one of the two types, `given` for the evaluation."""
    value: _Value = {TYPE: kind.name}
    if isinstance(given, Access):
        value.update((name, known) for name in _FIELDS if (known := getattr(given, name)))
    return value


def _step(kind: Type, **fields: str) -> Callable[..., _Value]:
    """A function that adds its arguments to the question, under these names."""
    names = tuple(fields)

    def step(value: _Value, *arguments: str) -> _Value:
        return {**value, TYPE: kind.name, **dict(zip(names, arguments, strict=True))}

    return step


def _check(value: _Value, verb: str = "") -> _Value:
    ask = _asked.get()
    if ask is None:
        raise ValueError("no authorizer is at hand")
    asked = {key: given for key, given in value.items() if key not in (TYPE, "sa_namespace", "sa_name")}
    account = (value["sa_namespace"], value["sa_name"]) if "sa_name" in value else None
    answer = ask(Access(verb=verb, service_account=account, **asked))
    return {TYPE: _DECISION.name, "allowed": answer.allowed, "reason": answer.reason, "error": answer.error}


def _same(name: str, field: str) -> Overload:
    """A step of a resource check that sets one field."""
    return Overload(name, f"resourcecheck_{name}", (_CHECK, _S), _CHECK, _step(_CHECK, **{field: ""}))


_S = types.STRING
OVERLOADS = (
    Overload("path", "authorizer_path", (_AUTHORIZER, _S), _PATH, _step(_PATH, path="")),
    Overload("group", "authorizer_group", (_AUTHORIZER, _S), _GROUP, _step(_GROUP, group="")),
    Overload("serviceAccount", "authorizer_serviceaccount", (_AUTHORIZER, _S, _S), _AUTHORIZER,
             _step(_AUTHORIZER, sa_namespace="", sa_name="")),
    Overload("resource", "groupcheck_resource", (_GROUP, _S), _CHECK, _step(_CHECK, resource="")),
    _same("subresource", "subresource"),
    _same("namespace", "namespace"),
    _same("name", "name"),
    _same("fieldSelector", "field_selector"),
    _same("labelSelector", "label_selector"),
    Overload("check", "pathcheck_check", (_PATH, _S), _DECISION, _check),
    Overload("check", "resourcecheck_check", (_CHECK, _S), _DECISION, _check),
    Overload("allowed", "decision_allowed", (_DECISION,), types.BOOL, lambda decision: decision["allowed"]),
    Overload("reason", "decision_reason", (_DECISION,), _S, lambda decision: decision["reason"]),
    Overload("errored", "decision_errored", (_DECISION,), types.BOOL, lambda decision: bool(decision["error"])),
    Overload("error", "decision_error", (_DECISION,), _S, lambda decision: decision["error"]),
)  # fmt: skip
