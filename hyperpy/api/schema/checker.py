"""The one adapter of jsonschema-rs: checks a value against a JSON Schema and yields plain findings.

The library (4 MB) is loaded with the first schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jsonschema_rs


@dataclass(frozen=True, slots=True)
class Finding:
    """One departure of a value from its schema.

    Args:
        path: keys and indexes from the value's root to what is wrong.
        rule: the keyword that failed: `type`, `additionalProperties`, `pattern`, `minimum`, `maximum`, ...
        detail: what the keyword carries: the types wanted, the unexpected names, the pattern, the limit.
        schema: keys through the schema as they were followed, references included.
        owner: the name of the definition that states the rule, or "" where an inline schema does.
    """

    path: tuple[str | int, ...]
    rule: str
    detail: Any
    schema: tuple[str | int, ...]
    owner: str


class BadPattern(ValueError):
    """A pattern in a schema is no regular expression, or none that can be searched in linear time."""


class Checker:
    """A compiled schema. Compiling takes milliseconds; keep it.

    Args:
        formats: what `format` keywords check, by their names; without it they are ignored.
    Raises:
        BadPattern: on a `pattern` that does not compile.
    """

    def __init__(self, schema: dict[str, Any], *, formats: Mapping[str, Callable[[str], bool]] | None = None) -> None:
        import jsonschema_rs

        try:
            self._validator = jsonschema_rs.Draft4Validator(
                schema,
                formats=dict(formats or {}),
                validate_formats=bool(formats),
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        except (ValueError, jsonschema_rs.ValidationError) as error:
            raise BadPattern(str(error).partition("\n")[0]) from error

    def accepts(self, value: Any) -> bool:
        """Whether there is nothing wrong with a value."""
        return self._validator.is_valid(value)

    def findings(self, value: Any) -> list[Finding]:
        """Everything that is wrong with a value. An unknown field is not looked into."""
        return [_finding(error) for error in self._validator.iter_errors(value)]


def _finding(error: jsonschema_rs.ValidationError) -> Finding:
    place = error.schema_path
    return Finding(
        path=tuple(error.instance_path),
        rule=error.kind.name,
        detail=error.kind.value,
        schema=tuple(error.evaluation_path),
        owner=str(place[-2]) if len(place) == 3 else "",
    )
