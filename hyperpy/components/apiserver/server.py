"""The API server as a component: opens the store, builds the chain, listens, and ends all of it in order.

bind ▶ store ▶ core ▶ bootstrap ▶ RBAC caches ▶ listen ▶ ready()      stop: not ready ▶ (delay) ▶ listeners ▶
                                                                       watches ▶ audit log ▶ store
"""

from __future__ import annotations

import asyncio
import errno
import logging
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
from hyperpy.components.apiserver import access, assembly, bootstrap, resources, serving
from hyperpy.components.apiserver import options as settings
from hyperpy.components.apiserver.authentication import UNSECURED
from hyperpy.components.apiserver.authorization import Authorizer
from hyperpy.components.apiserver.chain import Chain
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.cors import Cors
from hyperpy.components.apiserver.health import Check, Health
from hyperpy.components.apiserver.listener import Listener, bind
from hyperpy.components.apiserver.options import Options
from hyperpy.components.apiserver.pki import Pki
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
        self._stopping = False
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
            authorizer = assembly.authorizer(self.options, self.informers)
            core = await self._open_core(stack, authorizer)
            self._chain = await self._build(stack, core, authorizer)
            await stack.enter_async_context(self.informers)
            await authorizer.synced()
            await self._listen(stack, self._chain, secure, plain)
            self._write_kubeconfigs()
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
            admission=settings.admission(self.options),
        )
        try:
            store = self._store
            if store is None:
                store = await stack.enter_async_context(_opened(self.options))
            core = resources.build(store, kinds.built_in(), config, self._clock, authorizer=authorizer)
            stack.push_async_callback(core.aclose)
            await bootstrap.run(core)
        except (StoreError, ExceptionGroup) as error:
            raise _cannot_store(error) from error
        return core

    async def _build(self, stack: AsyncExitStack, core: resources.ResourceHandler, authorizer: Authorizer) -> Chain:
        parts = assembly.assemble(
            self.options,
            core,
            client=self.client,
            authorizer=authorizer,
            pki=self.pki,
            health=self._health(core.core.store, authorizer),
            slis=self._slis,
            url=settings.url(settings.advertised(self.options), self.port),
            clock=self._clock,
        )
        stack.push_async_callback(parts.streams.aclose)
        stack.callback(parts.deadlines.aclose)
        if parts.auditing is not None:
            await stack.enter_async_context(beside(parts.auditing.run(), name="apiserver/audit"))
        return parts.chain

    def _health(self, store: Store, authorizer: Authorizer) -> Health:
        async def ping() -> str | None:
            return None

        async def etcd() -> str | None:
            try:
                await store.revision()
            except StoreError as error:
                return str(error)
            return None

        async def informer_sync() -> str | None:
            await authorizer.synced()
            return None

        async def shutdown() -> str | None:
            return "the process is shutting down" if self._stopping else None

        live: dict[str, Check] = {"ping": ping, "etcd": etcd}
        return Health(live, {"informer-sync": informer_sync, "shutdown": shutdown}, self._slis)

    async def _listen(
        self,
        stack: AsyncExitStack,
        chain: Chain,
        secure: socket.socket,
        plain: socket.socket | None,
    ) -> None:
        limit = self.options.max_request_bytes
        tls = serving.context(self.options, self.pki)
        headers = serving.headers(self.options)
        cors = Cors(self.options.cors_allowed_origins) if self.options.cors_allowed_origins else None
        encrypted = Listener(chain.from_network, tls=tls, max_body_bytes=limit, headers=headers, cors=cors)
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
        self._stopping = True
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


def _store_directory(options: Options) -> Path:
    directory = options.data_dir / "store"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartFailure(f"cannot use the store directory {directory}: {error.strerror}") from error
    return directory


@asynccontextmanager
async def _opened(options: Options) -> AsyncIterator[Store]:
    """The store that the options name, closed at the end."""
    store: Store
    if options.etcd_servers:
        from hyperpy.store.etcd import open_etcd

        ca, cert, key = (
            str(file) if file else None
            for file in (options.etcd_ca_file, options.etcd_cert_file, options.etcd_key_file)
        )
        store = await open_etcd(options.etcd_servers, ca=ca, cert=cert, key=key)
    else:
        from hyperpy.store.sql import open_store

        store = await open_store(_store_directory(options) / "store.db")
    try:
        yield store
    finally:
        await store.aclose()


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, Never], *, name: str) -> AsyncIterator[None]:
    """Work that goes on while the block does, and is cancelled and awaited after it."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _cannot_store(error: BaseException) -> StartFailure:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, StoreError):
        raise error
    return StartFailure(f"the store cannot be used: {error}")
