"""What the users of CEL see: environments make programs, programs are evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class CelError(Exception):
    """An expression does not compile, or fails for the values it got.

    `str(error)` is the text Kubernetes' users know: `ERROR: <input>:1:5: undefined field 'x'...`, `no such key: x`.
    """


class Input(Protocol):
    """Values, made ready for the evaluation of several programs. Good as long as the values do not change."""


class Program(Protocol):
    """A compiled expression. `returns` is the type found at compile time: `bool`, `string`, `list`, `dyn`, ..."""

    returns: str

    def evaluate(self, given: Mapping[str, Any] | Input) -> Any:
        """The expression's value as plain data: numbers, strings, lists, dicts, datetime and timedelta.

        Args:
            given: variable -> value as JSON gives it, or what `Environment.input` made of that.
        Raises:
            CelError: the evaluation failed.
        """


class Environment(Protocol):
    """Compiles expressions over a fixed set of typed variables."""

    def compile(self, expression: str) -> Program:
        """Parse and check an expression.

        Raises:
            CelError: with all that is wrong, each with its line and column.
        """

    def input(self, given: Mapping[str, Any]) -> Input:
        """Convert values once for several evaluations."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an expression asks its `authorizer`. With a `path`, all but the verb are empty."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: str = ""
    label_selector: str = ""
    service_account: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the authorizer says: `allowed` or not, `reason`, and `error` where it could not decide."""

    allowed: bool
    reason: str = ""
    error: str = ""
