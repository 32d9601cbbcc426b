"""Leases: what is left of each, which keys are bound to it, and one timer armed for the nearest end."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hyperpy.store.engine.clock import Clock, Timer
from hyperpy.store.protocol import Lease, LeaseNotFound

_RETRY_S = 1.0


@dataclass(slots=True)
class _Held:
    ttl_s: int
    deadline: float
    keys: set[bytes] = field(default_factory=set)
    ending: bool = False


class Leases:
    """The leases of a store.

    A lease that is `ending` (expired or revoked, not yet durably so) counts as gone for everyone but `cancel_end`.

    Args:
        on_expired: called with ids whose time is over; called again a second later for those still there.
    """

    def __init__(self, clock: Clock, on_expired: Callable[[Sequence[int]], None]) -> None:
        self._clock = clock
        self._on_expired = on_expired
        self._held: dict[int, _Held] = {}
        self._deadlines: list[tuple[float, int]] = []  # one entry a lease; a renewed one is put back when it comes up
        self._timer: Timer | None = None
        self._armed_for = 0.0

    def __contains__(self, lease_id: int) -> bool:
        held = self._held.get(lease_id)
        return held is not None and not held.ending

    def ids(self, *, ending_too: bool = False) -> list[int]:
        """Ids of the living, in order."""
        return sorted(lease_id for lease_id, held in self._held.items() if ending_too or not held.ending)

    def taken(self, lease_id: int) -> bool:
        """Is the id in use, be it by a lease that is about to end?"""
        return lease_id in self._held

    def add(self, lease_id: int, ttl_s: int, *, remaining_s: float | None = None) -> None:
        """Start a lease, or go on with one of which something is left."""
        deadline = self._clock.time() + (ttl_s if remaining_s is None else remaining_s)
        self._held[lease_id] = _Held(ttl_s, deadline)
        heapq.heappush(self._deadlines, (deadline, lease_id))
        self._arm()

    def renew(self, lease_id: int) -> Lease:
        """Start its time anew. Raises LeaseNotFound."""
        held = self._living(lease_id)
        held.deadline = self._clock.time() + held.ttl_s
        return Lease(lease_id, held.ttl_s, held.ttl_s)

    def set_remaining(self, lease_id: int, remaining_s: float) -> None:
        """What is left of it, as somebody says who knows better: more than was thought, but for a moment.

        A lease that has ended meanwhile is passed over.
        """
        if lease_id in self._held:
            self._held[lease_id].deadline = self._clock.time() + remaining_s

    def info(self, lease_id: int, *, keys: bool, ending_too: bool = False) -> Lease:
        """What is left of it. Raises LeaseNotFound."""
        held = self._held.get(lease_id) if ending_too else None
        held = held or self._living(lease_id)
        remaining = max(0, int(held.deadline - self._clock.time()))
        return Lease(lease_id, held.ttl_s, remaining, sorted(held.keys) if keys else ())

    def keys(self, lease_id: int) -> set[bytes]:
        """Keys bound by committed writes. Raises LeaseNotFound."""
        return self._living(lease_id).keys

    def attach(self, lease_id: int, key: bytes) -> None:
        """Bind a key; a lease that has ended meanwhile is passed over."""
        if lease_id in self._held:
            self._held[lease_id].keys.add(key)

    def detach(self, lease_id: int, key: bytes) -> None:
        """Release a key."""
        if lease_id in self._held:
            self._held[lease_id].keys.discard(key)

    def begin_end(self, lease_id: int) -> None:
        """From now on the lease counts as gone. Raises LeaseNotFound."""
        self._living(lease_id).ending = True

    def cancel_end(self, lease_id: int) -> None:
        """Its end could not be made durable: it lives, or expires again soon."""
        self._held[lease_id].ending = False
        self._arm()

    def remove(self, lease_id: int) -> None:
        """It has ended."""
        del self._held[lease_id]

    def clear(self) -> None:
        """Forget all of them."""
        self.stop()
        self._held.clear()
        self._deadlines.clear()

    def stop(self) -> None:
        """Disarm the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _living(self, lease_id: int) -> _Held:
        held = self._held.get(lease_id)
        if held is None or held.ending:
            raise LeaseNotFound(f"requested lease not found: {lease_id:x}")
        return held

    def _arm(self) -> None:
        if not self._deadlines:
            return
        nearest = self._deadlines[0][0]
        if self._timer is not None:
            if self._armed_for <= nearest:
                return
            self._timer.cancel()
        self._armed_for = nearest
        self._timer = self._clock.call_at(nearest, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._clock.time()
        due: list[int] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, lease_id = heapq.heappop(self._deadlines)
            held = self._held.get(lease_id)
            if held is None:
                continue
            if held.deadline > now:
                heapq.heappush(self._deadlines, (held.deadline, lease_id))
                continue
            heapq.heappush(self._deadlines, (now + _RETRY_S, lease_id))
            if not held.ending:
                due.append(lease_id)
        self._arm()
        if due:
            self._on_expired(due)
