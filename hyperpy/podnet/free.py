"""Which address ranges this machine routes already, so that a second cluster takes others."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterable
from pathlib import Path

_ROUTES = Path("/proc/net/route")


def first_free(candidates: Iterable[str]) -> str | None:
    """The first CIDR that overlaps no route of the host but the default one, or None.

    Raises:
        OSError: the kernel's table cannot be read.
    """
    used = _routed()
    for candidate in candidates:
        network = ipaddress.IPv4Network(candidate)
        if not any(network.overlaps(other) for other in used):
            return candidate
    return None


def _routed() -> list[ipaddress.IPv4Network]:
    """The destinations of the main table; the file has addresses as hexadecimal numbers in the machine's byte order."""
    found = []
    for line in _ROUTES.read_text().splitlines()[1:]:
        fields = line.split()
        destination, mask = (int(fields[column], 16).to_bytes(4, sys.byteorder) for column in (1, 7))
        length = int.from_bytes(mask, "big").bit_count()
        if length:
            found.append(ipaddress.IPv4Network((destination, length), strict=False))
    return found
