"""What every namespace is given: a default ServiceAccount and the certificates to trust the API server by."""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors, kinds


async def test_every_namespace_gets_a_serviceaccount_and_gets_it_back(world: Any) -> None:
    await world.start("serviceaccount")
    await world.client.create(kinds.NAMESPACE, {"metadata": {"name": "team"}})

    async def there() -> bool:
        return bool(await world.list(kinds.SERVICE_ACCOUNT, "team"))

    await world.until(there)
    await world.client.delete(kinds.SERVICE_ACCOUNT, "default", namespace="team")
    await world.until(there)


async def test_the_root_ca_is_published_and_kept_true(world: Any) -> None:
    await world.start("root-ca-cert-publisher", root_ca_pem=b"PEM")

    async def ca() -> Any:
        try:
            found = await world.client.get(kinds.CONFIG_MAP, "kube-root-ca.crt", namespace="default")
        except errors.NotFound:
            return None
        return found["data"] == {"ca.crt": "PEM"}

    await world.until(ca)
    wrong = {"data": {"ca.crt": "forged", "more": "x"}}
    await world.client.patch(kinds.CONFIG_MAP, "kube-root-ca.crt", wrong, namespace="default")
    await world.until(ca)
    await world.client.delete(kinds.CONFIG_MAP, "kube-root-ca.crt", namespace="default")
    await world.until(ca)


async def test_without_a_ca_nothing_is_published(world: Any) -> None:
    await world.start("root-ca-cert-publisher")
    await world.quiet()
    assert not await world.list(kinds.CONFIG_MAP)
