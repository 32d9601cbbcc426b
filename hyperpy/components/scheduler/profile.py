"""A profile: the plugins of one scheduler name, sorted by the steps they take part in, with the weights for scoring."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.components.scheduler import framework
from hyperpy.components.scheduler.framework import Event, Plugin, Rejection
from hyperpy.components.scheduler.plugin_table import TABLE
from hyperpy.components.scheduler.pod_info import PodInfo

#: The steps, under the names of kube-scheduler's extension points, and what a plugin must have to take part.
STEPS: Mapping[str, Any] = {
    "preEnqueue": framework.PreEnqueue,
    "queueSort": framework.QueueSort,
    "filter": framework.PreFilter,
    "postFilter": framework.PostFilter,
    "score": framework.PreScore,
    "reserve": framework.Reserve,
    "permit": framework.Permit,
    "preBind": (framework.PreBind, framework.BindWait),
    "bind": framework.Bind,
    "postBind": framework.PostBind,
}


@dataclass(frozen=True, slots=True)
class Use:
    """A plugin in a profile, and its weight when nodes are scored."""

    plugin: Plugin
    weight: float = 1.0


def default_plugins() -> list[Use]:
    """The default plugins that need nothing but the Pod and the nodes, with kube-scheduler's weights."""
    return [Use(row.make(), row.weight) for row in TABLE.values() if not row.needs_handle]


class Profile:
    """What one scheduler name runs, sorted by step.

    Args:
        scheduler_name: the Pods that name it are its own.
        uses: the plugins: a list, of which each takes part in every step that it has a method for; or a list a step.
        score_percentage: how many nodes are found possible before the best is chosen; 0: it follows from their number.
        configured: the plugins that have arguments which change what they filter.
    Raises:
        ValueError: two plugins have one name, or there is not exactly one that sorts the queue.
    """

    def __init__(
        self,
        scheduler_name: str,
        uses: Sequence[Use] | Mapping[str, Sequence[Use]] | None = None,
        *,
        score_percentage: int = 0,
        configured: Collection[str] = (),
    ) -> None:
        self.scheduler_name = scheduler_name
        self.score_percentage = score_percentage
        self.configured = frozenset(configured)
        by_step = uses if isinstance(uses, Mapping) else _by_step(default_plugins() if uses is None else uses)
        every = {id(use.plugin): use.plugin for step in by_step.values() for use in step}.values()
        if len({plugin.name for plugin in every}) != len(every):
            raise ValueError(f"profile {scheduler_name}: two plugins have the same name")

        def at(step: str) -> list[Any]:
            return [use.plugin for use in by_step.get(step, ())]

        self.pre_enqueue = at("preEnqueue")
        self.filters = at("filter")
        self.narrows: list[Any] = [each for each in at("filter") if isinstance(each, framework.Narrow)]
        self.only_the_node = {
            each.name for each in every if isinstance(each, framework.OnlyTheNode) and each.only_the_node
        }
        self.post_filters = at("postFilter")
        self.scorers: list[tuple[Any, float]] = [(use.plugin, use.weight) for use in by_step.get("score", ())]
        self.reserves = at("reserve")
        self.permits = at("permit")
        self.pre_binds: list[framework.PreBind] = [
            each for each in at("preBind") if isinstance(each, framework.PreBind)
        ]
        self.bind_waits = [each for each in at("preBind") if isinstance(each, framework.BindWait)]
        self.binds = at("bind")
        self.post_binds = at("postBind")
        self._wakers = {each.name: each for each in every if isinstance(each, framework.Waker)}
        sorts = at("queueSort")
        if len(sorts) != 1:
            raise ValueError(f"profile {scheduler_name}: exactly one plugin must sort the queue, not {len(sorts)}")
        self.queue_sort = sorts[0]

    def gate(self, pod: PodInfo) -> Rejection | None:
        """Why the Pod may not be queued, or None."""
        for plugin in self.pre_enqueue:
            rejection = plugin.pre_enqueue(pod)
            if rejection is not None:
                return rejection
        return None

    def may_open(self, pod: PodInfo, gated_by: str, event: Event) -> bool:
        """Whether a change elsewhere may open a gate: only where the plugin says so itself."""
        return gated_by in self._wakers and self._wakers[gated_by].may_help(pod, event)

    def opens_by_changes(self, gated_by: str) -> bool:
        """Whether a plugin opens gates for other reasons than a change of the Pod itself."""
        return gated_by in self._wakers

    def may_help(self, pod: PodInfo, rejected_by: frozenset[str], event: Event) -> bool:
        """Whether one of the plugins that rejected the Pod sees hope in a change."""
        return any(name not in self._wakers or self._wakers[name].may_help(pod, event) for name in rejected_by)


def _by_step(uses: Sequence[Use]) -> dict[str, list[Use]]:
    if len({use.plugin.name for use in uses}) != len(uses):
        raise ValueError("two plugins have the same name")
    return {step: [use for use in uses if isinstance(use.plugin, point)] for step, point in STEPS.items()}
