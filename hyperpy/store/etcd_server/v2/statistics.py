"""What the v2 API counts and tells of itself: /v2/stats/store, self and leader."""

from __future__ import annotations

from collections import Counter

from hyperpy.store.etcd_server.v2 import rendering

# etcd's names, in its order, for the verbs of `nodes.verb`.
_COUNTED = (
    ("get", "gets"),
    ("set", "sets"),
    ("delete", "delete"),
    ("update", "update"),
    ("create", "create"),
    ("compareAndSwap", "compareAndSwap"),
    ("compareAndDelete", "compareAndDelete"),
)
_SECOND = 1_000_000_000


class Statistics:
    """Counts since the server's start.

    Args:
        started: nanoseconds of the wall clock.
    """

    def __init__(self, started: int) -> None:
        self.expired = 0
        self._started = started
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    def count(self, verb: str, *, done: bool) -> None:
        """One request was answered."""
        (self._done if done else self._failed)[verb] += 1

    def store(self, *, watchers: int) -> bytes:
        """/v2/stats/store."""
        content: dict[str, int] = {}
        for verb, name in _COUNTED:
            content[f"{name}Success"] = self._done[verb]
            content[f"{name}Fail"] = self._failed[verb]
        return rendering.encode({**content, "expireCount": self.expired, "watchers": watchers}, newline=False)

    def self(self, *, name: str, member: str, now: int) -> bytes:
        """/v2/stats/self. The one member leads from its start; there is nobody to send to or receive from."""
        started = rendering.timestamp(self._started)
        leader = {"leader": member, "uptime": _duration(now - self._started), "startTime": started}
        content = {"name": name, "id": member, "state": "StateLeader", "startTime": started, "leaderInfo": leader}
        return rendering.encode({**content, "recvAppendRequestCnt": 0, "sendAppendRequestCnt": 0}, newline=False)


def leader(member: str) -> bytes:
    """/v2/stats/leader."""
    return rendering.encode({"leader": member, "followers": {}}, newline=False)


def _duration(nanoseconds: int) -> str:
    """As Go writes durations of a second and more: 1h2m3.5s."""
    minutes, rest = divmod(max(0, nanoseconds), 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    seconds, fraction = divmod(rest, _SECOND)
    text = f"{seconds}.{fraction:09d}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
