"""Writes a bbolt database, the file format of etcd, page by page and in one go.

    page 0, 1  meta: where the root is, how many pages there are
    page 2     free list: empty
    page 3 ... for each bucket its leaves and branches in the order in which they fill up, the bucket's root last
    last page  the root: a leaf with the buckets by name

Keys must come in order, so pages fill up one after another and only the page being filled of each level of one tree is
in memory. A pair that is larger than a page has a leaf of its own, with overflow pages. Source: bbolt, `page.go`,
`node.go`, `bucket.go`, `db.go`. Package-free.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

PAGE = 4096
_BRANCH, _LEAF, _META, _FREELIST = 0x01, 0x02, 0x04, 0x10
_IS_BUCKET = 0x01
_MAGIC, _VERSION = 0xED0CDAED, 2

_PAGE_HEADER = struct.Struct("<QHHI")  # page id, flags, count of elements, overflow pages
_LEAF_ELEMENT = struct.Struct("<IIII")  # flags, distance to the key, size of key, size of value
_BRANCH_ELEMENT = struct.Struct("<IIQ")  # distance to the key, size of key, page id
_BUCKET = struct.Struct("<QQ")  # page id of the root, sequence
_META_BODY = struct.Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root bucket, free list, pages, transaction
_CHECKSUM = struct.Struct("<Q")

_ROOM = PAGE - _PAGE_HEADER.size

# A bucket without a key is written as bbolt does it: an empty leaf inside the bucket's own value.
_EMPTY_BUCKET = _BUCKET.pack(0, 0) + _PAGE_HEADER.pack(0, _LEAF, 0, 0)


@dataclass(slots=True)
class _Level:
    """Branch elements that wait for their page: the first key and the id of each child."""

    children: list[tuple[bytes, int]] = field(default_factory=list)
    size: int = 0

    def add(self, key: bytes, page_id: int) -> None:
        self.children.append((key, page_id))
        self.size += _BRANCH_ELEMENT.size + len(key)

    def take(self, most: int) -> list[tuple[bytes, int]]:
        """Children from the front, as many as fit into `most` bytes of elements and keys."""
        count = size = 0
        for key, _ in self.children:
            if size + _BRANCH_ELEMENT.size + len(key) > most:
                break
            size += _BRANCH_ELEMENT.size + len(key)
            count += 1
        taken, self.children = self.children[:count], self.children[count:]
        self.size -= size
        return taken


class BoltWriter:
    """Fills an empty file: for each bucket, by name, `begin_bucket`, `put` for every pair, `end_bucket`; then `finish`.

    Args:
        file: open for writing and seeking; the caller closes it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._next_page = 0
        self._leaf: list[tuple[int, bytes, bytes]] = []
        self._leaf_size = _PAGE_HEADER.size
        self._levels: list[_Level] = []
        self._bucket = b""
        self._buckets: list[tuple[int, bytes, bytes]] = []
        for _ in range(2):  # the meta pages are known at the end
            self._write_page(_META, 0, b"")
        self._write_page(_FREELIST, 0, b"")

    def begin_bucket(self, name: bytes) -> None:
        """Start a bucket; its name must be above those before it."""
        assert not self._buckets or name > self._buckets[-1][1], "buckets come by name"
        self._bucket = name

    def put(self, key: bytes, value: bytes) -> None:
        """Add a pair; its key must be above those before it in the bucket."""
        self._add((0, key, value))

    def end_bucket(self) -> None:
        """Write what is left of the bucket."""
        root = self._end_tree()
        value = _BUCKET.pack(root, 0) if root else _EMPTY_BUCKET
        self._buckets.append((_IS_BUCKET, self._bucket, value))

    def finish(self) -> int:
        """Write the root and the meta pages; returns the size of the file in bytes."""
        for element in self._buckets:
            self._add(element)
        root = self._end_tree() or self._write_page(_LEAF, 0, b"")
        for page_id in range(2):
            self._file.seek(page_id * PAGE)
            self._file.write(_meta_page(page_id, root=root, pages=self._next_page))
        self._file.seek(0, 2)
        return self._next_page * PAGE

    def _add(self, element: tuple[int, bytes, bytes]) -> None:
        size = _LEAF_ELEMENT.size + len(element[1]) + len(element[2])
        if self._leaf and self._leaf_size + size > PAGE:
            self._end_leaf()
        self._leaf.append(element)
        self._leaf_size += size

    def _end_leaf(self) -> None:
        first, body = self._leaf[0][1], _leaf_body(self._leaf)
        page_id = self._write_page(_LEAF, len(self._leaf), body)
        self._leaf = []
        self._leaf_size = _PAGE_HEADER.size
        self._add_child(0, first, page_id)

    def _add_child(self, depth: int, key: bytes, page_id: int) -> None:
        """Note a page for its parent. A parent is written when half a page of children waits behind it.

        bbolt wants two children at least in a branch: so the last ones of a level never are alone.
        """
        if depth == len(self._levels):
            self._levels.append(_Level())
        level = self._levels[depth]
        level.add(key, page_id)
        if level.size > _ROOM + _ROOM // 2:
            self._end_branch(depth, level.take(_ROOM))

    def _end_branch(self, depth: int, children: list[tuple[bytes, int]]) -> None:
        page_id = self._write_page(_BRANCH, len(children), _branch_body(children))
        self._add_child(depth + 1, children[0][0], page_id)

    def _end_tree(self) -> int:
        """Close the levels from the leaves up; returns the page id of the root, 0 for a tree without a key."""
        if self._leaf:
            self._end_leaf()
        depth = 0
        while depth < len(self._levels):
            level = self._levels[depth]
            if depth == len(self._levels) - 1 and len(level.children) == 1:
                root = level.children[0][1]
                self._levels = []
                return root
            while level.children:
                self._end_branch(depth, level.take(_ROOM if level.size <= _ROOM else level.size // 2))
            depth += 1
        return 0

    def _write_page(self, flags: int, count: int, body: bytes) -> int:
        """Append a page with as many overflow pages as its body needs; returns its id."""
        page_id = self._next_page
        pages = -(-(_PAGE_HEADER.size + len(body)) // PAGE)
        self._file.write(_PAGE_HEADER.pack(page_id, flags, count, pages - 1))
        self._file.write(body)
        self._file.write(bytes(pages * PAGE - _PAGE_HEADER.size - len(body)))
        self._next_page += pages
        return page_id


def _leaf_body(elements: list[tuple[int, bytes, bytes]]) -> bytes:
    headers, data = bytearray(), bytearray()
    before = len(elements) * _LEAF_ELEMENT.size
    for flags, key, value in elements:
        headers += _LEAF_ELEMENT.pack(flags, before - len(headers) + len(data), len(key), len(value))
        data += key
        data += value
    return bytes(headers + data)


def _branch_body(children: list[tuple[bytes, int]]) -> bytes:
    headers, data = bytearray(), bytearray()
    before = len(children) * _BRANCH_ELEMENT.size
    for key, page_id in children:
        headers += _BRANCH_ELEMENT.pack(before - len(headers) + len(data), len(key), page_id)
        data += key
    return bytes(headers + data)


def _meta_page(page_id: int, *, root: int, pages: int) -> bytes:
    body = _META_BODY.pack(_MAGIC, _VERSION, PAGE, 0, root, 0, 2, pages, page_id)
    page = _PAGE_HEADER.pack(page_id, _META, 0, 0) + body + _CHECKSUM.pack(_fnv1a(body))
    return page + bytes(PAGE - len(page))


def _fnv1a(data: bytes) -> int:
    """FNV-1a of 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
