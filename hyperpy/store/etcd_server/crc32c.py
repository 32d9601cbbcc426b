"""CRC-32C (Castagnoli), which etcd's hashes are made of: eight bytes a step by tables, about 8 MB/s. Package-free."""

from __future__ import annotations

import struct
from functools import cache

_POLYNOMIAL = 0x82F63B78


def crc32c(data: bytes, value: int = 0) -> int:
    """The checksum of what `value` is the checksum of, followed by `data`."""
    t0, t1, t2, t3, t4, t5, t6, t7 = _tables()
    crc = value ^ 0xFFFFFFFF
    whole = len(data) & ~7
    for low, high in struct.iter_unpack("<II", memoryview(data)[:whole]):
        low ^= crc
        crc = (
            t7[low & 255]
            ^ t6[low >> 8 & 255]
            ^ t5[low >> 16 & 255]
            ^ t4[low >> 24]
            ^ t3[high & 255]
            ^ t2[high >> 8 & 255]
            ^ t1[high >> 16 & 255]
            ^ t0[high >> 24]
        )
    for byte in data[whole:]:
        crc = t0[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@cache
def _tables() -> list[list[int]]:
    """Table n has the effect of a byte that n more bytes follow."""
    first = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        first.append(crc)
    tables = [first]
    for _ in range(7):
        tables.append([first[crc & 255] ^ crc >> 8 for crc in tables[-1]])
    return tables
