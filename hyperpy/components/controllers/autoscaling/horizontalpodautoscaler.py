"""HorizontalPodAutoscaler controller: targets have as many replicas as their metrics ask for.

Watches: HorizontalPodAutoscaler, Pod.   Writes: the Scale of any kind, HorizontalPodAutoscaler/status.

    every sync period, and when its spec changes ──▶ Scale read ──▶ metrics read ──▶ planned ──▶ Scale written

Metrics are in `autoscaling_metrics` (read) and `autoscaling_sources` (counted), the planner in `autoscaling_plan`. What
it recommended and did a while ago is remembered here only: after a start nothing shrinks before the window is over.
"""

from __future__ import annotations

from dataclasses import replace

from hyperpy.api import errors, kinds, labels, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.autoscaling import autoscaling_behavior, autoscaling_plan
from hyperpy.components.controllers.autoscaling.autoscaling_behavior import History, Stamped
from hyperpy.components.controllers.autoscaling.autoscaling_metrics import Metrics
from hyperpy.components.controllers.autoscaling.autoscaling_plan import Failure, Plan
from hyperpy.components.controllers.autoscaling.autoscaling_pods import Rules, Scene
from hyperpy.components.controllers.autoscaling.autoscaling_sources import Sources
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import owner_index
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites
from hyperpy.components.controllers.upkeep.scales import Scales


class _NoTarget(Exception):
    """The target cannot be found; the message says why."""


class HorizontalPodAutoscalerController:
    """Keys are autoscalers; each asks to be looked at again after the sync period."""

    name = "horizontal-pod-autoscaler"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        options = context.options.autoscaling
        self._client = context.client
        self._clock = context.clock
        self._options = options
        self._queue = queue
        self._events = context.events(self.name)
        self._rules = Rules(
            options.tolerance, options.tolerance, options.cpu_initialization_s, options.initial_readiness_delay_s
        )
        self._scales = Scales(context.client, context.registry)
        self._sources = Sources(Metrics(context.client, self._scales.kind_of))
        # By key, for autoscalers that are there: of their last windows, and what their targets select.
        self._histories: dict[str, History] = {}
        self._selectors: dict[str, labels.Selector] = {}
        self._written = OwnWrites()
        self._pods = context.informers.of(kinds.POD)
        self._autoscalers = context.watch(kinds.HORIZONTAL_POD_AUTOSCALER, self._autoscaler_changed)

    async def reconcile(self, key: str) -> float | None:
        """Look at one autoscaler."""
        namespace, name = meta.split_key(key)
        hpa = self._autoscalers.get(name, namespace)
        if hpa is None:
            self._histories.pop(key, None)
            self._selectors.pop(key, None)
            return None
        hpa = self._written.newest(hpa)
        try:
            kind, scale = await self._target(hpa)
        except (_NoTarget, errors.StatusError) as error:
            self._event(hpa, "Warning", "FailedGetScale", str(error))
            await self._write(hpa, hpa.get("status") or {}, (autoscaling_plan.without_scale(str(error)),))
            return self._options.sync_period_s
        await self._carry_out(hpa, kind, scale, await self._plan(key, hpa, scale))
        return self._options.sync_period_s

    async def _target(self, hpa: Obj) -> tuple[Kind, Obj]:
        """The kind and the Scale of what is scaled. Raises _NoTarget, StatusError."""
        reference = hpa["spec"]["scaleTargetRef"]
        version = reference.get("apiVersion") or "v1"
        if version.count("/") > 1:
            raise _NoTarget(f"unexpected GroupVersion string: {version}")
        kind = await self._scales.kind_of(version, reference["kind"])
        if kind is None:
            group = version.rpartition("/")[0]
            raise _NoTarget(f'no matches for kind "{reference["kind"]}" in group "{group}"')
        return kind, await self._scales.get(kind, reference["name"], hpa["metadata"]["namespace"])

    async def _plan(self, key: str, hpa: Obj, scale: Obj) -> Plan:
        now, current = self._clock.now(), _wanted(scale)
        history = self._histories.get(key) or History((Stamped(current, now),))
        plan = autoscaling_plan.without_metrics(hpa, current, history)
        if plan is not None:
            return plan
        text = (scale.get("status") or {}).get("selector") or ""
        chosen = self._chosen(key, hpa, text, history)
        if isinstance(chosen, Plan):
            return chosen
        scene = Scene(
            selected=chosen,
            wanted=current,
            actual=(scale.get("status") or {}).get("replicas") or 0,
            rules=autoscaling_plan.rules_of(hpa, self._rules),
            now=now,
        )
        outcomes = await self._sources.outcomes(hpa, scene, selector=text)
        for each in outcomes:
            if isinstance(each, Failure):
                self._event(hpa, "Warning", each.reason, each.message)
        return autoscaling_plan.by_metrics(
            hpa,
            outcomes,
            current=current,
            history=history,
            now=now,
            window_s=self._options.downscale_stabilization_s,
        )

    def _chosen(self, key: str, hpa: Obj, text: str, history: History) -> list[Obj] | Plan:
        """The Pods of the target; a plan where its selector cannot be used."""
        if not text:
            self._event(hpa, "Warning", "SelectorRequired", "selector is required")
            message = "the HPA target's scale is missing a selector"
            return replace(
                autoscaling_plan.unusable("InvalidSelector", message, history), failure="selector is required"
            )
        try:
            selector = labels.parse(text)
        except ValueError as error:
            message = f"couldn't convert selector into a corresponding internal selector object: {error}"
            return self._unusable(hpa, "InvalidSelector", message, history)
        self._selectors[key] = selector
        found = self._pods.list(hpa["metadata"]["namespace"])
        selected = [pod for pod in found if selector.matches(pod["metadata"].get("labels"))]
        rivals = self._rivals(key, selected)
        if rivals:
            names = " ".join(sorted([key, *rivals]))
            message = f"pods by selector {text} are controlled by multiple HPAs: [{names}]"
            return self._unusable(hpa, "AmbiguousSelector", message, history)
        return selected

    def _rivals(self, key: str, selected: list[Obj]) -> list[str]:
        """Other autoscalers whose targets select one of these Pods."""
        here = key.partition("/")[0] + "/"
        others = [(each, selector) for each, selector in self._selectors.items() if each.startswith(here)]
        return [
            each
            for each, selector in others
            if each != key and any(selector.matches(pod["metadata"].get("labels")) for pod in selected)
        ]

    def _unusable(self, hpa: Obj, reason: str, message: str, history: History) -> Plan:
        self._event(hpa, "Warning", reason, message)
        return replace(autoscaling_plan.unusable(reason, message, history), failure=message)

    async def _carry_out(self, hpa: Obj, kind: Kind, scale: Obj, plan: Plan) -> None:
        """Give the target its number, and tell of it."""
        current = _wanted(scale)
        self._histories[meta.key(hpa)] = plan.history
        if plan.failure:
            self._event(hpa, "Warning", "FailedComputeMetricsReplicas", plan.failure)
        changed = plan.replicas is not None and plan.replicas != current
        if plan.replicas is not None and changed:
            plan = await self._rescale(hpa, plan, plan.replicas, kind=kind, scale=scale)
            changed = plan.replicas is not None
        status = autoscaling_plan.status(hpa, plan, current=current, changed=changed, now=self._clock.now())
        await self._write(hpa, status, plan.conditions)

    async def _rescale(self, hpa: Obj, plan: Plan, replicas: int, *, kind: Kind, scale: Obj) -> Plan:
        """Write another number; returns the plan as it was carried out: without a number, when that was refused."""
        told = f"New size: {replicas}; reason: {plan.why}"
        try:
            await self._scales.update(kind, scale, replicas)
        except errors.StatusError as error:
            self._event(hpa, "Warning", "FailedRescale", f"{told}; error: {error}")
            failed = autoscaling_plan.not_rescaled(str(error))
            return replace(plan, replicas=None, conditions=(*plan.conditions, failed))
        self._event(hpa, "Normal", "SuccessfulRescale", told)
        self._histories[meta.key(hpa)] = autoscaling_behavior.scaled(
            hpa["spec"], plan.history, before=_wanted(scale), after=replicas, now=self._clock.now()
        )
        return replace(plan, conditions=(*plan.conditions, autoscaling_plan.rescaled(replicas)))

    async def _write(self, hpa: Obj, status: Obj, conditions: tuple[autoscaling_plan.Condition, ...]) -> None:
        status = autoscaling_plan.with_conditions(status, conditions, now=self._clock.now())
        if status == (hpa.get("status") or {}):
            return
        try:
            wanted = {**hpa, "status": status}
            answer = await self._client.update(kinds.HORIZONTAL_POD_AUTOSCALER, wanted, subresource="status")
        except errors.NotFound:
            return
        except errors.StatusError as error:
            self._event(hpa, "Warning", "FailedUpdateStatus", str(error))
            raise
        self._written.note(answer)

    def _event(self, hpa: Obj, type: str, reason: str, message: str) -> None:
        self._events.event(hpa, kinds.HORIZONTAL_POD_AUTOSCALER, type, reason, message)

    def _autoscaler_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        hpa = new or old
        assert hpa is not None
        self._written.observe(event, hpa)
        if owner_index.differs_beyond_status(event, old, new):
            self._queue.add(meta.key(hpa))


def _wanted(scale: Obj) -> int:
    return (scale.get("spec") or {}).get("replicas") or 0
