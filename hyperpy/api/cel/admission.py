"""CEL in admission: the variables that policies and match conditions have, and variables composed of expressions.

Source: the API reference, "ValidatingAdmissionPolicy" and "MatchCondition" (admissionregistration.k8s.io/v1).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from hyperpy.api import cel
from hyperpy.api.cel import types
from hyperpy.api.cel.protocol import CelError, Environment, Input, Program
from hyperpy.api.cel.types import Type

BOOL, STRING, NULL = "bool", "string", "null_type"

_STRINGS = types.list_of(types.STRING)
_TEXTS = types.map_of(types.STRING)
_KIND = types.obj("GroupVersionKind", dict.fromkeys(("group", "version", "kind"), types.STRING))
_RESOURCE = types.obj("GroupVersionResource", dict.fromkeys(("group", "version", "resource"), types.STRING))
_USER = types.obj(
    "UserInfo",
    {"username": types.STRING, "uid": types.STRING, "groups": _STRINGS, "extra": types.map_of(_STRINGS)},
)
REQUEST = types.obj(
    "AdmissionRequest",
    {
        "kind": _KIND, "resource": _RESOURCE, "subResource": types.STRING, "requestKind": _KIND,
        "requestResource": _RESOURCE, "requestSubResource": types.STRING, "name": types.STRING,
        "namespace": types.STRING, "operation": types.STRING, "userInfo": _USER, "dryRun": types.BOOL,
        "options": types.DYN,
    },
)  # fmt: skip
_METADATA = types.obj(
    "NamespaceMetadata",
    {
        "name": types.STRING, "generateName": types.STRING, "namespace": types.STRING, "labels": _TEXTS,
        "annotations": _TEXTS, "UID": types.STRING, "creationTimestamp": types.TIMESTAMP,
        "deletionGracePeriodSeconds": types.INT, "deletionTimestamp": types.TIMESTAMP, "generation": types.INT,
        "resourceVersion": types.STRING, "finalizers": _STRINGS,
    },
)  # fmt: skip
NAMESPACE = types.obj(
    "Namespace",
    {
        "metadata": _METADATA,
        "spec": types.obj("NamespaceSpec", {"finalizers": _STRINGS}),
        "status": types.obj("NamespaceStatus", {"phase": types.STRING}),
    },
)

_USE = re.compile(r"\bvariables\s*\.\s*\??\s*([_a-zA-Z][_a-zA-Z0-9]*)")
_MISSING = re.compile(r'no such key: "?([_a-zA-Z][_a-zA-Z0-9]*)"?')

Variables = tuple[tuple[str, Type], ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions may name.

    Args:
        params: whether `params` is there.
        authorizer: whether `authorizer` is.
        obj: the type of `object` and `oldObject`.
        param: the type of `params`.
    """

    params: bool = False
    authorizer: bool = True
    obj: Type = types.DYN
    param: Type = types.DYN


class Unfit(CelError):
    """An expression compiles, but to a type that its place does not take."""


@lru_cache(maxsize=64)
def _environment(scope: Scope, variables: Variables) -> Environment:
    declared = {
        "object": scope.obj,
        "oldObject": scope.obj,
        "request": REQUEST,
        "namespaceObject": NAMESPACE,
    }
    if scope.params:
        declared["params"] = scope.param
    if scope.authorizer:
        declared["authorizer"] = types.AUTHORIZER
        declared["authorizer.requestResource"] = types.RESOURCE_CHECK
    if variables:
        declared["variables"] = types.obj("Variables", dict(variables))
    return cel.environment(declared)


def compiled(expression: str, scope: Scope, returns: Collection[str], variables: Variables = ()) -> Program:
    """A program whose value has one of these types.

    Raises:
        CelError: with Kubernetes' text, `compilation failed: ERROR: ...` or `must evaluate to bool`.
    """
    try:
        program = _environment(scope, variables).compile(expression)
    except CelError as error:
        raise CelError(f"compilation failed: {error}") from error
    if returns and program.returns not in returns:
        wanted = next(iter(returns)) if len(returns) == 1 else f"one of [{' '.join(returns)}]"
        raise Unfit(f"must evaluate to {wanted}")
    return program


def given_to(scope: Scope, values: Mapping[str, Any]) -> Input:
    """Values made ready for several expressions that use no variables."""
    return _environment(scope, ()).input(values)


@dataclass(slots=True)
class Composition:
    """The `variables` of a policy: each may use those before it, and is evaluated when it is first needed."""

    scope: Scope
    declared: dict[str, Type] = field(default_factory=dict)
    _sources: dict[str, tuple[str, Program]] = field(default_factory=dict)

    def add(self, name: str, expression: str) -> None:
        """Compile one more variable; raises CelError, and then the variable counts as one of any type."""
        try:
            program = compiled(expression, self.scope, (), tuple(self.declared.items()))
        except CelError:
            self.declared[name] = types.DYN
            raise
        self._sources[name] = (expression, program)
        self.declared[name] = type_of(program.returns)

    def compile(self, expression: str, returns: Collection[str], *, authorizer: bool = True) -> Program:
        """An expression that may use the variables; raises CelError."""
        scope = self.scope if authorizer else Scope(self.scope.params, False, self.scope.obj, self.scope.param)
        return compiled(expression, scope, returns, tuple(self.declared.items()))

    def evaluation(self, given: Mapping[str, Any]) -> Evaluation:
        """One round of evaluations over the same values."""
        return Evaluation(self, given)

    def input(self, given: Mapping[str, Any]) -> Input:
        """Values for all expressions that use no variables."""
        return given_to(self.scope, given)

    def needed(self, expression: str) -> Sequence[str]:
        """The variables that an expression names, in the order of their declaration."""
        found = set(used(expression))
        return [name for name in self._sources if name in found]

    def source(self, name: str) -> tuple[str, Program]:
        """The expression of a variable and what it was compiled to."""
        return self._sources[name]


class Evaluation:
    """Values of the variables, each worked out once; one that fails is an error only for what really reads it."""

    def __init__(self, composition: Composition, given: Mapping[str, Any]) -> None:
        self._composition = composition
        self._given = dict(given)
        self._plain: Input | None = None
        self._values: dict[str, Any] = {}
        self._errors: dict[str, CelError] = {}

    def evaluate(self, expression: str, program: Program) -> Any:
        """The value of an expression of the policy.

        Raises:
            CelError: `expression '...' resulted in error: ...`.
        """
        try:
            return self._run(expression, program)
        except CelError as error:
            raise CelError(f"expression '{expression}' resulted in error: {error}") from error

    def _run(self, expression: str, program: Program) -> Any:
        needed = self._composition.needed(expression)
        if not needed:
            if self._plain is None:
                self._plain = self._composition.input(self._given)
            return program.evaluate(self._plain)
        for name in needed:
            if name not in self._values and name not in self._errors:
                self._work_out(name)
        variables = {name: self._values[name] for name in needed if name in self._values}
        try:
            return program.evaluate({**self._given, "variables": variables})
        except CelError as error:
            missing = _MISSING.search(str(error))
            if missing and missing[1] in self._errors:
                raise self._errors[missing[1]] from error
            raise

    def _work_out(self, name: str) -> None:
        expression, program = self._composition.source(name)
        try:
            self._values[name] = self._run(expression, program)
        except CelError as error:
            self._errors[name] = CelError(f'composited variable "{name}" fails to evaluate: {error}')


def used(expression: str) -> frozenset[str]:
    """The variables that an expression names; more at most, as texts inside it are not told apart."""
    return frozenset(_USE.findall(expression))


def type_of(name: str) -> Type:
    """The type that `Program.returns` names, `dyn` for one that cannot be a field's."""
    for kind in (types.BOOL, types.INT, types.DOUBLE, types.STRING, types.BYTES, types.TIMESTAMP, types.DURATION):
        if name == kind.name:
            return kind
    if name.startswith("list(") and name.endswith(")"):
        return types.list_of(type_of(name[5:-1]))
    if name.startswith("map(string, ") and name.endswith(")"):
        return types.map_of(type_of(name[12:-1]))
    return types.DYN
