"""The JSON that etcd 2.0 answers with: its fields, their order, its escapes and its times. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from hyperpy.store.etcd_server.v2.errors import Refused
from hyperpy.store.etcd_server.v2.nodes import Node, Plan

_SECOND = 1_000_000_000
# What Go's encoder writes as numbers, so that JSON can stand in a web page.
_ESCAPES = (
    (b"<", rb"\u003c"),
    (b">", rb"\u003e"),
    (b"&", rb"\u0026"),
    ("\u2028".encode(), rb"\u2028"),
    ("\u2029".encode(), rb"\u2029"),
)


def encode(content: object, *, newline: bool = True) -> bytes:
    """JSON as Go writes it."""
    text = orjson.dumps(content)
    for raw, escaped in _ESCAPES:
        if raw in text:
            text = text.replace(raw, escaped)
    return text + b"\n" if newline else text


def event(plan: Plan, *, now: int) -> bytes:
    """The answer to a change, which waiting clients are told too.

    Args:
        now: what remaining times are counted from, nanoseconds of the wall clock.
    """
    node = _node(plan.node, now=now, value=not plan.gone)
    prev = b"" if plan.prev is None else b',"prevNode":' + _node(plan.prev, now=now)
    return b'{"action":"%b","node":%b%b}\n' % (plan.action.encode(), node, prev)


def found(node: Node, below: Sequence[Node], *, now: int) -> bytes:
    """The answer to a GET.

    Args:
        below: the nodes below a directory that are to be shown, parents before their children, in order.
    """
    return b'{"action":"get","node":%b}\n' % _with_children(node, below, now=now)


def error(refused: Refused) -> bytes:
    """The body of an error."""
    content: dict[str, Any] = {"errorCode": int(refused.code), "message": refused.message}
    if refused.cause:
        content["cause"] = refused.cause
    content["index"] = refused.index
    return encode(content)


def timestamp(at: int) -> str:
    """Nanoseconds of the wall clock as RFC 3339, in UTC, without zeros at the end of the fraction."""
    seconds, fraction = divmod(at, _SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"


def _with_children(node: Node, below: Sequence[Node], *, now: int) -> bytes:
    """A node with what is below it; names that begin with _ are hidden, with all below them.

    Without recursion, and every byte is joined once: trees may be deep.
    """
    children: dict[str, list[Node]] = {}
    for child in below:
        parent, _, name = child.path.rpartition("/")
        if not name.startswith("_"):
            children.setdefault(parent or "/", []).append(child)
    parts: list[bytes] = []
    stack: list[Node | bytes] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, bytes):
            parts.append(item)
            continue
        fields, indexes = _fields(item, now=now), _indexes(item)
        if inner := children.get(item.path):
            parts += (b"{", fields, b',"nodes":[')
            stack.append(b"]" + (b"," if indexes else b"") + indexes + b"}")
            for child in reversed(inner):
                stack += (child, b",")
            stack.pop()
        else:
            parts.append(_joined(fields, indexes))
    return b"".join(parts)


def _node(node: Node, *, now: int, value: bool = True) -> bytes:
    """One node by itself."""
    return _joined(_fields(node, now=now, value=value), _indexes(node))


def _joined(*parts: bytes) -> bytes:
    return b"{%b}" % b",".join(filter(None, parts))


def _fields(node: Node, *, now: int, value: bool = True) -> bytes:
    """What stands before a node's children. The root has no name (etcd leaves empty fields out)."""
    fields: dict[str, Any] = {} if node.path == "/" else {"key": node.path}
    if node.value is None:
        fields["dir"] = True
    elif value:
        fields["value"] = node.value
    if node.expires is not None:
        fields["expiration"] = timestamp(node.expires)
        ttl = -((now - node.expires) // _SECOND)
        if ttl:
            fields["ttl"] = ttl
    return encode(fields, newline=False)[1:-1]


def _indexes(node: Node) -> bytes:
    """What stands behind them; nothing for the root."""
    return b'"modifiedIndex":%d,"createdIndex":%d' % (node.modified, node.created) if node.modified else b""
