"""ClusterRole aggregation: the rules of an aggregated role are those of the roles that its selectors name.

Watches: ClusterRole.   Writes: ClusterRole (rules).
"""

from __future__ import annotations

from collections.abc import Iterable

from hyperpy.api import errors, kinds, labels
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context


def plan(role: Obj, others: Iterable[Obj]) -> list[Obj] | None:
    """The rules that an aggregated role should have, each once, in the order of selectors and then of names.

    Returns:
        None when the role is none that aggregates, or has these rules already.
    """
    selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    if not selectors:
        return None
    by_name = sorted(others, key=lambda each: str(each["metadata"]["name"]))
    rules: list[Obj] = []
    for selector in selectors:
        matches = labels.from_selector(selector).matches
        for other in by_name:
            if other["metadata"]["name"] == role["metadata"]["name"]:
                continue
            if matches(other["metadata"].get("labels") or {}):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return None if rules == (role.get("rules") or []) else rules


class ClusterRoleAggregation:
    """Keys are the names of aggregated roles; a change of any role is a change for all of them."""

    name = "clusterrole-aggregation-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._roles = context.informers.of(kinds.CLUSTER_ROLE)
        context.watch(kinds.CLUSTER_ROLE, self._changed)  # it may call at once, with what is known already

    async def reconcile(self, key: str) -> float | None:
        """Write one role's rules, under the version they were made for."""
        role = self._roles.get(key)
        rules = None if role is None else plan(role, self._roles.list())
        if role is not None and rules is not None:
            try:
                await self._client.update(kinds.CLUSTER_ROLE, {**role, "rules": rules})
            except errors.NotFound:
                pass
        return None

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        for role in self._roles.list():
            if role.get("aggregationRule"):
                self._queue.add(role["metadata"]["name"])
