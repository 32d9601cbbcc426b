"""One look at an autoscaler: how many replicas its target should have, and what its conditions say. Pure.

    target at zero ──▶ left alone          outside of least and most ──▶ brought back
    else ──▶ the highest proposal of its metrics ──▶ judged by its behavior

With metrics that are not known it grows by the others, and does not shrink.
Source: Concepts, "Horizontal Pod Autoscaling". Reasons and texts are kube-controller-manager's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hyperpy.api import meta, quantity
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.autoscaling import autoscaling_behavior
from hyperpy.components.controllers.autoscaling.autoscaling_behavior import History, Told
from hyperpy.components.controllers.autoscaling.autoscaling_pods import Rules

ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"
_GOT_SCALE: Told = ("SucceededGetScale", "the HPA controller was able to get the target's current scale")
_DISABLED: Told = ("ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
#: In the place of a metric that is not known: clients find each by its index.
_UNKNOWN: Obj = {"type": ""}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one metric asks for.

    Args:
        name: as events name the metric.
        status: its entry in `status.currentMetrics`.
    """

    replicas: int
    name: str
    status: Obj


@dataclass(frozen=True, slots=True)
class Failure:
    """A metric that asks for nothing, because it is not known.

    Args:
        reason: of the event and the condition.
        message: what happened.
        where: what comes before the message where all metrics are told of.
    """

    reason: str
    message: str
    where: str


Outcome = Proposal | Failure


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the status."""

    type: str
    holds: bool
    told: Told


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Args:
        replicas: that the target should have; None: nothing follows from what is known.
        why: for the event of a change.
        conditions: those that this look decides; others stay.
        metrics: `status.currentMetrics`.
        history: to be passed in the next time.
        failure: what is told as FailedComputeMetricsReplicas, or "".
    """

    replicas: int | None
    why: str = ""
    conditions: tuple[Condition, ...] = ()
    metrics: tuple[Obj, ...] = ()
    history: History = field(default_factory=History)
    failure: str = ""


def rules_of(hpa: Obj, rules: Rules) -> Rules:
    """The rules with the tolerances that the autoscaler sets itself."""
    behavior = hpa["spec"].get("behavior") or {}
    up, down = ((behavior.get(name) or {}).get("tolerance") for name in ("scaleUp", "scaleDown"))
    return replace(
        rules,
        up=rules.up if up is None else float(quantity.parse(up)),
        down=rules.down if down is None else float(quantity.parse(down)),
    )


def without_metrics(hpa: Obj, current: int, history: History) -> Plan | None:
    """The plan where no metric matters, or None where they do."""
    spec = hpa["spec"]
    least, most = _least(spec), spec["maxReplicas"]
    able = Condition(ABLE, True, _GOT_SCALE)
    if current == 0 and least != 0:
        return Plan(0, conditions=(able, Condition(ACTIVE, False, _DISABLED)), history=history)
    if current > most:
        return Plan(most, "Current number of replicas above Spec.MaxReplicas", (able,), history=history)
    if current < least:
        return Plan(least, "Current number of replicas below Spec.MinReplicas", (able,), history=history)
    return None


def by_metrics(
    hpa: Obj, outcomes: Sequence[Outcome], *, current: int, history: History, now: float, window_s: float
) -> Plan:
    """The plan that follows from the metrics.

    Args:
        current: replicas that the target's Scale wants.
        window_s: see `autoscaling_behavior.judge`.
    """
    proposals = [each for each in outcomes if isinstance(each, Proposal)]
    failures = [each for each in outcomes if isinstance(each, Failure)]
    metrics = tuple(each.status if isinstance(each, Proposal) else _UNKNOWN for each in outcomes)
    best = max(proposals, key=lambda each: each.replicas, default=None)
    if best is None or (failures and best.replicas < current):
        return _unknown(failures, metrics, history, of=len(outcomes))
    verdict = autoscaling_behavior.judge(
        hpa["spec"], best.replicas, current=current, history=history, now=now, window_s=window_s
    )
    found = f"the HPA was able to successfully calculate a replica count from {best.name}"
    why = f"{best.name} above target" if best.replicas > current else "All metrics below target"
    return Plan(
        replicas=verdict.replicas,
        why=why if best.replicas != current else "",
        conditions=(
            Condition(ABLE, True, verdict.able),
            Condition(ACTIVE, True, ("ValidMetricFound", found)),
            Condition(LIMITED, verdict.limited, verdict.limit),
        ),
        metrics=metrics,
        history=verdict.history,
    )


def unusable(reason: str, message: str, history: History) -> Plan:
    """The plan for a target whose selector cannot be used."""
    conditions = (Condition(ABLE, True, _GOT_SCALE), Condition(ACTIVE, False, (reason, message)))
    return Plan(None, conditions=conditions, history=history)


def without_scale(why: str) -> Condition:
    """For a target whose Scale cannot be read."""
    text = f"the HPA controller was unable to get the target's current scale: {why}"
    return Condition(ABLE, False, ("FailedGetScale", text))


def rescaled(replicas: int) -> Condition:
    """For a target that was given another number."""
    text = f"the HPA controller was able to update the target scale to {replicas}"
    return Condition(ABLE, True, ("SucceededRescale", text))


def not_rescaled(why: str) -> Condition:
    """For a target that could not be given another number."""
    return Condition(
        ABLE, False, ("FailedUpdateScale", f"the HPA controller was unable to update the target scale: {why}")
    )


def with_conditions(status: Obj, decided: Sequence[Condition], *, now: float) -> Obj:
    """A status with these conditions beside those it has."""
    conditions = list(status.get("conditions") or ())
    for each in decided:
        reason, message = each.told
        entry = {"type": each.type, "status": str(each.holds), "reason": reason, "message": message}
        meta.set_condition(conditions, entry, now=meta.timestamp(now))
    return {**status, "conditions": conditions}


def status(hpa: Obj, plan: Plan, *, current: int, changed: bool, now: float) -> Obj:
    """The status after a look, conditions aside.

    Args:
        changed: whether the target was given another number.
    """
    old = hpa.get("status") or {}
    wanted = old.get("desiredReplicas") or 0
    if plan.replicas is not None:
        wanted = plan.replicas
    new: Obj = {"desiredReplicas": wanted, "conditions": old.get("conditions") or []}
    if current:
        new["currentReplicas"] = current
    if plan.metrics:
        new["currentMetrics"] = list(plan.metrics)
    last = meta.timestamp(now) if changed else old.get("lastScaleTime")
    return {**new, "lastScaleTime": last} if last else new


def _unknown(failures: Sequence[Failure], metrics: tuple[Obj, ...], history: History, *, of: int) -> Plan:
    """Metrics that are not known, and nothing to grow by."""
    first = failures[0] if failures else Failure("InvalidMetricSourceType", "no metric is named", "")
    told = first.reason, f"the HPA was unable to compute the replica count: {first.message}"
    return Plan(
        None,
        conditions=(Condition(ABLE, True, _GOT_SCALE), Condition(ACTIVE, False, told)),
        metrics=metrics,
        history=history,
        failure=f"invalid metrics ({len(failures)} invalid out of {of}), first error is: {first.where}{first.message}",
    )


def _least(spec: Obj) -> int:
    least = spec.get("minReplicas")
    return 1 if least is None else least
