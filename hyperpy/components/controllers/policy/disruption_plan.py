"""What a PodDisruptionBudget allows: Pods that are healthy, that have to be, and evictions that are open. Pure.

    eviction ──▶ disruptedPods (not counted as healthy) ──Pod is going, or gone──▶ forgotten
                        └──still there after DEADLINE_S──▶ forgotten, and counted again

Source: Tasks, "Specifying a Disruption Budget"; the API reference, "PodDisruptionBudgetStatus".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hyperpy.api import meta, pods
from hyperpy.client.protocol import Obj

#: Seconds from an eviction that was granted to the deletion that has to be seen.
DEADLINE_S = 120.0
#: Seconds after which a condition DisruptionTarget of a Pod that is not being deleted is out of date.
STALE_S = 120.0
TARGET = "DisruptionTarget"
ALLOWED = "DisruptionAllowed"
#: Conditions with this reason are the kubelet's, which may take as long as it likes.
_BY_KUBELET = "TerminationByKubelet"


@dataclass(frozen=True, slots=True)
class Plan:
    """One count of a budget.

    Args:
        status: the status it should have.
        overdue: Pods that were to be evicted and are still there.
        recheck_s: when the next eviction is overdue, or None.
    """

    status: Obj
    overdue: tuple[Obj, ...] = ()
    recheck_s: float | None = None


def needs_scale(budget: Obj) -> bool:
    """Whether the budget is about a share of what the Pods' controllers want, not about the Pods there are."""
    spec = budget.get("spec") or {}
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def plan(budget: Obj, covered: Sequence[Obj], *, scale: int, now: float) -> Plan:
    """Count a budget.

    Args:
        covered: the Pods that it selects.
        scale: what their controllers want together; only looked at when `needs_scale`.
    """
    expected = scale if needs_scale(budget) else _expected(budget, covered)
    disrupted, overdue, recheck_s = _disrupted(budget, covered, now=now)
    healthy = sum(_is_healthy(pod, disrupted) for pod in covered)
    wanted = _wanted(budget, expected)
    # A budget that covers nothing allows nothing: its first Pods may be there before the next count.
    allowed = max(0, healthy - wanted) if expected > 0 else 0
    generation = budget["metadata"].get("generation") or 0
    condition = _condition(
        allowed > 0, "SufficientPods" if allowed else "InsufficientPods", message="", generation=generation
    )
    status: Obj = {
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "expectedPods": expected,
        "conditions": _with_condition(budget, condition, now=now),
    }
    if disrupted:
        status["disruptedPods"] = dict(disrupted)
    return Plan(status, overdue, recheck_s)


def failed(budget: Obj, why: str, *, now: float) -> Obj:
    """The status of a budget that cannot be counted: nothing may be evicted."""
    old = budget.get("status") or {}
    condition = _condition(False, "SyncFailed", message=why, generation=old.get("observedGeneration") or 0)
    counts = {name: old.get(name) or 0 for name in ("currentHealthy", "desiredHealthy", "expectedPods")}
    return {**old, **counts, "disruptionsAllowed": 0, "conditions": _with_condition(budget, condition, now=now)}


def stale_in(pod: Obj, *, now: float) -> float | None:
    """Seconds until the Pod's condition DisruptionTarget is out of date (0: it is); None when it cannot become so."""
    target = meta.condition(pod, TARGET)
    if target is None or target.get("status") != "True" or target.get("reason") == _BY_KUBELET:
        return None
    if not pods.is_active(pod):
        return None
    return max(0.0, meta.parse_time(target["lastTransitionTime"]) + STALE_S - now)


def without_target(pod: Obj, *, now: float) -> Obj:
    """The status of a Pod that was not disrupted after all."""
    status = dict(pod.get("status") or {})
    over = {"type": TARGET, "status": "False", "lastTransitionTime": meta.timestamp(now)}
    status["conditions"] = [over if each["type"] == TARGET else each for each in status.get("conditions") or ()]
    return status


def _expected(budget: Obj, covered: Sequence[Obj]) -> int:
    return len(covered) if (budget.get("spec") or {}).get("minAvailable") is not None else 0


def _wanted(budget: Obj, expected: int) -> int:
    """Healthy Pods that there have to be; percentages are rounded up."""
    spec = budget.get("spec") or {}
    if spec.get("maxUnavailable") is not None:
        return max(0, expected - _amount(spec["maxUnavailable"], expected))
    return _amount(spec.get("minAvailable") or 0, expected)


def _amount(value: int | str, whole: int) -> int:
    return value if isinstance(value, int) else -(-int(value.rstrip("%")) * whole // 100)


def _disrupted(
    budget: Obj, covered: Sequence[Obj], *, now: float
) -> tuple[Mapping[str, str], tuple[Obj, ...], float | None]:
    """Evictions that are still open, Pods whose time is over, and seconds until that of the next one is."""
    noted = (budget.get("status") or {}).get("disruptedPods") or {}
    still: dict[str, str] = {}
    overdue: list[Obj] = []
    waits: list[float] = []
    for pod in covered:
        since = noted.get(pod["metadata"]["name"])
        if since is None or meta.is_deleting(pod) or pod["metadata"].get("creationTimestamp", "") > since:
            continue  # the last is another Pod of that name
        wait_s = meta.parse_time(since) + DEADLINE_S - now
        if wait_s <= 0:
            overdue.append(pod)
            continue
        still[pod["metadata"]["name"]] = since
        waits.append(wait_s)
    return still, tuple(overdue), min(waits, default=None)


def _is_healthy(pod: Obj, disrupted: Mapping[str, str]) -> bool:
    return pods.is_ready(pod) and not meta.is_deleting(pod) and pod["metadata"]["name"] not in disrupted


def _condition(holds: bool, reason: str, *, message: str, generation: int) -> Obj:
    return {
        "type": ALLOWED,
        "status": str(holds),
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
    }


def _with_condition(budget: Obj, condition: Obj, *, now: float) -> list[Obj]:
    conditions = list((budget.get("status") or {}).get("conditions") or ())
    meta.set_condition(conditions, condition, now=meta.timestamp(now))
    return conditions
