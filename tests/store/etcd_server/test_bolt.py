"""bbolt files of ours, judged by etcdctl: it opens them with bbolt, checks every page and hashes what they hold."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hyperpy.store.etcd_server.bolt import PAGE, BoltWriter
from hyperpy.store.etcd_server.crc32c import crc32c

Buckets = dict[bytes, Sequence[tuple[bytes, bytes]]]


def numbered(count: int, size: int) -> list[tuple[bytes, bytes]]:
    return [(b"%017d" % i, b"%d" % i * size) for i in range(count)]


def status(file: Path) -> Any:
    told = subprocess.run(
        ["etcdctl", "snapshot", "status", str(file), "-w", "json"],
        env={**os.environ, "ETCDCTL_API": "3"},
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr.decode()
    return json.loads(told.stdout)


@pytest.mark.parametrize(
    "buckets",
    [
        {},
        {b"a": [], b"b": []},
        {b"a": [(b"k", b"")]},
        {b"a": numbered(2, 5), b"b": [], b"c": numbered(700, 1)},
        {b"a": [(b"k%d" % i, bytes([i]) * size) for i, size in enumerate((1, PAGE, 3 * PAGE + 1, 5, 900_000, 7))]},
        {b"a": numbered(40_000, 20), b"z": numbered(3, 1)},
    ],
    ids=["nothing", "empty buckets", "one pair", "several buckets", "large values", "three levels"],
)
def test_bbolt_reads_what_was_written(tmp_path: Path, buckets: Buckets) -> None:
    path = tmp_path / "db"
    with path.open("wb") as file:
        writer = BoltWriter(file)
        for name, pairs in buckets.items():
            writer.begin_bucket(name)
            for key, value in pairs:
                writer.put(key, value)
            writer.end_bucket()
        size = writer.finish()
    value = 0
    for name, pairs in buckets.items():
        value = crc32c(name + b"".join(key + held for key, held in pairs), value)
    told = status(path)
    assert told["totalKey"] == sum(len(pairs) for pairs in buckets.values())
    assert told["totalSize"] == size == path.stat().st_size
    assert told["hash"] == value


@pytest.mark.parametrize("count", [*range(115, 130), *range(180, 190), 15_000, 15_130, 22_500])
def test_no_branch_has_a_single_child(tmp_path: Path, count: int) -> None:
    path = tmp_path / "db"
    with path.open("wb") as file:
        writer = BoltWriter(file)
        writer.begin_bucket(b"a")
        for i in range(count):  # one leaf each
            writer.put(b"%017d" % i, bytes(4000))
        writer.end_bucket()
        writer.finish()
    with path.open("rb") as file:
        page, children = 0, []
        while header := file.read(16):
            flags, elements, overflow = header[8] | header[9] << 8, header[10] | header[11] << 8, header[12]
            children += [elements] if flags == 1 else []
            page += 1 + overflow
            file.seek(page * PAGE)
    assert min(children) >= 2 and len(children) >= count // 130


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, the check value of CRC-32C
    assert crc32c(b"6789", crc32c(b"12345")) == 0xE3069283
    assert crc32c(b"") == 0
