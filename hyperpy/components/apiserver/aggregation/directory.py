"""Who answers which group and version, and in which order they are listed: the APIServices, ready to be looked up.

Watches: APIService.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hyperpy.api import kinds, meta
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver.bootstrap import priorities
from hyperpy.components.apiserver.bootstrap.priorities import Priority

Obj = dict[str, Any]
GroupVersion = tuple[str, str]


class Directory:
    """The table. `generation` changes with everything that discovery shows of it."""

    def __init__(self) -> None:
        self.generation = 0
        #: APIServices that other servers answer. Empty in most clusters, which makes asking it cheap.
        self.remotes: dict[GroupVersion, Obj] = {}
        self._priorities: dict[GroupVersion, Priority] = {}
        self._discovered: dict[GroupVersion, Obj] = {}

    def follow(self, informers: Informers) -> Callable[[], None]:
        """Keep in step with the APIServices; call the result to stop."""
        return informers.of(kinds.API_SERVICE).subscribe(self._changed)

    def priority(self, group: str, version: str) -> Priority:
        """Where a group and version is listed."""
        return self._priorities.get((group, version)) or priorities.built_in(group, version) or priorities.CUSTOM

    def discovered(self) -> Mapping[GroupVersion, Obj]:
        """Of remote group-versions: their resources, as an APIVersionDiscovery. One that does not answer is Stale."""
        return {
            place: self._discovered.get(place) or {"version": place[1], "resources": [], "freshness": "Stale"}
            for place in self.remotes
        }

    def note(self, place: GroupVersion, discovery: Obj | None) -> None:
        """A remote group-version has told what it has, or (None) does not answer: what it told before is Stale."""
        before = self._discovered.get(place)
        now = discovery or ({**before, "freshness": "Stale"} if before else None)
        if now is not None and now != before and place in self.remotes:
            self._discovered[place] = now
            self.generation += 1

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old or {}
        spec = obj["spec"]
        place = spec.get("group") or "", spec["version"]
        remote = event != "DELETED" and bool(spec.get("service")) and place[0] != priorities.OWN_GROUP
        priority = None
        if event != "DELETED":
            priority = Priority(spec.get("groupPriorityMinimum") or 0, spec.get("versionPriority") or 0)
        if priority != self._priorities.get(place) or remote != (place in self.remotes):
            self.generation += 1
        if priority is None:
            self._priorities.pop(place, None)
        else:
            self._priorities[place] = priority
        if remote:
            self.remotes[place] = obj
        else:
            self.remotes.pop(place, None)
            self._discovered.pop(place, None)


def available(service: Obj) -> bool:
    """Whether an APIService was found to answer."""
    condition = meta.condition(service, "Available")
    return condition is not None and condition.get("status") == "True"
