"""The profiles of one scheduler: several scheduler names over one queue and one view of the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler import arrangement, third_party
from hyperpy.components.scheduler.arrangement import ArrangementError, Choice, PluginSet
from hyperpy.components.scheduler.framework import Plugin
from hyperpy.components.scheduler.handle import Handle
from hyperpy.components.scheduler.plugin_table import ABSENT, TABLE
from hyperpy.components.scheduler.pod_info import DEFAULT_SCHEDULER, PodInfo
from hyperpy.components.scheduler.profile import STEPS, Profile, Use
from hyperpy.components.scheduler.third_party import PluginRefused

#: Arguments of built-in plugins that change which nodes are possible.
_FILTERING = ("added", "ignored", "ignored_groups")


class ProfileError(ValueError):
    """A profile cannot be; the message names it and says what is wrong."""


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """What is asked of a profile.

    Args:
        plugins: what it enables and disables, by extension point.
        args: keywords for the plugins that take some, by plugin.
        score_percentage: share of the nodes to find possible before the best is taken; 0: it follows from their number.
    """

    scheduler_name: str = DEFAULT_SCHEDULER
    plugins: Mapping[str, PluginSet] = field(default_factory=dict)
    args: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    score_percentage: int = 0


class Profiles:
    """Profiles by scheduler name.

    Raises:
        ProfileError: two have one name, or they sort the queue differently.
    """

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self._by_name = {profile.scheduler_name: profile for profile in profiles}
        first = profiles[0]
        if len(self._by_name) != len(profiles):
            raise ProfileError("two profiles have the same schedulerName")
        for other in profiles:
            if type(other.queue_sort) is not type(first.queue_sort):
                raise ProfileError(
                    f"profile {other.scheduler_name}: it sorts the queue by {other.queue_sort.name}, "
                    f"{first.scheduler_name} by {first.queue_sort.name}; there is one queue"
                )
        self.queue_sort = first.queue_sort

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._by_name.values())

    def of(self, pod: Obj) -> Profile | None:
        """The profile that a Pod names, or None: another scheduler's."""
        return self._by_name.get(pod["spec"].get("schedulerName") or DEFAULT_SCHEDULER)

    def running(self, pod: PodInfo) -> Profile:
        """The profile of a Pod that is ours."""
        found = self.of(pod.obj)
        assert found is not None
        return found


def build(specs: Sequence[ProfileSpec], handle: Handle) -> Profiles:
    """Profiles as they are asked for.

    Raises:
        ProfileError: one cannot be.
    """
    return Profiles([_profile(spec, handle) for spec in specs])


def _profile(spec: ProfileSpec, handle: Handle) -> Profile:
    defaults = [Choice(name, row.weight) for name, row in TABLE.items()]
    try:
        plugins = {name: _plugin(name, spec.args.get(name, {}), handle) for name in _names(defaults, spec)}
        steps = arrangement.arrange(
            defaults, spec.plugins, list(STEPS), lambda name, step: isinstance(plugins[name], STEPS[step])
        )
    except (ArrangementError, PluginRefused) as error:
        raise ProfileError(f"profile {spec.scheduler_name}: {error}") from error
    uses = {
        step: [Use(plugins[choice.name], choice.weight or 1) for choice in choices] for step, choices in steps.items()
    }
    if not uses["bind"]:
        raise ProfileError(f"profile {spec.scheduler_name}: at least one plugin must bind, for example DefaultBinder")
    try:
        return Profile(
            spec.scheduler_name, uses, score_percentage=spec.score_percentage, configured=_filter_otherwise(spec.args)
        )
    except ValueError as error:
        raise ProfileError(str(error)) from error


def _filter_otherwise(args: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The plugins whose arguments may change what they filter: those of other packages, and some of ours."""
    return [
        name
        for name, given in args.items()
        if name not in TABLE or any(value for keyword, value in given.items() if keyword in _FILTERING)
    ]


def _names(defaults: Sequence[Choice], spec: ProfileSpec) -> list[str]:
    """Every plugin that the profile may use, once."""
    everywhere = [choice.name for choice in arrangement.multi_point(defaults, spec.plugins)]
    named = [choice.name for found in spec.plugins.values() for choice in found.enabled]
    return list(dict.fromkeys([*everywhere, *named]))


def _plugin(name: str, args: Mapping[str, Any], handle: Handle) -> Plugin:
    row = TABLE.get(name)
    if row is not None:
        made: Plugin = row.make(handle, **args) if row.needs_handle else row.make(**args)
        return made
    if name in ABSENT:
        raise PluginRefused(f"hyperpy has no plugin {name}")
    return third_party.make(name, args, handle)
