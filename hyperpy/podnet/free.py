"""Which address ranges this machine uses already, so that a second cluster takes others."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from hyperpy.podnet import links


async def first_free(candidates: Iterable[str]) -> str | None:
    """The first CIDR that overlaps no route and no address of the host, or None."""
    async with links.open_in(None) as host:
        used = [ipaddress.IPv4Network(route.network) for route in await host.routes()] + await host.networks()
    for candidate in candidates:
        network = ipaddress.IPv4Network(candidate)
        if not any(network.overlaps(other) for other in used if other.prefixlen):
            return candidate
    return None
