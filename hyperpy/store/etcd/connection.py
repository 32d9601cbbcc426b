"""Connections to the members of an etcd cluster: one in use, the next when it fails; failures become store errors."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from hyperpy.store.etcd.errors import store_error
from hyperpy.store.protocol import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

CALL_S = 10.0
_WATCHES = 50  # watches on one connection; many servers take 100 streams at a time
# What a broken connection or a member that is going away raises.
BROKEN = (OSError, StreamTerminatedError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form: who signed the servers' certificates, and our own certificate and key."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def context(self) -> ssl.SSLContext:
        """Raises Unavailable for a file that cannot be read."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            raise Unavailable(f"the TLS files for etcd cannot be used: {error}; check paths and contents") from error
        context.set_alpn_protocols(["h2"])
        return context


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One member's client address."""

    host: str
    port: int
    secure: bool

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"


def endpoint_of(address: str) -> Endpoint:
    """Read `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT`. Raises Unavailable."""
    parts = urlsplit(address if "://" in address else f"http://{address}")
    try:
        port = parts.port or 2379
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port or parts.path.strip("/"):
        raise Unavailable(f"the etcd address {address!r} is not of the form http://HOST:PORT or https://HOST:PORT")
    return Endpoint(parts.hostname, port, parts.scheme == "https")


class Connection:
    """The cluster as one partner: a channel to each member for calls, and others that are shared by watches.

    Channels connect when they are first used; `close` closes them.
    """

    def __init__(self, endpoints: Sequence[Endpoint], tls: Tls) -> None:
        self._context = tls.context() if any(endpoint.secure for endpoint in endpoints) else None
        self._endpoints = list(endpoints)
        self._channels = [self._new_channel(endpoint) for endpoint in endpoints]
        self._current = 0
        self._watch_channels: list[_WatchChannel] = []

    @property
    def channel(self) -> Channel:
        """The channel in use."""
        return self._channels[self._current]

    @property
    def endpoint(self) -> str:
        """The address in use."""
        return str(self._endpoints[self._current])

    @contextmanager
    def watch_channel(self) -> Iterator[Channel]:
        """A channel to the member in use for one watch, shared with others."""
        for place in self._watch_channels:
            if place.member == self._current and place.watches < _WATCHES:
                break
        else:
            place = _WatchChannel(self._current, self._new_channel(self._endpoints[self._current]))
            self._watch_channels.append(place)
        place.watches += 1
        try:
            yield place.channel
        finally:
            place.watches -= 1
            if not place.watches:
                self._watch_channels.remove(place)
                place.channel.close()

    def turn(self, failed: Channel) -> None:
        """Go over to the next member, unless someone else has done so since `failed` was taken."""
        if failed is self.channel:
            self._current = (self._current + 1) % len(self._channels)

    async def call(self, action: Callable[[Channel], Awaitable[T]], *, repeatable: bool) -> T:
        """Do a unary call, at another member when one does not answer.

        Args:
            repeatable: it may be sent twice. What may not is repeated only when it was certainly not sent.
        Raises:
            GRPCError: the member's answer, for the caller to judge.
            Unavailable: nobody answers, or it is unknown whether the call took effect.
        """
        tries = len(self._channels) + 1
        for left in range(tries - 1, -1, -1):
            channel, endpoint = self.channel, self.endpoint
            try:
                async with asyncio.timeout(CALL_S):
                    return await action(channel)
            except BROKEN as error:
                reason: Exception = error
                again = repeatable or isinstance(error, ConnectionRefusedError)
            except GRPCError as error:
                if error.status is not Status.UNAVAILABLE:
                    raise
                reason, again = error, repeatable
            self.turn(channel)
            if not again or left == 0:
                raise unavailable(reason, endpoint) from reason
        raise AssertionError("the loop ends by return or raise")

    def close(self) -> None:
        """Close all channels; those of watches close with their last watch."""
        for channel in self._channels:
            channel.close()

    def _new_channel(self, endpoint: Endpoint) -> Channel:
        return Channel(endpoint.host, endpoint.port, ssl=self._context if endpoint.secure else None)


@dataclass(slots=True, eq=False)
class _WatchChannel:
    member: int
    channel: Channel
    watches: int = 0


def unavailable(error: Exception, endpoint: str) -> Unavailable:
    """One line about a member that does not answer."""
    if isinstance(error, GRPCError):
        told = store_error(error, endpoint)
        return told if isinstance(told, Unavailable) else Unavailable(f"etcd at {endpoint}: {told}")
    if isinstance(error, TimeoutError):
        return Unavailable(f"etcd at {endpoint} did not answer within {CALL_S:.0f} s")
    return Unavailable(f"etcd at {endpoint} cannot be reached: {error or type(error).__name__}")
