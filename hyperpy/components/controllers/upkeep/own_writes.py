"""What this process wrote last, until its cache shows it: a loop must not compare with a status that it has replaced.

Without this a loop that writes a status, and looks again before the cache shows that, takes the status before for the
present one; when it comes to the same answer as before, it leaves the wrong one in place for ever.
"""

from __future__ import annotations

from hyperpy.api import meta
from hyperpy.client.protocol import Obj


class OwnWrites:
    """The newest answers to writes of objects of one kind. Bounded by the writes that the cache has not shown."""

    def __init__(self) -> None:
        self._written: dict[str, Obj] = {}

    def note(self, answer: Obj) -> None:
        """An object as the API answered a write of it."""
        self._written[meta.key(answer)] = answer

    def observe(self, event: str, obj: Obj) -> None:
        """Note an event of the cache."""
        key = meta.key(obj)
        if key in self._written and (event == "DELETED" or self.newest(obj) is obj):
            self._written.pop(key, None)

    def newest(self, cached: Obj) -> Obj:
        """The object as the cache has it, or as it was written where that is newer.

        Versions of one kind grow as numbers. Source: KEP-5504.
        """
        written = self._written.get(meta.key(cached))
        if written is None or written["metadata"]["uid"] != cached["metadata"]["uid"]:
            return cached
        return cached if _version(cached) >= _version(written) else written


def _version(obj: Obj) -> int:
    return int(obj["metadata"]["resourceVersion"])
