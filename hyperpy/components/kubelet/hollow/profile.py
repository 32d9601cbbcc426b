"""How simulated containers behave: rules by label and image, and dice that a seed throws again. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from hyperpy.api import labels

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """A duration in seconds, drawn evenly between two ends."""

    least: float = 0.0
    most: float = 0.0

    def draw(self, dice: random.Random) -> float:
        """One duration."""
        return self.least if self.least == self.most else dice.uniform(self.least, self.most)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container does.

    Args:
        start: from the decision to start it until it runs (the pull of its image and all).
        ready: from there until it is Ready.
        run: from its start until it ends by itself; None: it runs until it is stopped.
        stop: from the request to stop until it ends, cut short by the grace period.
        exit_code: of a run that comes to its end.
        failure_rate: the share of starts, 0 to 1, that end at once with exit code 1.
    """

    start: Span = Span()
    ready: Span = Span()
    run: Span | None = None
    stop: Span = Span()
    exit_code: int = 0
    failure_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """The behaviour of the containers whose Pod has these labels and whose image has this form (`*` and `?`)."""

    selector: labels.Selector
    image: str
    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class NodeSize:
    """What a simulated node offers."""

    cpus: int = 32
    memory_bytes: int = 128 << 30
    disk_bytes: int = 100 << 30


@dataclass(frozen=True, slots=True)
class Profile:
    """The first rule that fits says how a container behaves; without one it starts at once and runs on."""

    rules: Sequence[Rule] = ()
    node: NodeSize = NodeSize()

    def behaviour(self, pod: Obj, image: str) -> Behaviour:
        """Of a container of this Pod with this image."""
        found: Mapping[str, str] = pod["metadata"].get("labels") or {}
        for rule in self.rules:
            if rule.selector.matches(found) and fnmatchcase(image, rule.image):
                return rule.behaviour
        return _STEADY


@dataclass(frozen=True, slots=True)
class Fate:
    """What one start of a container comes to: seconds from each step to the next; `run_s` None: no end of its own."""

    start_s: float
    ready_s: float
    run_s: float | None
    stop_s: float
    exit_code: int


def fate(behaviour: Behaviour, dice: random.Random) -> Fate:
    """Throw the dice for one start. Each start throws the same number of them, whatever the behaviour."""
    fails = dice.random() < behaviour.failure_rate
    start_s, ready_s, stop_s = (span.draw(dice) for span in (behaviour.start, behaviour.ready, behaviour.stop))
    run_s = behaviour.run.draw(dice) if behaviour.run is not None else None
    if fails:
        return Fate(start_s, ready_s, 0.0, stop_s, 1)
    return Fate(start_s, ready_s, run_s, stop_s, behaviour.exit_code)


@dataclass(slots=True)
class Ordinals:
    """Numbers the Pods of each owner as they come, because their own names are not the same in the next run.

    One number an owner that has had Pods here.
    """

    _next: dict[str, int] = field(default_factory=dict)

    def name(self, pod: Obj) -> str:
        """What the dice call this Pod: by its name, or where that is a random one, its owner's with a number."""
        about = pod["metadata"]
        if not about.get("generateName"):
            return f"{about['namespace']}/{about['name']}"
        owner = next((ref["name"] for ref in about.get("ownerReferences") or () if ref.get("controller")), "")
        key = f"{about['namespace']}/{owner or about['generateName']}"
        number = self._next[key] = self._next.get(key, -1) + 1
        return f"{key}#{number}"


_STEADY = Behaviour()
