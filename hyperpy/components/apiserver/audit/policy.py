"""Which requests are written to the audit log, and how much of them. Pure.

Source: "Auditing" and the audit.k8s.io/v1 reference: the first rule that matches decides; without one nothing is
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import UserInfo

REQUEST_RECEIVED, RESPONSE_STARTED = "RequestReceived", "ResponseStarted"
RESPONSE_COMPLETE, PANIC = "ResponseComplete", "Panic"
STAGES = (REQUEST_RECEIVED, RESPONSE_STARTED, RESPONSE_COMPLETE, PANIC)


class Level(IntEnum):
    """How much is written, in ascending order."""

    NONE = 0
    METADATA = 1
    REQUEST = 2
    REQUEST_RESPONSE = 3

    @property
    def title(self) -> str:
        """The level as policies and events write it."""
        return _TITLES[self]


_TITLES = ("None", "Metadata", "Request", "RequestResponse")
LEVELS = {title: Level(number) for number, title in enumerate(_TITLES)}


@dataclass(frozen=True, slots=True)
class GroupResources:
    """Resources of a group; empty `resources`: all of them; empty `names`: every object."""

    group: str = ""
    resources: Sequence[str] = ()
    names: Sequence[str] = ()

    def matches(self, info: RequestInfo) -> bool:
        """Whether a request is about one of these."""
        if self.group != info.group:
            return False
        if not self.resources:
            return True
        if self.names and info.name not in self.names:
            return False
        return any(_names(pattern, info) for pattern in self.resources)


def _names(pattern: str, info: RequestInfo) -> bool:
    """`*`, `pods`, `pods/log`, `pods/*` or `*/scale`."""
    combined = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if pattern in ("*", combined):
        return True
    resource, _, subresource = pattern.partition("/")
    if resource == "*" and subresource:
        return subresource == info.subresource
    return subresource == "*" and resource == info.resource


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: all that is given must match. `omit_managed_fields` None leaves it to the policy."""

    level: Level
    users: Sequence[str] = ()
    groups: Sequence[str] = ()
    verbs: Sequence[str] = ()
    resources: Sequence[GroupResources] = ()
    namespaces: Sequence[str] = ()
    urls: Sequence[str] = ()
    omit_stages: Sequence[str] = ()
    omit_managed_fields: bool | None = None

    def matches(self, user: UserInfo | None, info: RequestInfo) -> bool:
        """Whether the rule is about this request."""
        if self.users and (user is None or user.name not in self.users):
            return False
        if self.groups and (user is None or not set(self.groups).intersection(user.groups)):
            return False
        if self.verbs and info.verb not in self.verbs:
            return False
        if self.namespaces or self.resources:
            return info.is_resource and self._matches_resource(info)
        return not self.urls or (not info.is_resource and any(_covers(url, info.path) for url in self.urls))

    def _matches_resource(self, info: RequestInfo) -> bool:
        if self.namespaces and info.namespace not in self.namespaces:
            return False
        return not self.resources or any(each.matches(info) for each in self.resources)


def _covers(url: str, path: str) -> bool:
    return path == url or (url.endswith("*") and path.startswith(url.rstrip("*")))


@dataclass(frozen=True, slots=True)
class Decision:
    """What is written of a request."""

    level: Level
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy."""

    rules: Sequence[Rule] = ()
    omit_stages: Sequence[str] = ()
    omit_managed_fields: bool = False
    nothing: Decision = field(default=Decision(Level.NONE), init=False)

    def decide(self, user: UserInfo | None, info: RequestInfo) -> Decision:
        """What is to be written of a request. `user` is None before authentication has succeeded."""
        for rule in self.rules:
            if rule.matches(user, info):
                if rule.level == Level.NONE:
                    return self.nothing
                omit = rule.omit_managed_fields
                return Decision(
                    rule.level,
                    frozenset((*self.omit_stages, *rule.omit_stages)),
                    self.omit_managed_fields if omit is None else omit,
                )
        return self.nothing
