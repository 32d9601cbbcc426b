"""The API server as a component: opens the store, builds the chain, listens, and ends all of it in order.

bind ▶ store ▶ core ▶ bootstrap ▶ RBAC caches ▶ listen ▶ ready()      stop: not ready ▶ (delay) ▶ listeners ▶
                                                                       watches ▶ audit log ▶ store
"""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Never

from hyperpy.api import errors, kinds
from hyperpy.api.wire import Request, Response
from hyperpy.client import local
from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.informer import Informers
from hyperpy.components import user_agents
from hyperpy.components.apiserver import aggregation, assembly, bootstrap, compacting, opening, resources
from hyperpy.components.apiserver import options as settings
from hyperpy.components.apiserver.aggregation.aggregator import Aggregator
from hyperpy.components.apiserver.authn.authentication import UNSECURED
from hyperpy.components.apiserver.authn.requestheader import Peers
from hyperpy.components.apiserver.authz.authorization import Authorizer
from hyperpy.components.apiserver.bootstrap import extension_authentication
from hyperpy.components.apiserver.chain import Chain
from hyperpy.components.apiserver.checks import Checks
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.credentials import access
from hyperpy.components.apiserver.credentials.pki import Pki
from hyperpy.components.apiserver.http import serving
from hyperpy.components.apiserver.http.cors import Cors
from hyperpy.components.apiserver.http.listener import Listener, bind
from hyperpy.components.apiserver.options import Options
from hyperpy.components.instruments import Instruments
from hyperpy.components.supervisor import StartFailure
from hyperpy.store.protocol import Store, StoreError

log = logging.getLogger(__name__)

_UNAVAILABLE = "the API server is not ready yet"


class ApiServer:
    """One API server.

    Args:
        store: an open store, which stays its opener's; None: the one in the data directory, opened and closed here.
    """

    name = "apiserver"

    def __init__(self, options: Options, *, store: Store | None = None, clock: Clock | None = None) -> None:
        self.options = options
        self.client = local.connect(self.handler, access.APISERVER, user_agent=user_agents.of(access.APISERVER.name))
        self.informers = Informers(self.client)
        self.port = 0
        self.insecure_port = 0
        self._store = store
        self._clock = clock or SystemClock()
        self._chain: Chain | None = None
        self._checks = Checks(health_s=options.etcd_healthcheck_timeout_s, ready_s=options.etcd_readycheck_timeout_s)
        self._listeners: list[Listener] = []
        self._slis = Instruments()

    @cached_property
    def pki(self) -> Pki:
        """The cluster's keys and certificates; made on first use. Raises StartFailure."""
        return Pki(self.options.data_dir / "pki", now=self._clock.now)

    @property
    def url(self) -> str:
        """The server's URL on this machine; complete once it is ready."""
        return settings.url(settings.local_host(self.options), self.port)

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig; there once the server is ready."""
        return self.options.data_dir / "kubeconfig"

    async def handler(self, request: Request) -> Response:
        """The chain from authorization on, for clients in this process, whose requests carry their user.

        Raises:
            errors.StatusError: the answer is an error; ServiceUnavailable before the server is ready.
        """
        chain = self._chain
        if chain is None:
            raise errors.ServiceUnavailable(_UNAVAILABLE, retry_after_s=1)
        return await chain.handle(request)

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Serve until cancelled.

        Raises:
            StartFailure: a setting, a port, a file or the store cannot be used.
        """
        settings.check(self.options)
        async with AsyncExitStack() as stack:
            secure = _bound(stack, "--secure-port", self.options.bind_address, self.options.secure_port)
            plain = None
            if self.options.insecure_port:
                plain = _bound(stack, "--insecure-port", self.options.insecure_bind_address, self.options.insecure_port)
            self.port = secure.getsockname()[1]
            peers = serving.peers(self.options, self.pki)
            authorizer = assembly.authorizer(self.options, self.informers)
            core = await self._open_core(stack, authorizer)
            aggregator = self._aggregator(stack, core.core.instruments)
            parts = await self._build(stack, core, authorizer, aggregator)
            self._chain = parts.chain
            peers.lasts = parts.access.certificate_expirations.observe
            await stack.enter_async_context(self.informers)
            await authorizer.synced()
            await aggregator.synced()
            await stack.enter_async_context(beside(aggregator.run(), name="apiserver/aggregator"))
            self._checks.done(*aggregation.HOOKS)
            await self._listen(stack, parts.chain, peers, secure, plain)
            self._write_kubeconfigs()
            await self._compact(stack, core)
            log.info("the API server listens on %s", self.url)
            ready()
            await bootstrap.keep(core)

    async def _open_core(self, stack: AsyncExitStack, authorizer: Authorizer) -> resources.ResourceHandler:
        first, last = settings.node_ports(self.options)
        config = CoreConfig(
            service_cidr=str(settings.service_network(self.options)),
            node_port_min=first,
            node_port_max=last,
            advertise_address=settings.advertised(self.options),
            advertise_port=self.port,
            shared_store=self.options.shared_store,
            lease_reuse_s=self.options.lease_reuse_s,
            admission=settings.admission(self.options),
        )
        try:
            store = self._store
            if store is None:
                store = await stack.enter_async_context(opening.opened(self.options))
            core = resources.build(store, kinds.built_in(), config, self._clock, authorizer=authorizer)
            stack.push_async_callback(core.aclose)
            await bootstrap.run(core)
            self._checks.done(*bootstrap.HOOKS)
            await extension_authentication.ensure_all(
                core.core,
                client_ca_pem=serving.client_authorities(self.options, self.pki).decode(),
                proxies=self.options.request_header(self.pki),
            )
        except (StoreError, ExceptionGroup) as error:
            raise opening.failure(error) from error
        return core

    async def _compact(self, stack: AsyncExitStack, core: resources.ResourceHandler) -> None:
        """Our own store keeps its history short by itself; an etcd has to be asked."""
        interval_s = self.options.etcd_compaction_interval_s
        if self.options.etcd_servers and interval_s:
            work = compacting.keep_short(core.core.store, self._clock, interval_s=interval_s)
            await stack.enter_async_context(beside(work, name="apiserver/compaction"))

    def _aggregator(self, stack: AsyncExitStack, instruments: Instruments) -> Aggregator:
        aggregator = Aggregator(
            self.client,
            self.informers,
            self._clock,
            credentials=lambda: self.options.front_proxy(self.pki),
            rng=random.Random(),
            instruments=instruments,
        )
        stack.push_async_callback(aggregator.aclose)
        return aggregator

    async def _build(
        self,
        stack: AsyncExitStack,
        core: resources.ResourceHandler,
        authorizer: Authorizer,
        aggregator: Aggregator,
    ) -> assembly.Parts:
        parts = assembly.assemble(
            self.options,
            core,
            client=self.client,
            authorizer=authorizer,
            pki=self.pki,
            health=self._checks.health(core.core, authorizer, self.informers, self._slis),
            aggregator=aggregator,
            slis=self._slis,
            url=settings.url(settings.advertised(self.options), self.port),
            clock=self._clock,
        )
        stack.push_async_callback(parts.streams.aclose)
        stack.callback(parts.deadlines.aclose)
        if parts.auditing is not None:
            await stack.enter_async_context(beside(parts.auditing.run(), name="apiserver/audit"))
        return parts

    async def _listen(
        self,
        stack: AsyncExitStack,
        chain: Chain,
        peers: Peers,
        secure: socket.socket,
        plain: socket.socket | None,
    ) -> None:
        limit = self.options.max_request_bytes
        tls = serving.context(self.options, self.pki)
        headers = serving.headers(self.options)
        cors = Cors(self.options.cors_allowed_origins) if self.options.cors_allowed_origins else None
        encrypted = Listener(chain.from_network, tls=tls, max_body_bytes=limit, headers=headers, cors=cors, peers=peers)
        listeners = [(encrypted, secure)]
        if plain is not None:
            self.insecure_port = plain.getsockname()[1]
            unchecked = Listener(chain.from_network, tls=None, max_body_bytes=limit, local_only=True, user=UNSECURED)
            listeners.append((unchecked, plain))
        for listener, sock in listeners:
            await listener.start(sock)
            self._listeners.append(listener)
            stack.push_async_callback(listener.stop, self.options.shutdown_grace_s)
        stack.push_async_callback(self._drain)

    async def _drain(self) -> None:
        """Say that the server is not ready any more, and give load balancers and clients the time to hear it."""
        self._checks.stopping = True
        for listener in self._listeners:
            listener.drain()
        if self.options.shutdown_delay_s:
            log.info("the API server stops in %g s", self.options.shutdown_delay_s)
            await self._clock.sleep(self.options.shutdown_delay_s)

    def _write_kubeconfigs(self) -> None:
        ca_pem = serving.trusted_by_clients(self.options, self.pki)
        access.write(self.kubeconfig, self.pki, access.ADMIN, server=self.url, ca_pem=ca_pem)
        if self.options.component_kubeconfigs:
            for name, identity in access.components().items():
                path = self.options.data_dir / f"{name}.kubeconfig"
                access.write(path, self.pki, identity, server=self.url, ca_pem=ca_pem)


def _bound(stack: AsyncExitStack, flag: str, address: str, port: int) -> socket.socket:
    """A listening socket that is closed at the end. Raises StartFailure."""
    where = settings.url(address, port).removeprefix("https://")
    try:
        sock = bind(address, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartFailure(
                f"{flag}: {where} is in use by another program; stop it, or choose another port (0 picks a free one)"
            ) from None
        raise StartFailure(f"{flag}: cannot listen on {where}: {error.strerror}") from None
    stack.callback(sock.close)
    return sock


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, Never], *, name: str) -> AsyncIterator[None]:
    """Work that goes on while the block does, and is cancelled and awaited after it."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
