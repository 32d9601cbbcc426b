"""How the tree lies in an engine: keys, values, and a plan as one transaction.

    n DEPTH PATH       a node, by the number of its path's parts, so that a directory's children stand together
    x EXPIRES PATH     there is a node that goes at EXPIRES, nearest first
    e                  the newest event; its history is the history of all of them

The engine's revision is the index: a change is one transaction, and nothing else makes revisions.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from hyperpy.store.engine.operations import Draft
from hyperpy.store.etcd_server.v2 import rendering
from hyperpy.store.etcd_server.v2.nodes import ROOT, Node, Plan
from hyperpy.store.protocol import DeleteRange, Get, KeyValue, Put, prefix_end

EVENT_KEY = b"e"
_EXPIRIES = b"x"


@dataclass(frozen=True, slots=True)
class Record:
    """A change as it is told.

    Args:
        path: the node it happened to.
        gone: a directory went, and all below it.
        silent: nobody is told.
        expires: when the node goes; 0: never.
        body: the event as etcd writes it.
    """

    index: int
    path: str
    gone: bool
    silent: bool
    expires: int
    body: bytes


class StoredTree:
    """See `nodes.Tree`. The tree as an engine's draft shows it, with the index before any change of that draft."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.index = draft.revision

    def get(self, path: str) -> Node | None:
        """The node at a path, or None."""
        if path == "/":
            return ROOT
        pair = self._draft.get(node_key(path))
        return None if pair is None else _node(path, pair.value)

    def children(self, path: str) -> bool:
        """Whether a directory has any."""
        start = _children_prefix(path)
        return bool(self._draft.read(Get(start, prefix_end(start), limit=1, keys_only=True)).kvs)

    def listing(self, path: str) -> list[Node]:
        """The children of a directory in order, hidden ones too."""
        start = _children_prefix(path)
        return [_node_of(pair) for pair in self._draft.read(Get(start, prefix_end(start))).kvs]

    def below(self, path: str) -> list[Node]:
        """All nodes below a directory, level by level."""
        found: list[Node] = []
        depth = _depth(path) + 1
        while True:
            start = _prefix(depth, path)
            level = self._draft.read(Get(start, prefix_end(start))).kvs
            if not level:
                return found
            found += map(_node_of, level)
            depth += 1

    def next_to_go(self, count: int) -> list[tuple[int, str]]:
        """When the next few nodes go, and which ones."""
        found = self._draft.read(Get(_EXPIRIES, prefix_end(_EXPIRIES), limit=count, keys_only=True)).kvs
        return [(int.from_bytes(pair.key[1:9]), pair.key[9:].decode()) for pair in found]


def write(plan: Plan, draft: Draft, *, now: int) -> Record:
    """Carry out a plan in an engine's transaction. Every key is written once."""
    changes: dict[bytes, bytes | None] = {}
    for node in plan.removed:
        changes[node_key(node.path)] = None
        if node.expires is not None:
            changes[_expiry_key(node)] = None
    for node in plan.puts:
        changes[node_key(node.path)] = _value(node)
        if node.expires is not None:
            changes[_expiry_key(node)] = b""
    record = _record(plan, now)
    changes[EVENT_KEY] = _encode(record)
    for key, value in changes.items():
        if value is None:
            draft.delete(DeleteRange(key))
        else:
            draft.put(Put(key, value))
    return record


def decode(pair: KeyValue) -> Record:
    """A record from what the engine kept under `EVENT_KEY`."""
    head, _, body = pair.value.partition(b"\n")
    told = orjson.loads(head)
    return Record(
        index=pair.mod_revision,
        path=told["path"],
        gone=told["gone"],
        silent=told["silent"],
        expires=told["expires"],
        body=body,
    )


def node_key(path: str) -> bytes:
    """The key of a node."""
    return _prefix(_depth(path), path)[:-1]


def _encode(record: Record) -> bytes:
    head = {"path": record.path, "gone": record.gone, "silent": record.silent, "expires": record.expires}
    return orjson.dumps(head) + b"\n" + record.body


def _record(plan: Plan, now: int) -> Record:
    node = plan.node
    return Record(
        index=node.modified,
        path=node.path,
        gone=plan.gone and node.is_dir,
        silent=plan.silent,
        expires=node.expires or 0,
        body=rendering.event(plan, now=now),
    )


def _depth(path: str) -> int:
    return 0 if path == "/" else path.count("/")


def _prefix(depth: int, path: str) -> bytes:
    """What the keys of all nodes of a depth below a path begin with."""
    return b"n" + depth.to_bytes(2) + path.rstrip("/").encode() + b"/"


def _children_prefix(path: str) -> bytes:
    return _prefix(_depth(path) + 1, path)


def _expiry_key(node: Node) -> bytes:
    assert node.expires is not None
    return _EXPIRIES + node.expires.to_bytes(8) + node.path.encode()


def _value(node: Node) -> bytes:
    return orjson.dumps([node.value, node.created, node.modified, node.expires])


def _node(path: str, value: bytes) -> Node:
    return Node(path, *orjson.loads(value))


def _node_of(pair: KeyValue) -> Node:
    return _node(pair.key[3:].decode(), pair.value)
