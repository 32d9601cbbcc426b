"""Disruption controller: budgets know how many of their Pods may be evicted.

Watches: PodDisruptionBudget, Pod, ReplicationController, ReplicaSet, Deployment, StatefulSet.
Writes: PodDisruptionBudget/status, Pod/status.

Keys are budgets, and Pods behind `pod|` whose condition DisruptionTarget goes out of date when nobody deletes them. The
API server takes from a budget what it grants (`apiserver/subresources/eviction.py`); only this loop gives back. The
planner is in `disruption_plan`, the sum of the controllers in `disruption_scales`.
"""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors, kinds, labels, meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.policy import disruption_plan
from hyperpy.components.controllers.policy.disruption_scales import ExpectedPods, Total, Uncountable
from hyperpy.components.controllers.upkeep import owner_index, ownership
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites
from hyperpy.components.controllers.upkeep.selector_text import spelled

#: Pods that come, or become healthy, within this time are counted together; bad news is not waited with.
GATHER_S = 0.1
_POD = "pod|"


class DisruptionController:
    """Counts budgets, and takes back what was said of Pods that were not disrupted."""

    name = "disruption-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._clock = context.clock
        self._queue = queue
        self._events = context.events("controllermanager")
        self._written = OwnWrites()
        self._selectors: dict[str, labels.Selector] = {}
        self._budgets = context.informers.of(kinds.POD_DISRUPTION_BUDGET)
        self._pods = context.informers.of(kinds.POD)
        self._expected = ExpectedPods(context, self._controllers_changed)
        context.watch(kinds.POD_DISRUPTION_BUDGET, self._budget_changed)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Count one budget, or see to the condition of one Pod."""
        namespace, name = meta.split_key(key.removeprefix(_POD))
        if key.startswith(_POD):
            pod = self._pods.get(name, namespace)
            return await self._see_to(pod) if pod is not None else None
        budget = self._budgets.get(name, namespace)
        if budget is None:
            return None
        budget = self._written.newest(budget)
        covered = self._covered(budget)
        try:
            total = await self._expected.of(covered) if disruption_plan.needs_scale(budget) else Total()
        except (Uncountable, errors.StatusError) as error:
            await self._fail(budget, error)
            if isinstance(error, errors.StatusError):
                raise
            return None
        return await self._settle(budget, covered, total)

    async def _settle(self, budget: Obj, covered: list[Obj], total: Total) -> float | None:
        plan = disruption_plan.plan(budget, covered, scale=total.scale, now=self._clock.now())
        if await self._write(budget, plan.status):
            self._tell(budget, covered, total)
            for pod in plan.overdue:
                text = f"Pod was expected by PDB {meta.key(budget)} to be deleted but it wasn't"
                self._events.event(pod, kinds.POD, "Warning", "NotDeleted", text)
        return plan.recheck_s

    def _tell(self, budget: Obj, covered: list[Obj], total: Total) -> None:
        """What users should know of a count that has changed."""
        if not covered:
            self._event(budget, "Normal", "NoPods", "No matching pods found")
        if total.unmanaged:
            text = (
                f"Pods selected by this PodDisruptionBudget (selector: {spelled(budget['spec'].get('selector'))}) were "
                "found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may "
                'result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the '
                "PDB to an integer value."
            )
            self._event(budget, "Warning", "UnmanagedPods", text)

    async def _fail(self, budget: Obj, error: Exception) -> None:
        """Nothing may be evicted while nobody can count."""
        if await self._write(budget, disruption_plan.failed(budget, str(error), now=self._clock.now())):
            text = f"Failed to calculate the number of expected pods: {error}"
            self._event(budget, "Warning", "CalculateExpectedPodCountFailed", text)

    async def _write(self, budget: Obj, status: Obj) -> bool:
        """Write a status that differs, on top of exactly what was read: evictions change it too. Raises Conflict."""
        if status == (budget.get("status") or {}):
            return False
        wanted = {**budget, "status": status}
        try:
            answer = await self._client.update(kinds.POD_DISRUPTION_BUDGET, wanted, subresource="status")
        except errors.NotFound:
            return False
        self._written.note(answer)
        return True

    async def _see_to(self, pod: Obj) -> float | None:
        wait_s = disruption_plan.stale_in(pod, now=self._clock.now())
        if wait_s != 0:
            return wait_s
        wanted = {**pod, "status": disruption_plan.without_target(pod, now=self._clock.now())}
        try:
            await self._client.update(kinds.POD, wanted, subresource="status")
        except errors.NotFound:
            return None
        return None

    def _covered(self, budget: Obj) -> list[Obj]:
        selector = self._selectors.get(meta.key(budget), labels.NOTHING)
        found = self._pods.list(budget["metadata"]["namespace"])
        return [pod for pod in found if selector.matches(pod["metadata"].get("labels"))]

    def _guards(self, pod: Obj) -> list[Obj]:
        """The budgets that cover a Pod."""
        own = pod["metadata"].get("labels")
        budgets = self._budgets.list(pod["metadata"]["namespace"])
        return [each for each in budgets if self._selectors.get(meta.key(each), labels.NOTHING).matches(own)]

    def _budget_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        budget = new or old
        assert budget is not None
        key = meta.key(budget)
        self._written.observe(event, budget)
        if event == "DELETED":
            self._selectors.pop(key, None)
            return
        self._selectors[key] = _selector(budget)
        self._queue.add(key)
        if owner_index.differs_beyond_status(event, old, new):
            for pod in self._covered(budget):
                self._warn_of_several(pod, self._guards(pod))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and event != "DELETED":
            self._note_staleness(new)
            if old is not None and _essence(old) == _essence(new):
                return
        worse = old is not None and pods.is_ready(old) and not _is_well(event, new)
        keys: set[str] = set()
        for pod in (old, new):
            guards = self._guards(pod) if pod is not None else []
            keys |= {meta.key(each) for each in guards}
            if pod is new and pod is not None and (old is None or _labels(old) != _labels(pod)):
                self._warn_of_several(pod, guards)
        for key in keys:
            self._queue.add_after(key, 0 if worse else GATHER_S)

    def _note_staleness(self, pod: Obj) -> None:
        wait_s = disruption_plan.stale_in(pod, now=self._clock.now())
        if wait_s is not None:
            self._queue.add_after(_POD + meta.key(pod), wait_s)

    def _controllers_changed(self, namespace: str) -> None:
        for budget in self._budgets.list(namespace):
            if disruption_plan.needs_scale(budget):
                self._queue.add_after(meta.key(budget), GATHER_S)

    def _warn_of_several(self, pod: Obj, guards: list[Obj]) -> None:
        if len(guards) < 2:
            return
        about = pod["metadata"]
        first = min(each["metadata"]["name"] for each in guards)
        text = (
            f'Pod "{about["namespace"]}"/"{about["name"]}" matches multiple PodDisruptionBudgets.  '
            f'Chose "{first}" arbitrarily.'
        )
        self._events.event(pod, kinds.POD, "Warning", "MultiplePodDisruptionBudgets", text)

    def _event(self, budget: Obj, type: str, reason: str, message: str) -> None:
        self._events.event(budget, kinds.POD_DISRUPTION_BUDGET, type, reason, message)


def _selector(budget: Obj) -> labels.Selector:
    """What the budget covers; one without a selector, or with one that cannot be read, covers nothing."""
    try:
        return labels.from_selector((budget.get("spec") or {}).get("selector"))
    except ValueError:
        return labels.NOTHING


def _essence(pod: Obj) -> tuple[Any, ...]:
    """What a budget counts of a Pod."""
    return _labels(pod), meta.is_deleting(pod), pods.is_ready(pod), ownership.controller_uid(pod)


def _is_well(event: str, pod: Obj | None) -> bool:
    return event != "DELETED" and pod is not None and pods.is_ready(pod) and not meta.is_deleting(pod)


def _labels(pod: Obj) -> dict[str, str]:
    return pod["metadata"].get("labels") or {}
