"""Expectations: writes of this process that its cache has not shown yet, by the key of the object they were done for.

A controller that counts what it owns must not count while its own last creation or deletion is under way to the cache,
or it would do it twice. Here each write is expected by name: the name is chosen before the request, so neither the
order of answer and event nor a missed event can upset a count. What stays unseen for `VERIFY_AFTER_S` is looked up in
the API itself.

    expected ──event shows it──▶ met
        └── unseen too long ──▶ looked up: will never come ──▶ met;  else expected again
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hyperpy.client.protocol import Obj

VERIFY_AFTER_S = 10.0

#: Looks one object up by namespace and name; None when there is none.
Lookup = Callable[[str, str], Awaitable[Obj | None]]


@dataclass(frozen=True, slots=True)
class _Item:
    """A write that is on its way: a creation (the name is new, so it stands alone), a deletion (of that uid), or an
    update (to that version or a later one)."""

    namespace: str
    name: str
    uid: str = ""
    version: int = 0


class Expectations:
    """What is expected, for every key of one controller. Bounded by the writes under way."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[_Item, float]] = {}
        self._key_of: dict[_Item, str] = {}
        self._updates: dict[tuple[str, str], set[_Item]] = {}

    def created(self, key: str, *, namespace: str, name: str, now: float) -> None:
        """Expect to see an object of that name appear. Call before the request is sent."""
        self._expect(key, _Item(namespace, name), now)

    def deleted(self, key: str, obj: Obj, *, now: float) -> None:
        """Expect to see the object go, or begin to go. Call before the request is sent."""
        meta = obj["metadata"]
        self._expect(key, _Item(meta["namespace"], meta["name"], meta["uid"]), now)

    def updated(self, key: str, obj: Obj, *, cached: Obj | None, now: float) -> None:
        """Expect to see an object in the version just written. Call after the answer.

        Args:
            obj: the answer.
            cached: the object as the cache has it now; it may show the write already.
        """
        meta = obj["metadata"]
        item = _Item(meta["namespace"], meta["name"], version=int(meta["resourceVersion"]))
        if cached is None or not self._shows(cached, item):
            self._expect(key, item, now)

    def failed(self, *, namespace: str, name: str, uid: str = "") -> None:
        """The request was refused: nothing will come. `uid` names a deletion."""
        self._met(_Item(namespace, name, uid))

    def observe(self, event: str, obj: Obj) -> None:
        """Note an event of the cache: ADDED and MODIFIED show a creation, DELETED or a deletion time a deletion."""
        if not self._key_of:
            return
        meta = obj["metadata"]
        self._met(_Item(meta["namespace"], meta["name"]))
        if event == "DELETED" or "deletionTimestamp" in meta:
            self._met(_Item(meta["namespace"], meta["name"], meta["uid"]))
        for item in list(self._updates.get((meta["namespace"], meta["name"]), ())):
            if event == "DELETED" or self._shows(obj, item):
                self._met(item)

    def pending(self, key: str) -> bool:
        """Something is still expected for `key`."""
        return key in self._by_key

    def forget(self, key: str) -> None:
        """Expect nothing for `key` any more: its object is gone."""
        for item in self._by_key.pop(key, {}):
            self._unlist(item)

    async def wait_s(self, key: str, *, now: float, lookup: Lookup) -> float | None:
        """Seconds until `key` should be looked at again, or None when nothing is expected for it.

        Args:
            now: monotonic seconds.
            lookup: asks the API, past the cache.
        Raises:
            errors.StatusError: from `lookup`.
        """
        for item, since in list(self._by_key.get(key, {}).items()):
            if now - since < VERIFY_AFTER_S:
                continue
            found = await lookup(item.namespace, item.name)
            if self._is_settled(item, found):
                self._met(item)
            elif item in self._key_of:
                self._by_key[key][item] = now
        return VERIFY_AFTER_S if key in self._by_key else None

    @staticmethod
    def _is_settled(item: _Item, found: Obj | None) -> bool:
        """Nothing will come: a created object is gone again, or a deletion never reached its object.

        An object that is gone while the cache still shows it stays expected: the cache has to catch up first.
        """
        if not item.uid:
            return found is None
        return (
            found is not None and found["metadata"]["uid"] == item.uid and "deletionTimestamp" not in found["metadata"]
        )

    @staticmethod
    def _shows(obj: Obj, item: _Item) -> bool:
        """Versions of one kind grow as numbers. Source: KEP-5504."""
        return int(obj["metadata"]["resourceVersion"]) >= item.version

    def _expect(self, key: str, item: _Item, now: float) -> None:
        self._by_key.setdefault(key, {})[item] = now
        self._key_of[item] = key
        if item.version:
            self._updates.setdefault((item.namespace, item.name), set()).add(item)

    def _met(self, item: _Item) -> None:
        key = self._key_of.get(item)
        if key is None:
            return
        self._unlist(item)
        items = self._by_key[key]
        del items[item]
        if not items:
            del self._by_key[key]

    def _unlist(self, item: _Item) -> None:
        del self._key_of[item]
        same_name = self._updates.get((item.namespace, item.name))
        if item.version and same_name is not None:
            same_name.discard(item)
            if not same_name:
                del self._updates[item.namespace, item.name]
