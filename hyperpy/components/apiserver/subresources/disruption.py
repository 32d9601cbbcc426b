"""What a PodDisruptionBudget says to the eviction of a Pod. Pure.

    healthy pod ──▶ allowed > 0? ──▶ one less, and the pod is noted as disrupted until the controller sees it gone
    unhealthy pod ──▶ exempt (AlwaysAllow, or enough others are healthy), else as a healthy one

Source: Concepts, "API-initiated Eviction"; Tasks, "Specifying a Disruption Budget"; KEP-3017 (unhealthy pods).
"""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors, labels, meta, pods

Obj = dict[str, Any]

#: Evictions that a budget's controller has not confirmed yet; beyond that many, nothing more is evicted.
MAX_DISRUPTED = 2000
#: Seconds after which a client may ask again whether the controller has counted.
RETRY_AFTER_S = 10
_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."


def guards(budget: Obj, pod: Obj) -> bool:
    """Whether the budget covers the pod; one whose selector cannot be read covers none."""
    try:
        selector = labels.from_selector((budget.get("spec") or {}).get("selector"))
    except ValueError:
        return False
    return selector.matches(pod["metadata"].get("labels") or {})


def is_exempt(budget: Obj, pod: Obj) -> bool:
    """Whether the pod can go without being counted, because it is not healthy anyway."""
    if pods.is_ready(pod):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    healthy, wanted = status.get("currentHealthy") or 0, status.get("desiredHealthy") or 0
    return healthy >= wanted > 0


def charged(budget: Obj, pod_name: str, *, now: str) -> Obj:
    """The budget after one disruption.

    Args:
        now: a `Time`.
    Raises:
        TooManyRequests: it allows none now.
        Forbidden: its status cannot be right.
    """
    name, status = budget["metadata"]["name"], dict(budget.get("status") or {})
    if (status.get("observedGeneration") or 0) < (budget["metadata"].get("generation") or 0):
        raise still_counting(name)
    allowed, disrupted = status.get("disruptionsAllowed") or 0, dict(status.get("disruptedPods") or {})
    if allowed < 0:
        raise _forbidden(name, "pdb disruptions allowed is negative")
    if len(disrupted) > MAX_DISRUPTED:
        text = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise _forbidden(name, text)
    if allowed == 0:
        raise _too_many(_why_none(name, status))
    status["disruptionsAllowed"] = allowed - 1
    status["disruptedPods"] = {**disrupted, pod_name: now}
    if allowed == 1:
        status["conditions"] = [dict(each) for each in status.get("conditions") or ()]
        exhausted = {
            "type": "DisruptionAllowed",
            "status": "False",
            "reason": "InsufficientPods",
            "message": "",
            "observedGeneration": status.get("observedGeneration") or 0,
        }
        meta.set_condition(status["conditions"], exhausted, now=now)
    return {**budget, "status": status}


def _why_none(name: str, status: Obj) -> str:
    """Why no disruption is allowed now. Counts of a budget that could not be counted anew say nothing."""
    condition = meta.find_condition(status.get("conditions") or (), "DisruptionAllowed") or {}
    reason, message = condition.get("reason"), condition.get("message") or ""
    told = bool(message) and condition.get("status") == "False"
    refused = f"The disruption budget {name} does not allow evicting pods currently"
    if told and reason == "SyncFailed":
        return f"{refused} because it failed sync: {message}"
    wanted, healthy = status.get("desiredHealthy") or 0, status.get("currentHealthy") or 0
    if healthy <= wanted:
        return f"The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
    return f"{refused} ({reason}): {message}" if told else refused


def still_counting(name: str) -> errors.TooManyRequests:
    """The refusal of a budget that its controller has not looked at since it, or the pod, changed."""
    text = f"The disruption budget {name} is still being processed by the server."
    return _too_many(text, retry_after_s=RETRY_AFTER_S)


def _too_many(text: str, *, retry_after_s: int | None = None) -> errors.TooManyRequests:
    details = {"causes": [{"reason": "DisruptionBudget", "message": text}]}
    return errors.TooManyRequests(_VIOLATED, details=details, retry_after_s=retry_after_s)


def _forbidden(name: str, why: str) -> errors.Forbidden:
    details = {"name": name, "group": "policy", "kind": "poddisruptionbudget"}
    return errors.Forbidden(f'poddisruptionbudget.policy "{name}" is forbidden: {why}', details=details)
