"""The definitions of the built-in kinds: read from the data files once, each parsed when it is first asked for."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import orjson

Definition = dict[str, Any]

_APIMACHINERY = "io.k8s.apimachinery.pkg."
QUANTITY = _APIMACHINERY + "api.resource.Quantity"
INT_OR_STRING = _APIMACHINERY + "util.intstr.IntOrString"
TIME = _APIMACHINERY + "apis.meta.v1.Time"
MICRO_TIME = _APIMACHINERY + "apis.meta.v1.MicroTime"
META = _APIMACHINERY + "apis.meta.v1."

# Groups that are defined outside of the package k8s.io/api.
_ELSEWHERE = {
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
}


def name_of(group: str, version: str, kind: str) -> str:
    """The name of a kind's definition: `io.k8s.api.core.v1.Pod`."""
    package = _ELSEWHERE.get(group) or f"io.k8s.api.{group.partition('.')[0] or 'core'}"
    return f"{package}.{version}.{kind}"


def exists(name: str) -> bool:
    """Whether there is a definition of that name."""
    return name in _structure_lines()


def read(name: str) -> Definition:
    """A definition as a structural schema without prose; `$ref` holds the bare name of another one.

    Raises:
        KeyError: there is no such definition: it must be generated (`make generate`).
    """
    definition: Definition = orjson.loads(_structure_lines()[name])
    return definition


@cache
def structure(name: str) -> Definition:
    """`read`, and kept; for those who come back often. Read-only."""
    return read(name)


class Prose:
    """The descriptions of all definitions: half a megabyte, to be dropped after a document was made from it."""

    def __init__(self) -> None:
        self._by_name = _lines("descriptions.json")

    def of(self, name: str) -> dict[str, str]:
        """The definition's own description under "", that of a field under the field's name."""
        line = self._by_name.get(name)
        return orjson.loads(line) if line else {}


@cache
def _structure_lines() -> dict[str, bytes]:
    return _lines("definitions.json")


def _lines(file: str) -> dict[str, bytes]:
    """The file as name -> JSON text: it holds one definition a line, so none has to be parsed to find another."""
    data = resources.files("hyperpy.api.schema").joinpath("data", file).read_bytes()
    found = {}
    for line in data.splitlines():
        name, colon, text = line.partition(b":")
        if colon:
            found[name[1:-1].decode()] = text.removesuffix(b",")
    return found
