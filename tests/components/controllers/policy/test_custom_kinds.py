"""Custom kinds for the garbage collector and the namespace controller: they come and go while these run."""

from __future__ import annotations

import asyncio
from typing import Any

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Kind

WIDGET = Kind("example.com", "v1", "Widget", "widgets")
TENANT = Kind("example.com", "v1", "Tenant", "tenants", namespaced=False)


async def define(world: Any, kind: Kind) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {
        "group": kind.group,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "names": {"plural": kind.plural, "kind": kind.kind},
        "versions": [version],
    }
    await world.client.create(kinds.CUSTOM_RESOURCE_DEFINITION, {"metadata": {"name": kind.qualified}, "spec": spec})


def custom(kind: Kind, name: str, *, owner: Any = None, namespace: str = "default", **extra: Any) -> Any:
    own: dict[str, Any] = {"name": name, **extra}
    if kind.namespaced:
        own["namespace"] = namespace
    if owner is not None:
        own["ownerReferences"] = [owner]
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": own}


async def absent(world: Any, kind: Kind, name: str, namespace: str | None = "default") -> bool:
    try:
        await world.client.get(kind, name, namespace=namespace if kind.namespaced else None)
    except errors.NotFound:
        return True
    return False


async def test_objects_of_a_kind_defined_later_are_collected(world: Any) -> None:
    await world.start("garbagecollector")
    await define(world, WIDGET)
    await define(world, TENANT)
    tenant = await world.client.create(TENANT, custom(TENANT, "t"))
    by_tenant = meta.owner_reference(TENANT, tenant)
    widget = await world.client.create(WIDGET, custom(WIDGET, "w", owner=by_tenant))
    by_widget = meta.owner_reference(WIDGET, widget)
    await world.client.create(kinds.CONFIG_MAP, custom(kinds.CONFIG_MAP, "c", owner=by_widget))
    await world.quiet()
    assert not await absent(world, kinds.CONFIG_MAP, "c")
    await world.client.delete(TENANT, "t")
    await world.until(lambda: absent(world, WIDGET, "w"))
    await world.until(lambda: absent(world, kinds.CONFIG_MAP, "c"))


async def test_what_a_kind_owned_goes_with_the_kind(world: Any) -> None:
    await define(world, WIDGET)
    widget = await world.client.create(WIDGET, custom(WIDGET, "w"))
    by_widget = meta.owner_reference(WIDGET, widget)
    await world.client.create(kinds.CONFIG_MAP, custom(kinds.CONFIG_MAP, "c", owner=by_widget))
    await world.start("garbagecollector")
    await world.quiet()
    await world.client.delete(kinds.CUSTOM_RESOURCE_DEFINITION, WIDGET.qualified)
    await world.until(lambda: absent(world, kinds.CUSTOM_RESOURCE_DEFINITION, WIDGET.qualified))
    await world.until(lambda: absent(world, kinds.CONFIG_MAP, "c"))


async def test_nothing_watches_a_kind_that_has_gone(world: Any) -> None:
    await define(world, WIDGET)
    await world.start("garbagecollector", "namespace")
    assert any(task.get_name() == "informer/widgets.example.com" for task in asyncio.all_tasks())
    await world.client.delete(kinds.CUSTOM_RESOURCE_DEFINITION, WIDGET.qualified)

    async def nobody() -> bool:
        return not any(task.get_name() == "informer/widgets.example.com" for task in asyncio.all_tasks())

    await world.until(nobody)


async def test_a_namespace_is_emptied_of_custom_objects_too(world: Any) -> None:
    await world.start("namespace")
    await define(world, WIDGET)
    await world.client.create(kinds.NAMESPACE, {"metadata": {"name": "team"}})
    await world.client.create(WIDGET, custom(WIDGET, "held", namespace="team", finalizers=["example.com/hold"]))
    await world.client.create(WIDGET, custom(WIDGET, "free", namespace="team"))
    await world.client.delete(kinds.NAMESPACE, "team")
    await world.until(lambda: absent(world, WIDGET, "free", "team"))

    async def told() -> bool:
        namespace = await world.client.get(kinds.NAMESPACE, "team")
        found = meta.condition(namespace, "NamespaceContentRemaining")
        return "widgets.example.com has 1 resource instances" in ((found or {}).get("message") or "")

    await world.until(told)
    await world.client.patch(WIDGET, "held", {"metadata": {"finalizers": None}}, namespace="team")
    await world.until(lambda: absent(world, kinds.NAMESPACE, "team"))
