"""Bodies of what is answered and not stored: reviews and token requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.content import write_options
from hyperpy.components.apiserver.verbs import write


@dataclass(frozen=True, slots=True)
class Posted:
    """An object of its kind, every field of its type, and what is to be told about unknown fields."""

    obj: dict[str, Any]
    warnings: tuple[str, ...] = ()


def decode(request: Request, kind: Kind) -> Posted:
    """The posted object, with its apiVersion, kind and metadata filled in.

    Raises:
        UnsupportedMediaType: the body is of no kind that is read.
        BadRequest: it does not parse, is of another kind, or a value is of the wrong type.
    """
    options = write_options.parse(request)
    obj, warnings = write.read_object(request, kind, options.field_validation)
    return Posted(obj, tuple(warnings))
