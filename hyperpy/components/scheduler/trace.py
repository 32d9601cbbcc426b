"""The trace of a decision: which plugin rejected which nodes, or why the chosen node was the best. Pure.

It goes with the Event that tells of the decision, as an annotation: so it is found through the API wherever the
scheduler runs, it costs no write of its own, and it lives and ends with the Event. `hyperpy ctl why` reads it. Of every
reason `NODES_TOLD` nodes are named and the others counted, and of the reasons the `REASONS_TOLD` commonest are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from hyperpy.components.scheduler.decision import Decision
from hyperpy.components.scheduler.framework import Rejection
from hyperpy.components.scheduler.profile import Profile

ANNOTATION = "scheduler.hyperpy.io/trace"
NODES_TOLD = 20
REASONS_TOLD = 30


@dataclass(frozen=True, slots=True)
class Refusal:
    """One answer of a plugin.

    Args:
        count: of nodes that got it.
        nodes: names of some of them.
    """

    plugin: str
    reasons: Sequence[str]
    count: int
    nodes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What a plugin thought of the chosen node: 0 to 100, and how much that counts."""

    plugin: str
    score: float
    weight: float


@dataclass(frozen=True, slots=True)
class Trace:
    """A decision.

    Args:
        total: nodes there were.
        attempts: decisions on this Pod so far, with this one.
        node: the chosen one; "" when none fitted.
        possible: nodes that were found possible before the best was taken.
        parts: of the score of the chosen node; none when it was the only one.
        second: the next best node, and its score; "" when there was none.
        filters: the plugins that were asked.
        configured: those of them with arguments of the profile's own that change what they filter.
    """

    total: int
    attempts: int = 0
    node: str = ""
    possible: int = 0
    refusals: Sequence[Refusal] = ()
    parts: Sequence[Part] = ()
    second: str = ""
    second_score: float = 0.0
    filters: Sequence[str] = ()
    configured: Sequence[str] = field(default=())


def of(made: Decision, profile: Profile, *, attempts: int) -> Trace:
    """The trace of a decision."""
    if made.node is None:
        return Trace(
            made.total,
            attempts,
            refusals=_refusals(made),
            filters=[plugin.name for plugin in profile.filters],
            configured=sorted(profile.configured),
        )
    scores = made.scores
    if scores is None:
        return Trace(made.total, attempts, made.node, possible=1)
    parts = [Part(name, round(score, 1), weight) for name, score, weight in scores.parts]
    return Trace(
        made.total, attempts, made.node,
        possible=scores.possible, parts=parts, second=scores.second, second_score=round(scores.second_score, 1),
    )  # fmt: skip


def write(trace: Trace) -> str:
    """As it stands in the annotation."""
    return orjson.dumps(trace).decode()


def read(text: str) -> Trace | None:
    """From an annotation; None when it is of another make."""
    try:
        found = orjson.loads(text)
        refusals = [Refusal(**each) for each in found.pop("refusals", ())]
        parts = [Part(**each) for each in found.pop("parts", ())]
        return Trace(**{"total": 0, **found}, refusals=refusals, parts=parts)
    except (TypeError, ValueError):
        return None


def _refusals(made: Decision) -> list[Refusal]:
    if made.refused is not None:
        return [Refusal(made.refused.plugin, made.refused.reasons, made.total)]
    groups = _groups(made.rejected)
    found = [Refusal(plugin, reasons, len(nodes), nodes[:NODES_TOLD]) for (plugin, reasons), nodes in groups.items()]
    found.sort(key=lambda each: (-each.count, each.plugin, each.reasons))
    if made.elsewhere is not None and made.total > len(made.rejected):
        found.append(Refusal(made.elsewhere.plugin, made.elsewhere.reasons, made.total - len(made.rejected)))
    return found[:REASONS_TOLD]


def _groups(rejected: Mapping[str, Rejection]) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for node, rejection in rejected.items():
        groups.setdefault((rejection.plugin, rejection.reasons), []).append(node)
    return groups
