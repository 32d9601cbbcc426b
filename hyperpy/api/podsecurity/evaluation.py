"""Judging a Pod by a level: every control of that level and version, in the order of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hyperpy.api.podsecurity import baseline, restricted
from hyperpy.api.podsecurity.levels import PRIVILEGED, RESTRICTED, LevelVersion
from hyperpy.api.podsecurity.violation import Control, Violation

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a level objects to in a Pod; nothing: it is allowed."""

    violations: Sequence[Violation] = ()

    @property
    def allowed(self) -> bool:
        return not self.violations

    @property
    def reason(self) -> str:
        """What is forbidden: `privileged, hostPort`."""
        return ", ".join(each.reason for each in self.violations)

    @property
    def detail(self) -> str:
        """What is forbidden, and where: `privileged (container "c" must not set ...)`."""
        return ", ".join(map(str, self.violations))


def evaluate(wanted: LevelVersion, metadata: Mapping[str, Any], spec: Obj) -> Verdict:
    """Judge a Pod, or a Pod's template.

    Args:
        metadata: its annotations count.
    """
    if wanted.level == PRIVILEGED:
        return _ALLOWED
    annotations = metadata.get("annotations") or {}
    found = [control(annotations, spec) for control in _controls(wanted.level, wanted.minor)]
    violations = [each for each in found if each is not None]
    return Verdict(violations) if violations else _ALLOWED


_ALLOWED = Verdict()


@lru_cache(maxsize=128)
def _controls(level: str, minor: int) -> tuple[Control, ...]:
    added = _as_of(restricted.CONTROLS, minor) if level == RESTRICTED else {}
    overridden = {restricted.OVERRIDES.get(name) for name in added}
    base = {name: each for name, each in _as_of(baseline.CONTROLS, minor).items() if name not in overridden}
    return (*base.values(), *added.values())


def _as_of(table: Mapping[str, tuple[tuple[int, Control], ...]], minor: int) -> dict[str, Control]:
    found = {}
    for name, versions in table.items():
        for since, control in versions:
            if since <= minor:
                found[name] = control
    return found
