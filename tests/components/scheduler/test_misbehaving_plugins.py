"""A plugin of somebody else that raises, at every extension point: its Pod fails and is told of, no other does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hyperpy.api import meta
from hyperpy.components.scheduler.arrangement import Choice, PluginSet
from hyperpy.components.scheduler.profiles import ProfileSpec

from .world import World, untainted

CODE = """
from hyperpy.components.scheduler.framework import Room

class Odd:
    name = "Odd"

    def __init__(self, args, handle):
        self._fail = args["fail"]

    def _at(self, point, pod):
        if point == self._fail and pod.name == "bad":
            raise ZeroDivisionError("by " + point)

    def pre_enqueue(self, pod):
        self._at("pre_enqueue", pod)

    def pre_filter(self, pod, cluster):
        self._at("pre_filter", pod)
        return lambda node: self._at("filter", pod)

    def post_filter(self, pod, failure):
        self._at("post_filter", pod)
        return Room(self.name, None)

    def pre_score(self, pod, cluster, nodes):
        self._at("pre_score", pod)

    def reserve(self, pod, node):
        self._at("reserve", pod)

    def unreserve(self, pod, node):
        self._at("unreserve", pod)

    async def permit(self, pod, node):
        self._at("permit", pod)

    async def pre_bind(self, pod, node, client):
        self._at("pre_bind", pod)

    async def bind(self, pod, node, client):
        self._at("bind", pod)
        return False

    def post_bind(self, pod, node):
        self._at("post_bind", pod)

    def may_help(self, pod, event):
        self._at("may_help", pod)
        return True
"""
ENTRY = "[hyperpy.scheduler.plugins]\nOdd = odd_plugin:Odd\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with the plugin, as an installer leaves it."""
    (tmp_path / "odd_plugin.py").write_text(CODE)
    about = tmp_path / "odd-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY)
    monkeypatch.syspath_prepend(str(tmp_path))


async def with_plugin(world: World, fail: str) -> None:
    first = PluginSet((Choice("Odd"), Choice("DefaultBinder")), frozenset({"DefaultBinder"}))
    points = {"multiPoint": PluginSet((Choice("Odd"),)), "bind": first}
    await world.schedule(profiles=(ProfileSpec(plugins=points, args={"Odd": {"fail": fail}}),))


def told(world: World, name: str) -> Any:
    async def holds() -> Any:
        condition = meta.condition(await world.get(name), "PodScheduled") or {}
        return condition.get("reason") == "SchedulerError" and condition["message"]

    return holds


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("point", ["pre_filter", "filter", "pre_score", "reserve", "permit", "pre_bind", "bind"])
async def test_a_plugin_that_raises_fails_its_pod_and_no_other(world: World, point: str) -> None:
    for name in ("n1", "n2"):
        await world.node(name)
    await with_plugin(world, point)
    await world.pod("bad", "1500m", **untainted())
    assert await world.until(told(world, "bad")) == f"ZeroDivisionError: by {point}"
    for number in range(2):
        await world.pod(f"good{number}", "1500m", **untainted())
    await world.until(placed(world, "good0"))
    await world.until(placed(world, "good1"))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("point", ["pre_enqueue", "unreserve", "post_bind"])
async def test_a_plugin_that_raises_where_nothing_hangs_on_it_is_passed_over(world: World, point: str) -> None:
    await world.node("n1")
    await with_plugin(world, point)
    await world.pod("bad", **untainted())
    await world.until(placed(world, "bad"))
    await world.quiet()
    assert len(await world.events("Scheduled")) == 1


@pytest.mark.usefixtures("installed")
async def test_a_hint_that_raises_counts_as_hope(world: World) -> None:
    await world.node("n1")
    await with_plugin(world, "may_help")
    await world.pod("full", "1500m", **untainted())
    await world.until(placed(world, "full"))
    await world.pod("bad", "1500m", **untainted())
    await world.until(world.told("bad", "Insufficient cpu"))
    await world.node("n2")
    await world.until(placed(world, "bad"))


@pytest.mark.usefixtures("installed")
async def test_a_post_filter_that_raises_fails_its_pod(world: World) -> None:
    await world.node("n1")
    await with_plugin(world, "post_filter")
    await world.pod("bad", "3", **untainted())
    assert await world.until(told(world, "bad")) == "ZeroDivisionError: by post_filter"


def placed(world: World, name: str) -> Any:
    async def holds() -> bool:
        return bool((await world.get(name))["spec"].get("nodeName"))

    return holds
