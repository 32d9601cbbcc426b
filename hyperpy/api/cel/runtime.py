"""The one adapter of `cel-expr-python`, Google's C++ runtime. Loaded at the first use of an expression.

Two environments share the work. The *checker* knows the variables' types and gives exact compile errors; the *machine*
has no types at all, the functions' code, and runs what the checker made over plain dicts and lists:

    text ─▶ checker: parse, resolve, check ─▶ checked tree as bytes ─▶ machine: plan ─▶ Program

Facts about the runtime that shape this file: a Python function whose parameter is `dyn` crashes the process when it is
given an optional value, so every parameter is declared with a concrete type; functions cannot return optional values;
9,999 steps of comprehensions end an evaluation; expressions may nest 32 deep.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel

from hyperpy.api.cel import hazards, library, messages, protocol, types, values
from hyperpy.api.cel.descriptors import Messages
from hyperpy.api.cel.library import authorizer
from hyperpy.api.cel.protocol import CelError
from hyperpy.api.cel.types import Object, Type

_LIBRARIES = ({"name": "strings", "version": 2}, {"name": "sets"}, {"name": "optional"}, {"name": "bindings"})
#: Macros only: their one function is given code in `library.maps`.
_CHECKED_ONLY = ({"name": "two-var-comprehensions"},)


@lru_cache(maxsize=128)
def environment(variables: tuple[tuple[str, Type], ...]) -> Environment:
    """The environment for these variables; the last ones are kept, as the rules of one place follow each other."""
    return Environment(dict(variables))


class Environment:
    def __init__(self, variables: Mapping[str, Type]) -> None:
        self._optional = [name for name, kind in variables.items() if kind.name == "optional_type"]
        declared = dict(variables)
        for name in self._optional:
            declared[_holder(name)] = types.obj("Holder", {"value": variables[name].parameters[0]})
        self._converters = {
            name: values.converter(kind) for name, kind in declared.items() if name not in self._optional
        }
        self._asks = {name: kind for name, kind in declared.items() if kind in (types.AUTHORIZER, types.RESOURCE_CHECK)}
        self._checker = _checker(declared)

    def compile(self, expression: str) -> Program:
        try:
            checked = self._checker.compile(expression)
            if hazards.mixes_maps_and_optionals(expression, optional=self._optional):
                raise CelError(hazards.REFUSAL)
            if self._optional:
                checked = self._checker.compile(self._bound(expression))
            plan = _machine().deserialize(checked.serialize())
            returns = _type_name(checked.return_type().name())
        except (RuntimeError, UnicodeError) as error:
            raise CelError(messages.compiling(str(error))) from error
        return Program(self, plan, returns)

    def _bound(self, expression: str) -> str:
        """The text with each optional variable bound to the field of its holder: values cannot be made optional."""
        for name in self._optional:
            expression = f"cel.bind({name}, {_holder(name)}.?value,\n{expression}\n)"
        return expression

    def input(self, given: Mapping[str, Any]) -> Input:
        try:
            return Input(_machine().Activation(self._ready(given)), self._authorizer(given))
        except (RuntimeError, UnicodeError) as error:
            raise CelError(messages.evaluating(str(error))) from error

    def _ready(self, given: Mapping[str, Any]) -> dict[str, Any]:
        ready: dict[str, Any] = {}
        for name, convert in self._converters.items():
            if name.endswith(_HOLDER_SUFFIX):
                plain = name.removesuffix(_HOLDER_SUFFIX)
                value: Any = {"value": given[plain]} if plain in given else {}
            elif name in self._asks:
                value = authorizer.start(self._asks[name], given.get(name))
            elif name in given:
                value = given[name]
            else:
                continue
            ready[name] = value if convert is None or value is None else convert(value)
        return ready

    def _authorizer(self, given: Mapping[str, Any]) -> authorizer.Ask | None:
        return next((given[name] for name in self._asks if callable(given.get(name))), None)


class Input:
    """Converted values and who answers questions of access in them."""

    __slots__ = ("activation", "ask")

    def __init__(self, activation: Any, ask: authorizer.Ask | None) -> None:
        self.activation = activation
        self.ask = ask


class Program:
    __slots__ = ("_environment", "_plan", "returns")

    def __init__(self, environment: Environment, plan: Any, returns: str) -> None:
        self._environment = environment
        self._plan = plan
        self.returns = returns

    def evaluate(self, given: Mapping[str, Any] | protocol.Input) -> Any:
        ready = self._environment.input(given) if isinstance(given, Mapping) else given
        if not isinstance(ready, Input):
            raise TypeError("the input was not made by an environment")
        with authorizer.answering(ready.ask):
            try:
                found = self._plan.eval(activation=ready.activation)
                if found.type() == cel.Type.ERROR:
                    raise CelError(messages.evaluating(str(found.value())))
                return _plain(found)
            except (RuntimeError, UnicodeError) as error:
                raise CelError(messages.evaluating(str(error))) from error
            except (TypeError, SystemError) as error:
                raise CelError("the expression's value has no plain form (an optional value)") from error


def _plain(value: Any) -> Any:
    """A value as plain data, made step by step: the runtime's own way to do so crashes over some maps."""
    plain = value.value()
    if isinstance(plain, list):
        return [_plain(each) for each in plain]
    if isinstance(plain, dict):
        return {key: _plain(each) for key, each in plain.items()}
    return bytes(plain) if isinstance(plain, bytearray) else plain


_HOLDER_SUFFIX = "_optional__"
_OPTIONAL = "optional_type"


def _holder(name: str) -> str:
    return f"{name}{_HOLDER_SUFFIX}"


def _checker(variables: Mapping[str, Type]) -> Any:
    known = Messages(variables.values())
    pool = known.pool()
    # The runtime can make every type but an optional one; those have to be written into the configuration.
    optional = {name: kind for name, kind in variables.items() if kind.name == _OPTIONAL}
    written = [{"name": name, **_written(kind, known)} for name, kind in optional.items()]
    config = _configuration(written) if written else _common()
    made = {name: _variable(kind, known) for name, kind in variables.items() if name not in optional}
    try:
        return cel.NewEnv(config=config, variables=made, extensions=[_extension()], descriptor_pool=pool)
    except RuntimeError as error:
        raise CelError(messages.evaluating(str(error))) from error


@cache
def _common() -> Any:
    """What most checkers have in common: reading it takes ten times as long as making a checker of it."""
    return _configuration([])


def _configuration(variables: list[dict[str, Any]]) -> Any:
    config = {
        "extensions": [*_LIBRARIES, *_CHECKED_ONLY],
        "stdlib": {"exclude_functions": [{"name": name} for name in library.REPLACED]},
        "functions": library.declared(),
        "variables": variables,
    }
    return cel.NewEnvConfigFromYaml(json.dumps(config))


@cache
def _extension() -> Any:
    return cel.CelExtension("kubernetes", [_overloads(name, each) for name, each in library.added().items()])


@cache
def _machine() -> Any:
    functions = [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    id=each.id,
                    parameters=[_RUN[kind] for kind in each.parameters],
                    return_type=cel.Type.DYN,
                    is_member=each.member,
                    impl=each.code,
                )
                for each in overloads
            ],
        )
        for name, overloads in library.coded().items()
    ]
    config = cel.NewEnvConfigFromYaml(json.dumps({"extensions": list(_LIBRARIES)}))
    return cel.NewEnv(config=config, extensions=[cel.CelExtension("kubernetes", functions)])


_RUN = {
    "bool": cel.Type.BOOL, "int": cel.Type.INT, "uint": cel.Type.UINT, "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING, "bytes": cel.Type.BYTES, "timestamp": cel.Type.TIMESTAMP,
    "duration": cel.Type.DURATION, "list": cel.Type.LIST, "map": cel.Type.MAP,
}  # fmt: skip


def _overloads(name: str, overloads: list[library.Overload]) -> Any:
    return cel.FunctionDecl(
        name,
        [
            cel.Overload(
                id=each.id,
                parameters=[_type(kind) for kind in each.parameters],
                return_type=_type(each.returns),
                is_member=each.member,
            )
            for each in overloads
        ],
    )


def _type(kind: Type) -> Any:
    if kind.name == "list":
        return cel.Type.List(_type(kind.parameters[0]))
    if kind.name == "dyn":
        return cel.Type.DYN
    return _RUN.get(kind.name) or cel.Type.AbstractType(kind.name)


def _written(kind: Type, known: Messages) -> dict[str, Any]:
    """A type in an environment's configuration."""
    if isinstance(kind, Object):
        return {"type_name": known.name_of(kind)}
    if not kind.parameters:
        return {"type_name": kind.name}
    return {"type_name": kind.name, "params": [_written(each, known) for each in kind.parameters]}


def _variable(kind: Type, known: Messages) -> Any:
    """The type of a variable."""
    if isinstance(kind, Object):
        return cel.Type(known.name_of(kind))
    parameters = [_variable(each, known) for each in kind.parameters]
    if kind.name == "list":
        return cel.Type.List(*parameters)
    if kind.name == "map":
        return cel.Type.Map(*parameters)
    if kind.name == "dyn":
        return cel.Type.DYN
    return _RUN.get(kind.name) or cel.Type.AbstractType(kind.name, parameters)


def _type_name(name: str) -> str:
    """The runtime writes `MAP<STRING, INT>` where Kubernetes says `map(string, int)`."""
    return name.lower().replace("<", "(").replace(">", ")") if name.partition("<")[0].isupper() else name
