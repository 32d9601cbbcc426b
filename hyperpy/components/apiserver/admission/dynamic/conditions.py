"""Match conditions: expressions that decide, after everything else has matched, whether a webhook or policy applies.

Source: Dynamic Admission Control, "Matching requests: matchConditions".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api.cel import CelError, Input, Program, admission
from hyperpy.components.apiserver.admission.dynamic.asking import Authority
from hyperpy.components.apiserver.admission.dynamic.request import Shown
from hyperpy.components.apiserver.registry.form import Obj


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `failure` is why it does not compile (it was let in before it was changed)."""

    name: str
    expression: str
    program: Program | None
    failure: str = ""


class Conditions:
    """All conditions of one webhook or policy, compiled at first use."""

    def __init__(self, given: Sequence[Mapping[str, Any]], *, params: bool = False) -> None:
        self._given = given
        self._scope = admission.Scope(params=params)
        self._compiled: list[Condition] | None = None

    def __bool__(self) -> bool:
        return bool(self._given)

    def hold(self, values: Mapping[str, Any]) -> bool:
        """Whether none is false.

        Raises:
            CelError: none is false, and some could not be evaluated.
        """
        failures = []
        given = admission.given_to(self._scope, values) if self._given else values
        for condition in self._conditions():
            try:
                if _value(condition, given) is False:
                    return False
            except CelError as error:
                failures.append(str(error))
        if failures:
            raise CelError(failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]")
        return True

    def _conditions(self) -> list[Condition]:
        if self._compiled is None:
            self._compiled = [self._compile(each) for each in self._given]
        return self._compiled

    def _compile(self, given: Mapping[str, Any]) -> Condition:
        name, expression = given.get("name") or "", (given.get("expression") or "").strip()
        try:
            program = admission.compiled(expression, self._scope, (admission.BOOL,))
        except CelError as error:
            return Condition(name, expression, None, str(error))
        return Condition(name, expression, program)


def _value(condition: Condition, values: Mapping[str, Any] | Input) -> Any:
    if condition.program is None:
        raise CelError(f"compilation error: {condition.failure}")
    try:
        return condition.program.evaluate(values)
    except CelError as error:
        raise CelError(f"expression '{condition.expression}' resulted in error: {error}") from error


def values(shown: Shown, *, authority: Authority, namespace: Obj | None = None) -> Obj:
    """What expressions are given of a request."""
    return {
        "object": shown.obj,
        "oldObject": shown.old,
        "request": shown.described(),
        "namespaceObject": namespace,
        "authorizer": authority.ask,
        "authorizer.requestResource": authority.own,
    }
