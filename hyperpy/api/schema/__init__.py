"""The schema engine: one code path for decoding, pruning, patching and describing every kind."""

from __future__ import annotations

from functools import cache

from hyperpy.api.kinds import Kind
from hyperpy.api.schema import definitions
from hyperpy.api.schema.cause import Cause
from hyperpy.api.schema.engine import Schema
from hyperpy.api.schema.node import Node

__all__ = ["Cause", "Node", "Schema", "named", "of"]


def of(kind: Kind) -> Schema:
    """The schema of a kind, made once: its own for a custom kind, else the generated one.

    Raises:
        KeyError: on first use, when a built-in kind has no definition in the generated data.
    """
    if kind.definition is not None:
        own: Schema = kind.definition.schema
        return own
    return named(definitions.name_of(kind.group, kind.version, kind.kind))


@cache
def named(name: str) -> Schema:
    """The schema of a definition by its full name, such as `io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions`."""
    return Schema(name)
