"""Garbage collection under the three classic faults: in the background, in the foreground, orphaning, custom kinds."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds, meta
from hyperpy.client.protocol import DeleteOptions

from ..faults import FAULTS, survive
from .test_custom_kinds import WIDGET, custom, define

CONFIG_MAP, SECRET = kinds.CONFIG_MAP, kinds.SECRET


class _Tree:
    """root ─▶ two branches ─▶ a leaf each; a stranger belongs to a root that stays. The root is deleted."""

    controllers: tuple[str, ...] = ("garbagecollector",)
    kinds: tuple[Any, ...] = (SECRET, CONFIG_MAP)
    propagation = "Background"
    left = frozenset({"other", "stranger"})

    async def act(self, world: Any) -> None:
        root = await world.client.create(SECRET, custom(SECRET, "root"))
        other = await world.client.create(SECRET, custom(SECRET, "other"))
        by_other = meta.owner_reference(SECRET, other)
        await world.client.create(CONFIG_MAP, custom(CONFIG_MAP, "stranger", owner=by_other))
        for number in (1, 2):
            by_root = meta.owner_reference(SECRET, root)
            branch = await world.client.create(CONFIG_MAP, custom(CONFIG_MAP, f"branch-{number}", owner=by_root))
            by_branch = meta.owner_reference(CONFIG_MAP, branch)
            await world.client.create(CONFIG_MAP, custom(CONFIG_MAP, f"leaf-{number}", owner=by_branch))
        await world.client.delete(
            SECRET, "root", namespace="default", options=DeleteOptions(propagation=self.propagation)
        )

    async def settled(self, world: Any) -> bool:
        return await self._names(world) == self.left

    async def check(self, world: Any) -> None:
        stranger = await world.client.get(CONFIG_MAP, "stranger", namespace="default")
        assert [each["name"] for each in stranger["metadata"]["ownerReferences"]] == ["other"]

    async def _names(self, world: Any) -> set[str]:
        found = [*await world.list(CONFIG_MAP), *await world.list(SECRET)]
        return {each["metadata"]["name"] for each in found}


class Background(_Tree):
    pass


class Foreground(_Tree):
    propagation = "Foreground"


class Orphaning(_Tree):
    propagation = "Orphan"
    left = frozenset({"other", "stranger", "branch-1", "branch-2", "leaf-1", "leaf-2"})

    async def settled(self, world: Any) -> bool:
        branches = [each for each in await world.list(CONFIG_MAP) if each["metadata"]["name"].startswith("branch")]
        return await super().settled(world) and not any("ownerReferences" in each["metadata"] for each in branches)

    async def check(self, world: Any) -> None:
        await super().check(world)
        assert ("delete", CONFIG_MAP) not in world.faulty.done


class CustomKinds:
    """A custom object owns a built-in one, which owns a custom one; the kind comes after the start."""

    controllers = ("garbagecollector",)
    kinds = (CONFIG_MAP, WIDGET)

    async def act(self, world: Any) -> None:
        await define(world, WIDGET)
        top = await world.client.create(WIDGET, custom(WIDGET, "top"))
        keep = await world.client.create(WIDGET, custom(WIDGET, "keep"))
        for name, owner in (("middle", top), ("kept", keep)):
            by_owner = meta.owner_reference(WIDGET, owner)
            middle = await world.client.create(CONFIG_MAP, custom(CONFIG_MAP, name, owner=by_owner))
            by_middle = meta.owner_reference(CONFIG_MAP, middle)
            await world.client.create(WIDGET, custom(WIDGET, f"below-{name}", owner=by_middle))
        await world.client.delete(WIDGET, "top", namespace="default")

    async def settled(self, world: Any) -> bool:
        found = [*await world.list(CONFIG_MAP), *await world.list(WIDGET)]
        return {each["metadata"]["name"] for each in found} == {"keep", "kept", "below-kept"}

    async def check(self, world: Any) -> None:
        assert len(world.faulty.done) <= 2


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", [Background, Foreground, Orphaning, CustomKinds])
async def test_it_ends_as_without_the_fault(scenario: Any, fault: str) -> None:
    await survive(scenario(), fault)
