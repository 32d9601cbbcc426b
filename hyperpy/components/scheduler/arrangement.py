"""Which plugin takes part in which step: the default ones, changed by what a profile enables and disables. Pure.

PreFilter and Filter are one step here, and so are PreScore and Score: a plugin is disabled there when it is disabled at
either. Source of the rules: "Scheduler Configuration", "Plugins that apply to multiple extension points".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MULTI_POINT = "multiPoint"
ALL = "*"
#: Extension points that are one step here, by the step that they belong to.
POINTS_OF = {"filter": ("preFilter", "filter"), "score": ("preScore", "score")}


class ArrangementError(ValueError):
    """A profile enables what cannot be; the message names the plugin and the extension point."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A plugin that is enabled. A weight of 0 is none of its own: it counts as 1."""

    name: str
    weight: int = 0


@dataclass(frozen=True, slots=True)
class PluginSet:
    """What a profile enables and disables at one extension point; the name `*` disables all."""

    enabled: tuple[Choice, ...] = ()
    disabled: frozenset[str] = frozenset()


def arrange(
    defaults: Sequence[Choice],
    sets: Mapping[str, PluginSet],
    steps: Sequence[str],
    takes_part: Callable[[str, str], bool],
) -> dict[str, list[Choice]]:
    """The plugins of every step, in order.

    Args:
        defaults: the plugins of a profile that says nothing, in order.
        sets: what this profile says, by extension point.
        steps: all of them.
        takes_part: whether a plugin, by name, has what a step asks for.
    Raises:
        ArrangementError: a plugin is enabled at a point that it does not extend.
    """
    everywhere = multi_point(defaults, sets)
    return {step: _at(step, everywhere, _set_of(step, sets), takes_part) for step in steps}


def multi_point(defaults: Sequence[Choice], sets: Mapping[str, PluginSet]) -> list[Choice]:
    """The plugins that take part wherever they can."""
    wanted = sets.get(MULTI_POINT, PluginSet())
    instead = {choice.name: choice for choice in wanted.enabled}
    kept = [] if ALL in wanted.disabled else [each for each in defaults if each.name not in wanted.disabled]
    names = {each.name for each in kept}
    return [instead.get(each.name, each) for each in kept] + [each for each in wanted.enabled if each.name not in names]


def _set_of(step: str, sets: Mapping[str, PluginSet]) -> PluginSet:
    """What is said about a step, at any of its points; a weight counts wherever it stands."""
    enabled: dict[str, Choice] = {}
    disabled: frozenset[str] = frozenset()
    for point in POINTS_OF.get(step, (step,)):
        found = sets.get(point, PluginSet())
        disabled |= found.disabled
        for choice in found.enabled:
            if choice.weight or choice.name not in enabled:
                enabled[choice.name] = choice
    return PluginSet(tuple(enabled.values()), disabled)


def _at(
    step: str, everywhere: Sequence[Choice], wanted: PluginSet, takes_part: Callable[[str, str], bool]
) -> list[Choice]:
    """First those that this step names again, in its order; then the others; then those that only it names."""
    for choice in wanted.enabled:
        if not takes_part(choice.name, step):
            raise ArrangementError(f"{step}: {choice.name} does not extend this point")
    own = {choice.name for choice in wanted.enabled}
    if ALL in wanted.disabled:
        everywhere = ()
    names = {each.name for each in everywhere if takes_part(each.name, step)}
    again = [choice for choice in wanted.enabled if choice.name in names]
    others = [each for each in everywhere if each.name in names - own - wanted.disabled]
    return [*again, *others, *(choice for choice in wanted.enabled if choice.name not in names)]
