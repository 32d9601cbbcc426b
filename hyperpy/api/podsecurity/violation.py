"""A violation of one control, and the words that all of them share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Violation:
    """`reason` names what is forbidden, `detail` where it is."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})"


#: Judges the annotations and the spec of a Pod; None: nothing to object to.
Control = Callable[[Obj, Obj], Violation | None]


def containers(spec: Obj) -> Iterator[tuple[str, Obj, Obj]]:
    """Name, container and security context of every container, in the order that messages name them."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            yield container.get("name") or "", container, container.get("securityContext") or {}


def pod_context(spec: Obj) -> Obj:
    """The security context of the Pod itself."""
    return spec.get("securityContext") or {}


def quoted(names: Iterable[str]) -> str:
    """`"a", "b"`."""
    return ", ".join(json.dumps(name, ensure_ascii=False) for name in names)


def plural(one: str, many: str, count: int) -> str:
    """The word for so many."""
    return one if count == 1 else many


def these_containers(names: Sequence[str]) -> str:
    """`container "a"`, or `containers "a", "b"`."""
    return f"{plural('container', 'containers', len(names))} {quoted(names)}"


def setters(pod: bool, names: Sequence[str]) -> str:
    """Who sets something: `pod and container "a"`; "" when nobody does."""
    return " and ".join([*(["pod"] if pod else []), *([these_containers(names)] if names else [])])
