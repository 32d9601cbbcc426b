"""The schema of one kind: reads an object as the API server's decoder does, and describes the kind's fields."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hyperpy.api.schema import decoding
from hyperpy.api.schema.cause import Cause
from hyperpy.api.schema.checker import Checker
from hyperpy.api.schema.compile import json_schema
from hyperpy.api.schema.node import Node

Obj = dict[str, Any]


class Schema:
    """What an object of one kind may hold. Get it from `schema.of(kind)`.

    Compiled at the first check (a few ms for a Pod, under 1 ms for most kinds). Checking an object that needs nothing
    done takes some microseconds.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def root(self) -> Node:
        """The tree of fields."""
        return Node({"$ref": self.name})

    @cached_property
    def _checker(self) -> Checker:
        return Checker(json_schema(self.name))

    def problems(self, obj: Obj) -> list[Cause]:
        """Values that cannot be read: wrong types, malformed quantities, times, bytes; numbers out of range.

        A field that is missing is none of these: see `api.validation`. The object is not changed.
        """
        return list(self._decoded(obj).causes)

    def unknown(self, obj: Obj) -> list[str]:
        """Paths of the fields that the kind does not have; the object is not changed."""
        return list(self._decoded(obj).unknown)

    def prune(self, obj: Obj) -> list[str]:
        """Bring an object into the form it is stored in, in place, and return the unknown fields that were dropped.

        Also drops nulls and writes quantities, times and bytes in their canonical form.
        """
        return list(self.decode(obj).unknown)

    def decode(self, obj: Obj) -> decoding.Decoded:
        """`problems` and `prune` in one check; with causes the object is in no state to be stored."""
        decoded = self._decoded(obj)
        decoding.apply(obj, decoded.mends)
        return decoded

    def _decoded(self, obj: Obj) -> decoding.Decoded:
        findings = self._checker.findings(obj)
        return decoding.judge(obj, findings) if findings else decoding.CLEAN
