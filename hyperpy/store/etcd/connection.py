"""An etcd cluster as one partner: one member is asked, another when it fails; what is safe to send again is.

call ──▶ answer
     ──▶ failure ─┬─ it may be sent again, time is left ──▶ the next member (after each round: a pause)
                  └─ else ──▶ Unavailable, with what each member failed with

A read may always be sent again, a write only when it was certainly not carried out: no connection came about, or the
member said that it did not try.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from grpclib.exceptions import GRPCError

from hyperpy.store.etcd import failures
from hyperpy.store.etcd.address import Endpoint, Tls
from hyperpy.store.etcd.call import Lost
from hyperpy.store.etcd.failures import Misconfigured
from hyperpy.store.etcd.http2 import Http2
from hyperpy.store.etcd.member import Member
from hyperpy.store.protocol import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

#: One call to one member; etcd itself gives up after 7 s.
CALL_S = 10.0
#: For how long after its beginning a call is sent anew: a cluster elects a leader in 1 to 2 s.
PATIENCE_S = 6.0
_PAUSES_S = (0.05, 0.1, 0.2, 0.4)
#: A caller that gives up after so long has waited for a member that may be stuck: the next call asks another one.
_SLOW_S = 1.0
_WATCHES = 50  # watches on one connection; many servers take 100 streams at a time

Action = Callable[[Http2], Awaitable[T]]


class Connection:
    """A member for calls, and connections to it that are shared by watches. `close` ends all."""

    def __init__(self, endpoints: Sequence[Endpoint], tls: Tls) -> None:
        self._context = tls.context() if any(endpoint.secure for endpoint in endpoints) else None
        self._endpoints = list(endpoints)
        self._members = [Member(endpoint, self._context) for endpoint in endpoints]
        self._current = 0
        self._shared: list[_Shared] = []

    @property
    def member(self) -> Member:
        """The one in use."""
        return self._members[self._current]

    @property
    def members(self) -> Sequence[Member]:
        """All that were named, in their order."""
        return self._members

    def turn(self, failed: Member) -> None:
        """Go over to the next member, unless someone else has done so since `failed` was taken."""
        if failed is self.member:
            self._current = (self._current + 1) % len(self._members)

    @contextmanager
    def watching(self) -> Iterator[Member]:
        """The member in use, by a connection that is shared by watches only."""
        for shared in self._shared:
            if shared.index == self._current and shared.watches < _WATCHES:
                break
        else:
            shared = _Shared(self._current, Member(self._endpoints[self._current], self._context))
            self._shared.append(shared)
        shared.watches += 1
        try:
            yield shared.member
        finally:
            shared.watches -= 1
            if not shared.watches:
                self._shared.remove(shared)
                shared.member.close()

    async def call(self, action: Action[T], *, repeatable: bool, patience_s: float = PATIENCE_S) -> T:
        """Make a call, at another member when one does not answer.

        Args:
            repeatable: it may be sent twice.
            patience_s: for how long it is sent anew; each member is tried once in any case.
        Raises:
            GRPCError: a member's answer, for the caller to judge.
            Misconfigured: no member can be used until somebody changes something.
            Unavailable: nobody answers, or it is unknown whether the call was carried out.
        """
        tries = _Tries(asyncio.get_running_loop().time() + patience_s)
        while True:
            member = self.member
            try:
                return await self.ask(member, action)
            except (GRPCError, Lost, TimeoutError) as error:
                again = failures.certainly_not_done(error) or (repeatable and failures.passing(error))
                if isinstance(error, GRPCError) and not again and not failures.passing(error):
                    raise
                self.turn(member)
                tries.note(member, error)
                if not again or not await tries.another(len(self._members)):
                    raise tries.failure(unknown=not again) from error

    async def ask(self, member: Member, action: Action[T]) -> T:
        """Make a call to one member, once. Raises GRPCError, Lost, TimeoutError."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            http = await member.connected()
            async with asyncio.timeout(CALL_S):
                return await action(http)
        except asyncio.CancelledError:
            if loop.time() - begun > _SLOW_S:
                self.turn(member)
            raise

    def close(self) -> None:
        """Close all connections; calls under way fail, and none is made any more."""
        for member in (*self._members, *(shared.member for shared in self._shared)):
            member.close()


@dataclass(slots=True, eq=False)
class _Shared:
    index: int
    member: Member
    watches: int = 0


@dataclass(slots=True)
class _Tries:
    """What became of a call so far."""

    deadline: float
    failed: dict[str, Exception] = field(default_factory=dict)
    count: int = 0

    def note(self, member: Member, error: Exception) -> None:
        """A try failed."""
        log.debug("%s", failures.text(error, member.endpoint))
        self.failed.pop(member.endpoint, None)
        self.failed[member.endpoint] = error
        self.count += 1

    async def another(self, members: int) -> bool:
        """Whether to try again; after each round over all members, after a pause."""
        if self.count < members:
            return True
        if asyncio.get_running_loop().time() >= self.deadline or all(map(failures.final, self.failed.values())):
            return False
        if self.count % members == 0:
            await asyncio.sleep(_PAUSES_S[min(self.count // members, len(_PAUSES_S)) - 1])
        return True

    def failure(self, *, unknown: bool) -> Unavailable:
        """In the end."""
        if unknown:
            endpoint, error = next(reversed(self.failed.items()))
            return Unavailable(f"{failures.text(error, endpoint)}; it is not known whether the write was carried out")
        told = "; ".join(failures.text(error, endpoint) for endpoint, error in self.failed.items())
        return (Misconfigured if all(map(failures.final, self.failed.values())) else Unavailable)(told)
