"""Field selectors: parse `status.phase!=Running,spec.nodeName=n1`, check what a kind supports, match objects.

Source: Kubernetes' documentation, "Field Selectors"; the field labels are those that the API server v1.34 takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hyperpy.api.kinds import Kind

Obj = Mapping[str, Any]

_EVERYWHERE = ("metadata.name", "metadata.namespace")
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

#: The fields of a kind, beside name and namespace, by (group, plural).
_SUPPORTED: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
    ),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "namespaces"): ("status.phase",),
    ("", "secrets"): ("type",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("", "replicationcontrollers"): ("status.replicas",),
    ("", "events"): (
        *(f"involvedObject.{field}" for field in _INVOLVED), "reason", "reportingComponent", "source", "type",
    ),
    ("events.k8s.io", "events"): (
        *(f"regarding.{field}" for field in _INVOLVED), "reason", "reportingController", "type",
    ),
    ("apps", "replicasets"): ("status.replicas",),
    ("batch", "jobs"): ("status.successful",),
    ("resource.k8s.io", "resourceslices"): ("spec.driver", "spec.nodeName"),
    ("certificates.k8s.io", "certificatesigningrequests"): ("spec.signerName",),
}  # fmt: skip

_PART = re.compile(r"(?:[^\\,]|\\.)+", re.DOTALL)
_OPERATOR = re.compile(r"!=|==|=")
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_PLAIN = {"\\": "\\", ",": ",", "=": "="}


@dataclass(frozen=True, slots=True)
class Term:
    """`field=value`, or with `equal=False` `field!=value`."""

    field: str
    value: str
    equal: bool = True

    def __str__(self) -> str:
        value = re.sub(r"([\\,=])", r"\\\1", self.value)
        return f"{self.field}{'=' if self.equal else '!='}{value}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Terms that must all hold."""

    terms: tuple[Term, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.terms

    @property
    def required(self) -> dict[str, str]:
        """What every selected object carries; good for looking it up in an index, or for reading it by its name."""
        return {term.field: term.value for term in self.terms if term.equal}

    def matches(self, kind: Kind, obj: Obj) -> bool:
        """Whether an object is selected. Fields that `check` would refuse count as empty."""
        return all((value_of(kind, obj, term.field) == term.value) is term.equal for term in self.terms)

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))


@lru_cache(maxsize=1024)
def parse(text: str) -> FieldSelector:
    """A selector as `fieldSelector=` has it; `\\,`, `\\=` and `\\\\` stand for themselves in values.

    Raises:
        ValueError: in the API server's words, which a handler answers as BadRequest.
    """
    return FieldSelector(tuple(_term(part, text) for part in _PART.findall(text)))


def supported(kind: Kind) -> tuple[str, ...]:
    """The fields by which objects of a kind can be selected."""
    if kind.definition is not None:
        return _EVERYWHERE + kind.definition.selectable_fields
    return _EVERYWHERE + _SUPPORTED.get((kind.group, kind.plural), ())


def check(kind: Kind, selector: FieldSelector) -> None:
    """Refuse a selector with a field that the kind does not support.

    Raises:
        ValueError: in the API server's words.
    """
    known = supported(kind)
    for term in selector.terms:
        if term.field in known:
            continue
        if kind.definition is not None or len(known) > len(_EVERYWHERE):
            raise ValueError(f"field label not supported: {term.field}")
        raise ValueError(f'"{term.field}" is not a known field selector: only "{_EVERYWHERE[0]}", "{_EVERYWHERE[1]}"')


def value_of(kind: Kind, obj: Obj, field: str) -> str:
    """The text that a field selector compares with; "" where the object has none."""
    special = _SPECIAL.get((kind.group, kind.plural, field))
    if special is not None:
        return special(obj)
    value: Any = obj
    for step in field.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _term(part: str, whole: str) -> Term:
    operator = _OPERATOR.search(part)
    if operator is None:
        raise ValueError(f"invalid selector: '{whole}'; can't understand '{part}'")
    value = _unescape(part[operator.end() :])
    return Term(part[: operator.start()], value, operator.group() != "!=")


def _unescape(value: str) -> str:
    if "=" in _ESCAPE.sub("", value):
        raise ValueError(f"invalid field selector: unescaped character in value: {value}")

    def plain(match: re.Match[str]) -> str:
        if match[1] not in _PLAIN:
            raise ValueError(f"invalid field selector: invalid escape sequence: {match[0]}")
        return match[1]

    return _ESCAPE.sub(plain, value)


def _event_source(event: Obj) -> str:
    return str((event.get("source") or {}).get("component") or event.get("reportingComponent") or "")


def _flag(section: str, name: str) -> Callable[[Obj], str]:
    return lambda obj: "true" if (obj.get(section) or {}).get(name) else "false"


def _count(name: str) -> Callable[[Obj], str]:
    return lambda obj: str((obj.get("status") or {}).get(name) or 0)


def _pod_ips(pod: Obj) -> str:
    addresses = (pod.get("status") or {}).get("podIPs") or ()
    return ",".join(entry.get("ip") or "" for entry in addresses)


_SPECIAL: dict[tuple[str, str, str], Callable[[Obj], str]] = {
    ("", "pods", "spec.hostNetwork"): _flag("spec", "hostNetwork"),
    ("", "pods", "status.podIPs"): _pod_ips,
    ("", "nodes", "spec.unschedulable"): _flag("spec", "unschedulable"),
    ("", "replicationcontrollers", "status.replicas"): _count("replicas"),
    ("", "events", "source"): _event_source,
    ("apps", "replicasets", "status.replicas"): _count("replicas"),
    ("batch", "jobs", "status.successful"): _count("succeeded"),
}
