"""The health checks of one API server, under Kubernetes' names: what must answer, what is done, what is ending."""

from __future__ import annotations

import asyncio

from hyperpy.api import kinds
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver import aggregation, bootstrap
from hyperpy.components.apiserver.authz.authorization import Authorizer
from hyperpy.components.apiserver.bootstrap import local_services
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.health import Check, Health
from hyperpy.components.instruments import Instruments
from hyperpy.store.protocol import Store, StoreError


class Checks:
    """What they look at. `stopping` is set when the server begins to stop.

    Args:
        health_s, ready_s: what the store's answer may take, for the checks `etcd` and `etcd-readiness`.
    """

    def __init__(self, *, health_s: float, ready_s: float) -> None:
        self._health_s = health_s
        self._ready_s = ready_s
        self.stopping = False
        self._done: set[str] = set()

    def done(self, *hooks: str) -> None:
        """Steps of the start that are behind us."""
        self._done.update(hooks)

    def health(self, core: Core, authorizer: Authorizer, informers: Informers, slis: Instruments) -> Health:
        """The paths that ask the checks."""
        registered = informers.of(kinds.API_SERVICE)
        wanted = [obj["metadata"]["name"] for obj in local_services.built_in(core.kinds)]

        async def ping() -> str | None:
            return None

        async def informer_sync() -> str | None:
            await authorizer.synced()
            return None

        async def autoregister() -> str | None:
            missing = [name for name in wanted if registered.get(name) is None]
            return f"missing APIService: {missing}" if missing else None

        async def shutdown() -> str | None:
            return "the process is shutting down" if self.stopping else None

        hooks = {name: self._hook(name) for name in (*bootstrap.HOOKS, *aggregation.HOOKS)}
        live: dict[str, Check] = {
            "ping": ping,
            "etcd": _answers(core.store, self._health_s),
            **hooks,
            "autoregister-completion": autoregister,
        }
        readiness = _answers(core.store, self._ready_s)
        return Health(live, {"etcd-readiness": readiness, "informer-sync": informer_sync, "shutdown": shutdown}, slis)

    def _hook(self, name: str) -> Check:
        async def check() -> str | None:
            return None if name in self._done else "not finished"

        return check


def _answers(store: Store, limit_s: float) -> Check:
    async def check() -> str | None:
        try:
            async with asyncio.timeout(limit_s):
                await store.revision()
        except StoreError as error:
            return str(error)
        except TimeoutError:
            return f"the store did not answer within {limit_s:g} s"
        return None

    return check
