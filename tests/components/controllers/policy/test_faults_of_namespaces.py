"""What namespaces are given, and how they are emptied, under the three classic faults."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from hyperpy.api import errors, kinds

from ..faults import FAULTS, survive

TEAM = {"metadata": {"name": "team"}}


class Furnished:
    """A new namespace gets its ServiceAccount and the root certificates, and gets them back when they are taken."""

    controllers = ("serviceaccount", "root-ca-cert-publisher")
    kinds = (kinds.NAMESPACE, kinds.SERVICE_ACCOUNT, kinds.CONFIG_MAP)
    options: ClassVar = {"root_ca_pem": b"PEM"}

    def __init__(self, make: Any) -> None:
        pass

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.NAMESPACE, TEAM)
        await world.until(lambda: self.settled(world))
        await world.client.delete(kinds.SERVICE_ACCOUNT, "default", namespace="team")
        forged = {"data": {"ca.crt": "forged"}}
        await world.client.patch(kinds.CONFIG_MAP, "kube-root-ca.crt", forged, namespace="team")

    async def settled(self, world: Any) -> bool:
        maps = [each["data"] for each in await world.list(kinds.CONFIG_MAP, "team")]
        return maps == [{"ca.crt": "PEM"}] and len(await world.list(kinds.SERVICE_ACCOUNT, "team")) == 1

    async def check(self, world: Any) -> None:
        for kind in (kinds.SERVICE_ACCOUNT, kinds.CONFIG_MAP):
            namespaces = await world.list(kinds.NAMESPACE)
            assert world.faulty.done.count(("create", kind)) <= len(namespaces) + 1


class Emptied:
    """A namespace that holds several kinds, one object with a finalizer, is deleted; its neighbour keeps all."""

    controllers = ("namespace",)
    kinds = (kinds.NAMESPACE, kinds.POD, kinds.CONFIG_MAP)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.NAMESPACE, TEAM)
        account = {"metadata": {"name": "default", "namespace": "team"}}
        await world.client.create(kinds.SERVICE_ACCOUNT, account)
        for namespace in ("team", "default"):
            pod = self._make.pod("p")
            pod["metadata"] |= {"namespace": namespace, "finalizers": ["test.io/held"]}
            await world.client.create(kinds.POD, pod)
            await world.client.create(kinds.CONFIG_MAP, {"metadata": {"name": "c", "namespace": namespace}})
        await world.client.delete(kinds.NAMESPACE, "team")

        async def told() -> bool:
            found = await world.client.get(kinds.NAMESPACE, "team")
            return bool(found["status"].get("conditions"))

        await world.until(told)
        assert await world.list(kinds.CONFIG_MAP, "team"), "Pods go first"
        await world.client.patch(kinds.POD, "p", {"metadata": {"finalizers": None}}, namespace="team")

    async def settled(self, world: Any) -> bool:
        try:
            await world.client.get(kinds.NAMESPACE, "team")
        except errors.NotFound:
            return True
        return False

    async def check(self, world: Any) -> None:
        for kind in (kinds.POD, kinds.CONFIG_MAP):
            assert not await world.list(kind, "team")
            assert len(await world.list(kind, "default")) == 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", [Furnished, Emptied])
async def test_it_ends_as_without_the_fault(make: Any, scenario: Any, fault: str) -> None:
    await survive(scenario(make), fault)
