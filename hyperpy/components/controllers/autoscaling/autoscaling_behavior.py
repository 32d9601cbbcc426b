"""How fast an autoscaler may follow its metrics: recent recommendations, limits of change, least and most. Pure.

    recommendation ──stabilized by recent ones──▶ limited by policies and bounds ──▶ replicas

Source: Concepts, "Horizontal Pod Autoscaling", "Configurable scaling behavior". Texts are kube-controller-manager's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hyperpy.client.protocol import Obj

#: Without a behavior: at most twice as many at a time, or this many.
_GROWTH, _GROWTH_LEAST = 2, 4
#: Reason and message, as conditions have them.
Told = tuple[str, str]

_LOWER = "recent recommendations were lower than current one, applying the lowest recent recommendation"
_HIGHER = "recent recommendations were higher than current one, applying the highest recent recommendation"
_READY: Told = ("ReadyForNewScale", "recommended size matches current size")
_IN_RANGE: Told = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_FAST: Told = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_TOO_MANY: Told = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_SOON: Told = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
_TOO_FEW: Told = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")


@dataclass(frozen=True, slots=True)
class Stamped:
    """A number of replicas, and when, in seconds since the epoch."""

    replicas: int
    at: float


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of an autoscaler, for as long as its windows are.

    Args:
        recommendations: what metrics asked for.
        ups, downs: by how much it was scaled.
    """

    recommendations: tuple[Stamped, ...] = ()
    ups: tuple[Stamped, ...] = ()
    downs: tuple[Stamped, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a recommendation.

    Args:
        able: for the condition AbleToScale.
        limited, limit: status and text of the condition ScalingLimited.
        history: to be passed in the next time.
    """

    replicas: int
    able: Told
    limited: bool
    limit: Told
    history: History


def judge(spec: Obj, recommended: int, *, current: int, history: History, now: float, window_s: float) -> Verdict:
    """What an autoscaler makes of what its metrics ask for.

    Args:
        spec: the autoscaler's.
        window_s: how long higher recommendations hold a scale-down up, where the spec does not say.
    """
    behavior = spec.get("behavior")
    up_s, down_s = _windows(behavior, window_s)
    if behavior is None:
        stable = _highest(history, recommended, since=now - down_s)
        unstable: Told = ("ScaleDownStabilized", _HIGHER)
        replicas, limit = _bounded(spec, stable, current=current)
    else:
        highest = _highest(history, recommended, since=now - down_s)
        lowest = min([recommended, *(each.replicas for each in history.recommendations if each.at > now - up_s)])
        stable = min(max(current, lowest), highest)
        unstable = ("ScaleUpStabilized", _LOWER) if recommended >= current else ("ScaleDownStabilized", _HIGHER)
        replicas, limit = _paced(spec, stable, current=current, history=history, now=now)
    return Verdict(
        replicas=replicas,
        able=_READY if stable == recommended else unstable,
        limited=replicas != stable,
        limit=limit,
        history=_remembered(history, recommended, now=now, window_s=max(up_s, down_s)),
    )


def scaled(spec: Obj, history: History, *, before: int, after: int, now: float) -> History:
    """The history after a change of the target. What no policy looks at any more is forgotten."""
    behavior = spec.get("behavior")
    if behavior is None:
        return replace(history, ups=(), downs=())
    since = now - max(policy["periodSeconds"] for rules in behavior.values() for policy in rules["policies"])
    ups = tuple(each for each in history.ups if each.at > since)
    downs = tuple(each for each in history.downs if each.at > since)
    if after > before:
        ups = (*ups, Stamped(after - before, now))
    else:
        downs = (*downs, Stamped(before - after, now))
    return replace(history, ups=ups, downs=downs)


def _windows(behavior: Obj | None, window_s: float) -> tuple[float, float]:
    if behavior is None:
        return 0.0, window_s
    up = behavior["scaleUp"].get("stabilizationWindowSeconds")
    down = behavior["scaleDown"].get("stabilizationWindowSeconds")
    return float(up or 0), window_s if down is None else float(down)


def _highest(history: History, recommended: int, *, since: float) -> int:
    return max([recommended, *(each.replicas for each in history.recommendations if each.at > since)])


def _remembered(history: History, recommended: int, *, now: float, window_s: float) -> History:
    kept = tuple(each for each in history.recommendations if each.at > now - window_s)
    return replace(history, recommendations=(*kept, Stamped(recommended, now)))


def _bounded(spec: Obj, wanted: int, *, current: int) -> tuple[int, Told]:
    """Without a behavior."""
    least, most = _least(spec), spec["maxReplicas"]
    fastest = max(_GROWTH * current, _GROWTH_LEAST)
    if wanted < least:
        return least, _TOO_FEW
    if wanted > min(most, fastest):
        return (fastest, _TOO_FAST) if most > fastest else (most, _TOO_MANY)
    return wanted, _IN_RANGE


def _paced(spec: Obj, wanted: int, *, current: int, history: History, now: float) -> tuple[int, Told]:
    """By the policies of a behavior."""
    behavior = spec["behavior"]
    if wanted > current:
        limit = max(current, _limit(behavior["scaleUp"], history, current=current, now=now, up=True))
        most = min(spec["maxReplicas"], limit)
        if wanted > most:
            return most, _TOO_FAST if spec["maxReplicas"] > limit else _TOO_MANY
    elif wanted < current:
        limit = min(current, _limit(behavior["scaleDown"], history, current=current, now=now, up=False))
        least = max(_least(spec), limit)
        if wanted < least:
            return least, _TOO_SOON if _least(spec) < limit else _TOO_FEW
    return wanted, _IN_RANGE


def _limit(rules: Obj, history: History, *, current: int, now: float, up: bool) -> int:
    """How far the policies let it go from what there was at the beginning of their periods."""
    select = rules.get("selectPolicy", "Max")
    if select == "Disabled":
        return current
    # The largest change is the most replicas on the way up, and the fewest on the way down.
    furthest: Callable[[Sequence[int]], int] = max if up == (select != "Min") else min
    proposals = []
    for policy in rules["policies"]:
        since = now - policy["periodSeconds"]
        began = current - _sum(history.ups, since) + _sum(history.downs, since)
        proposals.append(_proposal(policy, began, up=up))
    return furthest(proposals)


def _proposal(policy: Obj, began: int, *, up: bool) -> int:
    value = policy["value"]
    if policy["type"] == "Pods":
        return began + value if up else began - value
    if up:
        return math.ceil(began * (1 + value / 100))  # rounded down, one replica would stay one for ever
    return int(began * (1 - value / 100))


def _sum(changes: Sequence[Stamped], since: float) -> int:
    return sum(each.replicas for each in changes if each.at > since)


def _least(spec: Obj) -> int:
    least = spec.get("minReplicas")
    return 1 if least is None else least
