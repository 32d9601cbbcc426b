"""Leader election by a Lease: of several copies of a component, one works at a time.

    candidate ──acquires──▶ leader ──renews every retry_s──▶ leader
        ▲                     │ not renewed within renew_s, or the Lease was taken
        └──── process ends ◀──┘  (LeadershipLost: a component that lost its Lease must not write on)

Source of the rules and figures: client-go leaderelection (15 s, 10 s, 2 s) and the API reference of Lease.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Never

from hyperpy.api import errors, kinds, meta
from hyperpy.client.clock import Clock
from hyperpy.client.protocol import Client, Obj

log = logging.getLogger(__name__)

#: By how much client-go stretches the pause between tries.
_JITTER = 1.2


class LeadershipLost(Exception):
    """The Lease went to another; the process ends and its supervisor may start it again as a candidate."""


class BadTimes(ValueError):
    """Times that would let two lead, or none for long; the message names kube's flags."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds: how long a Lease holds, how long a leader tries to renew it, and the pause between tries."""

    lease_s: float = 15.0
    renew_s: float = 10.0
    retry_s: float = 2.0

    def check(self) -> None:
        """Make sure that a leader gives up before another one takes over. Raises BadTimes."""
        flag = "--leader-elect-"
        if self.lease_s < 1 or self.lease_s != int(self.lease_s):
            raise BadTimes(f"{flag}lease-duration={self.lease_s:g}s: a Lease lasts whole seconds, one or more")
        if self.renew_s >= self.lease_s:
            raise BadTimes(f"{flag}renew-deadline={self.renew_s:g}s must be less than {flag}lease-duration")
        if self.retry_s <= 0 or self.retry_s * _JITTER >= self.renew_s:
            raise BadTimes(
                f"{flag}retry-period={self.retry_s:g}s must be more than zero, and {_JITTER} times it "
                f"less than {flag}renew-deadline"
            )


class LeaderElector:
    """A candidate for one Lease.

    Args:
        identity: unique to this process, for example `host_uuid`.
        name, namespace: the Lease.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        name: str,
        identity: str,
        namespace: str = "kube-system",
        times: LeaseTimes | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._name = name
        self._namespace = namespace
        self._identity = identity
        self._times = times or LeaseTimes()
        self._seen: tuple[object, float] = (None, -math.inf)

    async def run(self, lead: Callable[[], Awaitable[object]]) -> Never:
        """Wait for the Lease, then run `lead()` while it is held.

        Raises:
            LeadershipLost: it was lost. On cancellation the Lease is given back, so that the next takes over at once.
        """
        while not await self._try():
            await self._clock.sleep(self._times.retry_s)
        log.info("%s leads as %s", self._name, self._identity)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._must_not_return(lead), name=f"{self._name}/leading")
                group.create_task(self._renew(), name=f"{self._name}/lease")
        finally:
            await self._release()
        raise AssertionError("leading and renewing do not return")

    async def _must_not_return(self, lead: Callable[[], Awaitable[object]]) -> None:
        await lead()
        raise RuntimeError(f"what leads {self._name} returned; it must run until it is cancelled")

    async def _renew(self) -> Never:
        renewed = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._times.retry_s)
            if await self._try():
                renewed = self._clock.monotonic()
            elif self._clock.monotonic() - renewed > self._times.renew_s:
                raise LeadershipLost(f"the Lease {self._namespace}/{self._name} was not renewed in time")

    async def _try(self) -> bool:
        """Take or renew the Lease; False when another holds it or it cannot be written."""
        try:
            lease = await self._client.get(kinds.LEASE, self._name, namespace=self._namespace)
        except errors.NotFound:
            return await self._write(self._claim({}, transitions=0), create=True)
        except errors.StatusError as error:
            log.warning("lease %s: %s", self._name, error)
            return False
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity")
        if holder == self._identity:
            return await self._write(self._claim(lease, transitions=spec.get("leaseTransitions", 0)))
        if holder and not self._expired(lease):
            return False
        return await self._write(self._claim(lease, transitions=spec.get("leaseTransitions", 0) + 1, taken=True))

    def _expired(self, lease: Obj) -> bool:
        """By our own clock since its last change, so that clocks of different machines need not agree."""
        version, now = lease["metadata"].get("resourceVersion"), self._clock.monotonic()
        if self._seen[0] != version:
            self._seen = (version, now)
        return now - self._seen[1] > (lease["spec"].get("leaseDurationSeconds") or self._times.lease_s)

    def _claim(self, lease: Obj, *, transitions: int, taken: bool = False) -> Obj:
        now = meta.micro_timestamp(self._clock.now())
        old = lease.get("spec") or {}
        return {
            "apiVersion": kinds.LEASE.api_version,
            "kind": kinds.LEASE.kind,
            "metadata": lease.get("metadata") or {"name": self._name, "namespace": self._namespace},
            "spec": {
                **old,
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(self._times.lease_s),
                "acquireTime": now if taken or "acquireTime" not in old else old["acquireTime"],
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

    async def _write(self, lease: Obj, *, create: bool = False) -> bool:
        try:
            if create:
                await self._client.create(kinds.LEASE, lease)
            else:
                await self._client.update(kinds.LEASE, lease)
        except (errors.Conflict, errors.AlreadyExists):
            return False
        except errors.StatusError as error:
            log.warning("lease %s: %s", self._name, error)
            return False
        return True

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(2):
                lease = await self._client.get(kinds.LEASE, self._name, namespace=self._namespace)
                if lease["spec"].get("holderIdentity") == self._identity:
                    released = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._client.update(kinds.LEASE, {**lease, "spec": released})
        except (errors.StatusError, TimeoutError) as error:
            log.debug("lease %s was not given back: %s", self._name, error)
