"""Warnings about containers: variables that hide others, ports that meet, fractional bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hyperpy.api.warnings import amounts

Obj = dict[str, Any]


def check(one: Obj, path: str) -> Iterator[str]:
    """One container."""
    wanted = one.get("resources") or {}
    for field in ("limits", "requests"):
        yield from amounts.fractions(wanted.get(field), f"{path}.resources.{field}")
    seen = set()
    for i, variable in enumerate(one.get("env") or ()):
        name = variable.get("name") or ""
        if name in seen and _hides(variable, name):
            yield (
                f'{path}.env[{i}]: hides previous definition of "{name}", which may be dropped when using apply'
            )  # fmt: skip
        seen.add(name)


def _hides(variable: Obj, name: str) -> bool:
    """Whether a second definition loses the first: one that extends it, as `$(PATH):/bin` does, is fine."""
    value, reference = variable.get("value") or "", f"$({name})"
    return variable.get("valueFrom") is not None or value == reference or reference not in value


def ports(containers: Sequence[tuple[Obj, str]]) -> Iterator[str]:
    """The ports of all containers of a pod, each with its path."""
    known: dict[tuple[int, str], list[tuple[Obj, str]]] = {}
    for one, path in containers:
        for i, port in enumerate(one.get("ports") or ()):
            place = f"{path}.ports[{i}]"
            if port.get("hostIP") and not port.get("hostPort"):
                yield f"{place}: hostIP set without hostPort: {_shown(port)}"
            others = known.setdefault((port.get("containerPort") or 0, port.get("protocol") or "TCP"), [])
            for other, where in others:
                text = _meeting(port, other)
                if text:
                    yield f"{place}: {text} port definition with {where}"
            others.append((port, place))


def _meeting(port: Obj, other: Obj) -> str:
    host, other_host = port.get("hostPort") or 0, other.get("hostPort") or 0
    ip, other_ip = port.get("hostIP") or "", other.get("hostIP") or ""
    if (ip, host) == (other_ip, other_host):
        return "duplicate"
    if not host or not other_host:
        return "overlapping"
    return "dangerously ambiguous" if host == other_host and bool(ip) != bool(other_ip) else ""


def _shown(port: Obj) -> str:
    """A port as Go prints it."""
    return (
        f"{{Name:{port.get('name') or ''} HostPort:{port.get('hostPort') or 0} "
        f"ContainerPort:{port.get('containerPort') or 0} Protocol:{port.get('protocol') or ''} "
        f"HostIP:{port.get('hostIP') or ''}}}"
    )
