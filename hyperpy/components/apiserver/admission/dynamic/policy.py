"""One ValidatingAdmissionPolicy or binding, ready to be evaluated: pure but for the compiling of expressions.

Source: the API reference, "ValidatingAdmissionPolicy" (admissionregistration.k8s.io/v1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hyperpy.api import labels
from hyperpy.api.cel import CelError, Program, admission
from hyperpy.api.cel.admission import Composition, Evaluation
from hyperpy.api.labels import Selector
from hyperpy.components.apiserver.admission.dynamic.conditions import Conditions
from hyperpy.components.apiserver.admission.dynamic.matching import Match
from hyperpy.components.apiserver.registry.form import Obj

#: Longest text that a messageExpression may make, in bytes.
_MAX_MESSAGE = 5 * 1024
#: Longest value of an audit annotation, in bytes.
_MAX_ANNOTATION = 10 * 1024
_INVALID = "Invalid"


@dataclass(frozen=True, slots=True)
class Denial:
    """A validation that does not hold, or could not be evaluated. `index` is its place in the policy."""

    message: str
    reason: str = _INVALID
    index: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says about a request: `failures` deny whatever the binding's actions are."""

    denials: Sequence[Denial] = ()
    failures: Sequence[Denial] = ()
    annotations: Sequence[tuple[str, str]] = ()


_NOTHING = Verdict()


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of a policy; `failure` is why it does not compile."""

    text: str
    program: Program | None
    failure: str = ""

    def evaluate(self, evaluation: Evaluation) -> Any:
        """Raises CelError."""
        if self.program is None:
            raise CelError(f"compilation error: {self.failure}")
        return evaluation.evaluate(self.text, self.program)


@dataclass(frozen=True, slots=True)
class Validation:
    """What must hold, and what is said when it does not."""

    condition: Expression
    message: str
    told: Expression | None
    reason: str

    def denial(self, evaluation: Evaluation, index: int) -> Denial:
        """What is said now that it does not hold."""
        message = _told(self.told, evaluation) if self.told is not None else ""
        text = message or self.message.strip() or f"failed expression: {self.condition.text.strip()}"
        return Denial(text, self.reason, index)


class Policy:
    """A policy. Its expressions are compiled when a request first matches it."""

    def __init__(self, obj: Obj) -> None:
        spec = obj["spec"]
        constraints = spec.get("matchConstraints") or {}
        self._spec = spec
        self.name: str = obj["metadata"]["name"]
        self.param_kind: Mapping[str, str] | None = spec.get("paramKind")
        self.match = Match.read(constraints, constraints.get("resourceRules") or ())
        self.ignores_failure = spec.get("failurePolicy") == "Ignore"
        self._conditions = Conditions(spec.get("matchConditions") or (), params=self.param_kind is not None)

    def judge(self, values: Mapping[str, Any]) -> Verdict:
        """The verdict over what `conditions.values` made of a request, with `params`."""
        try:
            if not self._conditions.hold(values):
                return _NOTHING
        except CelError as error:
            return self._failed(str(error))
        evaluation = self._compiled.composition.evaluation(values)
        denials = tuple(self._denials(evaluation))
        failures: list[Denial] = []
        annotations = tuple(self._annotations(evaluation, failures))
        return Verdict(denials, () if self.ignores_failure else failures, annotations)

    def _failed(self, why: str) -> Verdict:
        return _NOTHING if self.ignores_failure else Verdict((Denial(why),))

    def _denials(self, evaluation: Evaluation) -> Iterator[Denial]:
        for index, validation in enumerate(self._compiled.validations):
            try:
                holds = validation.condition.evaluate(evaluation) is True
            except CelError as error:
                if not self.ignores_failure:
                    yield Denial(str(error), index=index)
                continue
            if not holds:
                yield validation.denial(evaluation, index)

    def _annotations(self, evaluation: Evaluation, failures: list[Denial]) -> Iterator[tuple[str, str]]:
        for key, expression in self._compiled.annotations:
            try:
                value = expression.evaluate(evaluation)
            except CelError as error:
                failures.append(Denial(str(error)))
                continue
            text = value.strip() if isinstance(value, str) else ""
            if text:
                yield key, text.encode()[:_MAX_ANNOTATION].decode(errors="ignore")

    @cached_property
    def _compiled(self) -> _Compiled:
        return _compile(self._spec, params=self.param_kind is not None)


@dataclass(frozen=True, slots=True)
class _Compiled:
    composition: Composition
    validations: list[Validation] = field(default_factory=list)
    annotations: list[tuple[str, Expression]] = field(default_factory=list)


def _compile(spec: Mapping[str, Any], *, params: bool) -> _Compiled:
    composition = Composition(admission.Scope(params=params))
    for variable in spec.get("variables") or ():
        try:
            composition.add(variable["name"], variable["expression"])
        except CelError:
            continue  # whoever reads it finds no such key
    compiled = _Compiled(composition)
    for each in spec.get("validations") or ():
        told = each.get("messageExpression")
        compiled.validations.append(
            Validation(
                condition=_expression(composition, each.get("expression") or "", (admission.BOOL,)),
                message=each.get("message") or "",
                told=_expression(composition, told, (admission.STRING,), authorizer=False) if told else None,
                reason=each.get("reason") or _INVALID,
            )
        )
    for each in spec.get("auditAnnotations") or ():
        returns = (admission.STRING, admission.NULL)
        compiled.annotations.append((each["key"], _expression(composition, each["valueExpression"].strip(), returns)))
    return compiled


def _expression(
    composition: Composition, text: str, returns: tuple[str, ...], *, authorizer: bool = True
) -> Expression:
    try:
        return Expression(text, composition.compile(text, returns, authorizer=authorizer))
    except CelError as error:
        return Expression(text, None, str(error))


def _told(expression: Expression, evaluation: Evaluation) -> str:
    """The message, or "" where it cannot be had or cannot be shown."""
    try:
        message = expression.evaluate(evaluation)
    except CelError:
        return ""
    text = message.strip() if isinstance(message, str) else ""
    return "" if "\n" in text or len(text.encode()) > _MAX_MESSAGE else text


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A binding: which requests of those a policy matches, with which parameters, and what follows."""

    name: str
    policy: str
    actions: tuple[str, ...]
    match: Match | None
    param: ParamRef | None


@dataclass(frozen=True, slots=True)
class ParamRef:
    """Where parameters are: one by name, or those that a selector picks."""

    name: str
    namespace: str
    selector: Selector | None
    denies_missing: bool


def read_binding(obj: Obj) -> Binding:
    """A binding of the API."""
    spec = obj["spec"]
    resources, reference = spec.get("matchResources"), spec.get("paramRef")
    return Binding(
        name=obj["metadata"]["name"],
        policy=spec.get("policyName") or "",
        actions=tuple(spec.get("validationActions") or ()),
        match=Match.read(resources, resources.get("resourceRules") or ()) if resources is not None else None,
        param=_param_ref(reference) if reference is not None else None,
    )


def _param_ref(reference: Mapping[str, Any]) -> ParamRef:
    selector = reference.get("selector")
    return ParamRef(
        name=reference.get("name") or "",
        namespace=reference.get("namespace") or "",
        selector=labels.from_selector(selector) if selector is not None else None,
        denies_missing=reference.get("parameterNotFoundAction") == "Deny",
    )
