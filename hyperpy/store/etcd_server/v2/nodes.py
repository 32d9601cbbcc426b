"""What a v2 request does to the tree: pure planning of set, create, update, compare-and-swap, delete and expire.

A change gets the next index. Its plan says which nodes are written and removed, and the event that tells of it.
Source: etcd 2.0, Documentation/api.md, and its error codes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hyperpy.store.etcd_server.v2.errors import Code, Refused
from hyperpy.store.etcd_server.v2.request import KeysRequest, clean


@dataclass(frozen=True, slots=True)
class Node:
    """A file or a directory (`value` None) of the tree. `expires` is in nanoseconds of the wall clock."""

    path: str
    value: str | None
    created: int
    modified: int
    expires: int | None = None

    @property
    def is_dir(self) -> bool:
        return self.value is None


ROOT = Node("/", None, 0, 0)


class Tree(Protocol):
    """The state that a plan is made for."""

    index: int

    def get(self, path: str) -> Node | None:
        """The node at a path, or None."""

    def children(self, path: str) -> bool:
        """Whether a directory has any, hidden ones too."""

    def below(self, path: str) -> Sequence[Node]:
        """All nodes below a directory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A change of the tree.

    Args:
        action: etcd's word for it.
        node: what the event shows as the node; a deleted file has the value "" and is shown without.
        prev: what was there.
        puts: nodes to write, new parents first.
        removed: nodes to remove, among them files that a put replaces by a directory.
        silent: waiting clients are not told (a refresh).
    """

    action: str
    node: Node
    prev: Node | None
    puts: Sequence[Node] = ()
    removed: Sequence[Node] = ()
    silent: bool = False

    @property
    def created(self) -> bool:
        """Whether the answer's status is 201."""
        return self.action == "create" or (self.action == "set" and self.prev is None)

    @property
    def gone(self) -> bool:
        """Whether the node is there no more."""
        return self.action in ("delete", "expire", "compareAndDelete")


def verb(request: KeysRequest) -> str:
    """etcd's word for what a request asks."""
    compared = bool(request.prev_index or request.prev_value)
    if request.method == "POST":
        return "create"
    if request.method == "DELETE":
        return "compareAndDelete" if compared else "delete"
    if request.method != "PUT":
        return "get"
    if request.prev_exist is False:
        return "create"
    if compared:
        return "compareAndSwap"
    return "set" if request.prev_exist is None else "update"


def plan(request: KeysRequest, tree: Tree) -> Plan:
    """Plan a change. Raises Refused."""
    return _PLANNERS[verb(request)](request, tree)


def plan_expiry(path: str, tree: Tree, *, now: int) -> Plan | None:
    """The end of a node whose time is over at `now`; None when there is no such node any more."""
    node = tree.get(path)
    if node is None or node.expires is None or node.expires > now:
        return None
    return _removal("expire", node, tree)


def find(path: str, tree: Tree) -> Node:
    """The node at a path. Raises Refused: nothing there, or a file where a directory should be."""
    node = tree.get(path)
    if node is not None:
        return node
    parent = ROOT
    for above in _ancestors(path):
        if not parent.is_dir:
            break
        child = tree.get(above)
        if child is None:
            raise Refused(Code.KEY_NOT_FOUND, above, tree.index)
        parent = child
    raise Refused(Code.NOT_DIR, parent.path, tree.index)


def _ancestors(path: str) -> list[str]:
    """The paths from below the root down to a path itself."""
    parts = path.split("/")
    return ["/".join(parts[: depth + 1]) for depth in range(1, len(parts))]


def _plan_set(request: KeysRequest, tree: Tree) -> Plan:
    try:
        before = find(request.path, tree)
    except Refused as refused:
        if refused.code is not Code.KEY_NOT_FOUND or request.refresh:
            raise
        before = None
    value = (before.value or "") if request.refresh and before is not None else request.value
    if request.path == "/":
        raise Refused(Code.ROOT_READ_ONLY, "/", tree.index)
    if before is not None and before.is_dir:
        raise Refused(Code.NOT_FILE, request.path, tree.index)
    return _creation("set", replace(request, value=value), tree, before=before)


def _plan_create(request: KeysRequest, tree: Tree) -> Plan:
    if request.method == "POST":
        request = replace(request, path=clean(f"{request.path}/{tree.index + 1:020d}"))
    if request.path == "/":
        raise Refused(Code.ROOT_READ_ONLY, "/", tree.index)
    return _creation("create", request, tree, before=None)


def _creation(action: str, request: KeysRequest, tree: Tree, *, before: Node | None) -> Plan:
    index = tree.index + 1
    parents = _missing_parents(request.path, tree)
    if action == "create" and tree.get(request.path) is not None:
        raise Refused(Code.NODE_EXIST, request.path, tree.index)
    node = Node(request.path, None if request.dir else request.value, index, index, request.expires)
    replaced = () if before is None else (before,)
    return Plan(action, node, before, puts=(*parents, node), removed=replaced, silent=request.refresh)


def _missing_parents(path: str, tree: Tree) -> list[Node]:
    """Directories to make above a path, the highest first. Raises Refused: one of them is a file."""
    index = tree.index + 1
    missing: list[Node] = []
    above = posixpath.dirname(path)
    while above != "/":
        there = tree.get(above)
        if there is not None:
            if not there.is_dir:
                raise Refused(Code.NOT_DIR, above, tree.index)
            break
        missing.append(Node(above, None, index, index))
        above = posixpath.dirname(above)
    return missing[::-1]


def _plan_update(request: KeysRequest, tree: Tree) -> Plan:
    if request.path == "/":
        raise Refused(Code.ROOT_READ_ONLY, "/", tree.index)
    before = find(request.path, tree)
    if before.is_dir and request.value:
        raise Refused(Code.NOT_FILE, request.path, tree.index)
    return _write("update", before, request, tree)


def _plan_swap(request: KeysRequest, tree: Tree) -> Plan:
    if request.path == "/":
        raise Refused(Code.ROOT_READ_ONLY, "/", tree.index)
    return _write("compareAndSwap", _compared(request, tree), request, tree)


def _write(action: str, before: Node, request: KeysRequest, tree: Tree) -> Plan:
    """A new value and time to live. A directory keeps its modified index (etcd's rule), its event has the new one."""
    index = tree.index + 1
    value = before.value if request.refresh or before.is_dir else request.value
    shown = Node(before.path, value, before.created, index, request.expires)
    node = replace(shown, modified=before.modified) if before.is_dir else shown
    return Plan(action, shown, before, puts=(node,), removed=(before,), silent=request.refresh)


def _compared(request: KeysRequest, tree: Tree) -> Node:
    """The file that a request's comparisons hold for. Raises Refused."""
    node = find(request.path, tree)
    if node.is_dir:
        raise Refused(Code.NOT_FILE, "" if node is ROOT else node.path, tree.index)
    causes = []
    if request.prev_value and node.value != request.prev_value:
        causes.append(f"[{request.prev_value} != {node.value}]")
    if request.prev_index and node.modified != request.prev_index:
        causes.append(f"[{request.prev_index} != {node.modified}]")
    if causes:
        raise Refused(Code.TEST_FAILED, " ".join(causes), tree.index)
    return node


def _plan_delete(request: KeysRequest, tree: Tree) -> Plan:
    if request.path == "/":
        raise Refused(Code.ROOT_READ_ONLY, "/", tree.index)
    node = find(request.path, tree)
    if node.is_dir and not request.recursive:
        if not request.dir:
            raise Refused(Code.NOT_FILE, node.path, tree.index)
        if tree.children(node.path):
            raise Refused(Code.DIR_NOT_EMPTY, node.path, tree.index)
    return _removal("delete", node, tree)


def _plan_compared_delete(request: KeysRequest, tree: Tree) -> Plan:
    return _removal("compareAndDelete", _compared(request, tree), tree)


def _removal(action: str, node: Node, tree: Tree) -> Plan:
    shown = Node(node.path, None if node.is_dir else "", node.created, tree.index + 1)
    below = tree.below(node.path) if node.is_dir else ()
    return Plan(action, shown, node, removed=(node, *below))


_PLANNERS = {
    "set": _plan_set,
    "create": _plan_create,
    "update": _plan_update,
    "compareAndSwap": _plan_swap,
    "delete": _plan_delete,
    "compareAndDelete": _plan_compared_delete,
}
