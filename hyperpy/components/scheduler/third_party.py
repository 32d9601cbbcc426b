"""Plugins of other packages: plain classes, found through the entry points of the group `hyperpy.scheduler.plugins`.

    [project.entry-points."hyperpy.scheduler.plugins"]
    QuietNodes = "quiet_nodes:QuietNodes"

The entry point's name is the plugin's; what it names is called with the arguments of the profile's `pluginConfig` and
a `Handle`, and gives the plugin. Only what a profile enables is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from hyperpy.components.scheduler import framework
from hyperpy.components.scheduler.framework import Plugin
from hyperpy.components.scheduler.handle import Handle

GROUP = "hyperpy.scheduler.plugins"

_POINTS: tuple[Any, ...] = (
    framework.PreEnqueue, framework.QueueSort, framework.PreFilter, framework.PostFilter, framework.PreScore,
    framework.Reserve, framework.Permit, framework.PreBind, framework.Bind, framework.PostBind,
)  # fmt: skip


class PluginRefused(ValueError):
    """A plugin cannot be used; the message names it and says why."""


def is_there(name: str) -> bool:
    """Whether an installed package has a plugin of this name."""
    return bool(metadata.entry_points(group=GROUP, name=name))


def make(name: str, args: Mapping[str, Any], handle: Handle) -> Plugin:
    """A plugin of another package.

    Args:
        name: of its entry point.
        args: what the configuration says under `pluginConfig`.
    Raises:
        PluginRefused: there is none, it cannot be loaded or made, or what came of it is no plugin.
    """
    found = list(metadata.entry_points(group=GROUP, name=name))
    if not found:
        raise PluginRefused(
            f"there is no plugin {name}: neither a built-in one nor one that an installed package has in its entry "
            f'points "{GROUP}"'
        )
    if len({entry.value for entry in found}) > 1:
        raise PluginRefused(f"plugin {name}: several packages have one: {', '.join(entry.value for entry in found)}")
    where = f"plugin {name} ({found[0].value})"
    try:
        factory = found[0].load()
    except Exception as error:  # a package of somebody else: whatever it raises is its reason
        raise PluginRefused(f"{where} cannot be loaded: {type(error).__name__}: {error}") from error
    try:
        plugin: Plugin = factory(args, handle)
    except Exception as error:
        raise PluginRefused(f"{where} cannot be made: {type(error).__name__}: {error}") from error
    if getattr(plugin, "name", None) != name:
        raise PluginRefused(f"{where} calls itself {getattr(plugin, 'name', None)!r}; its name must be {name!r}")
    if not isinstance(plugin, _POINTS):
        raise PluginRefused(f"{where} has no method of any extension point")
    return plugin
