"""Address ranges of this machine: which are routed already, and a claim on one for as long as a process lives.

Two clusters that start at the same moment both see a range unrouted; a claim makes one of them take the next. It is a
bound abstract socket: gone with the process, whatever ends it, and nothing is left on disk.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_ROUTES = Path("/proc/net/route")


class Claim:
    """What no other cluster of this machine takes: a range or a port. Given back by `release` or the process's end."""

    def __init__(self, what: str, held: socket.socket) -> None:
        self.what = what
        self._held = held

    def release(self) -> None:
        self._held.close()


def claim(what: str) -> Claim | None:
    """Claim a range, or a port as `address:port`; None when a living process has it."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(f"\0hyperpy/claim/{what}")
    except OSError:
        held.close()
        return None
    return Claim(what, held)


def claim_free(candidates: Iterable[str]) -> Claim | None:
    """Claim the first range that nothing routes, or None.

    Raises:
        OSError: the kernel's table of routes cannot be read.
    """
    for candidate in candidates:
        if routed_by(candidate) is None:
            claimed = claim(candidate)
            if claimed is not None:
                return claimed
    return None


def routed_by(network: str, *, besides: str = "") -> str | None:
    """The link of a route (not the default one) that overlaps a range, or None.

    Args:
        besides: a link whose routes do not count.
    """
    wanted = ipaddress.IPv4Network(network)
    return next((link for link, routed in _routes() if link != besides and wanted.overlaps(routed)), None)


def _routes() -> Iterator[tuple[str, ipaddress.IPv4Network]]:
    """Link and destination of the main table; addresses are hexadecimal numbers in the machine's byte order."""
    for line in _ROUTES.read_text().splitlines()[1:]:
        fields = line.split()
        destination, mask = (int(fields[column], 16).to_bytes(4, sys.byteorder) for column in (1, 7))
        length = int.from_bytes(mask, "big").bit_count()
        if length:
            yield fields[0], ipaddress.IPv4Network((destination, length), strict=False)
