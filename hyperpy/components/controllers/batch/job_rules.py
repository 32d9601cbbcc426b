"""The policies of a Job: what a failed Pod means, and when a part of the work is enough. Pure.

Source: Concepts, "Jobs", "Pod failure policy" and "Success policy".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.batch import job_indexes

COUNT, IGNORE, FAIL_JOB, FAIL_INDEX = "Count", "Ignore", "FailJob", "FailIndex"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a failed Pod means.

    Args:
        action: one of the policy's actions; COUNT when no rule fits.
        message: for users, when the Job fails by it.
    """

    action: str = COUNT
    message: str = ""


def judge(job: Obj, pod: Obj) -> Verdict:
    """The first rule that fits a failed Pod decides."""
    for number, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        if rule["action"] == FAIL_INDEX and job["spec"].get("backoffLimitPerIndex") is None:
            continue
        message = _fits(rule, pod)
        if message:
            return Verdict(rule["action"], f"{message} matching {rule['action']} rule at index {number}")
    return Verdict()


def enough(job: Obj, succeeded: set[int]) -> str:
    """Which rule of the success policy the indexes that succeeded meet, in words; "" when none."""
    for number, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        wanted = rule.get("succeededIndexes")
        needed = rule.get("succeededCount")
        hits = succeeded
        if wanted is not None:
            named = job_indexes.parse(wanted, job["spec"].get("completions") or 0)
            hits = succeeded & named
            needed = len(named) if needed is None else needed
        if needed is not None and len(hits) >= needed:
            return f"Matched rules at index {number}"
    return ""


def _fits(rule: Obj, pod: Obj) -> str:
    """How the Pod fits a rule, in words; "" when it does not."""
    if rule.get("onExitCodes"):
        return _by_exit_code(rule["onExitCodes"], pod)
    for wanted in rule.get("onPodConditions") or ():
        for has in (pod.get("status") or {}).get("conditions") or ():
            if has.get("type") == wanted["type"] and has.get("status") == wanted.get("status", "True"):
                return f"Pod {_name(pod)} has condition {wanted['type']}"
    return ""


def _by_exit_code(wanted: Obj, pod: Obj) -> str:
    for container in _ended_containers(pod):
        if wanted.get("containerName") is not None and container["name"] != wanted["containerName"]:
            continue
        code = container["state"]["terminated"]["exitCode"]
        listed = code in wanted["values"]
        if code != 0 and (listed if wanted["operator"] == "In" else not listed):
            return f"Container {container['name']} for pod {_name(pod)} failed with exit code {code}"
    return ""


def _ended_containers(pod: Obj) -> Iterable[Obj]:
    status = pod.get("status") or {}
    for field in ("initContainerStatuses", "containerStatuses"):
        for each in status.get(field) or ():
            if (each.get("state") or {}).get("terminated"):
                yield each


def _name(pod: Obj) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
