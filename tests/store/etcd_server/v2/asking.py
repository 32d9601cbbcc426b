"""Requests on an open key space, written as a client would write their fields."""

from __future__ import annotations

import json
from typing import Any

from hyperpy.store.etcd_server.v2.events import Waiter
from hyperpy.store.etcd_server.v2.keyspace import Answer, V2KeySpace
from hyperpy.store.etcd_server.v2.request import KeysRequest, parse


class WallClock:
    """Nanoseconds of a wall clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> int:
        return int(self.seconds * 1_000_000_000)


def asked(method: str, path: str, *, now: int = 0, **fields: object) -> KeysRequest:
    """A request; fields are written as text."""
    return parse(method, path, {name: [str(value)] for name, value in fields.items()}, now=now)


async def ask(keyspace: V2KeySpace, method: str, path: str, **fields: object) -> Answer:
    """Ask for something that is answered at once."""
    request = asked(method, path, now=keyspace.now(), **fields)
    return keyspace.get(request) if method == "GET" else await keyspace.change(request)


async def shown(keyspace: V2KeySpace, path: str, **fields: object) -> Any:
    """The node that a GET shows."""
    return json.loads((await ask(keyspace, "GET", path, **fields)).body)["node"]


async def waiter(keyspace: V2KeySpace, path: str, **fields: object) -> Waiter:
    """Wait for changes."""
    return await keyspace.wait(asked("GET", path, wait="true", **fields))


async def told(waiting: Waiter) -> Any:
    """The next event a waiter is told, as content."""
    return json.loads((await anext(waiting)).body)
