"""Netlink: the few link, address and route operations that pod networks are made of. The one place of pyroute2.

Each function opens a netlink socket in the network namespace it is told (None: the process's own), so that nothing is
held open while nothing changes. All of them may be repeated: what is already there is left as it is.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hyperpy.podnet.protocol import NetworkFailure

_ROUTE_TYPE_LOCAL = 2
_TABLE_LOCAL = 255
_SCOPE_HOST = 254
_SCOPE_LINK = 253


class Netlink:
    """One open netlink socket in one namespace. Made by `open_in`."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def find(self, name: str) -> int | None:
        """The index of a link, or None."""
        from pyroute2.netlink.exceptions import NetlinkError

        try:
            found = list(await self._socket.link("get", ifname=name))
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return None
            raise
        return int(found[0]["index"]) if found else None

    async def index(self, name: str) -> int:
        """The index of a link that must be there."""
        found = await self.find(name)
        if found is None:
            raise NetworkFailure(f"the network link {name} is gone; start the node again")
        return found

    async def add_link(self, name: str, **attributes: Any) -> bool:
        """Make a link; False when one of that name was there."""
        return await self._tolerate(errno.EEXIST, self._socket.link("add", ifname=name, **attributes))

    async def set_link(self, index: int, **attributes: Any) -> None:
        await self._socket.link("set", index=index, **attributes)

    async def set_hairpin(self, index: int) -> None:
        """Let a bridge port send back what came from it: a pod may reach itself by a service address."""
        await self._socket.brport("set", index=index, mode=1)

    async def delete_link(self, name: str) -> None:
        index = await self.find(name)
        if index is not None:
            await self._tolerate(errno.ENODEV, self._socket.link("del", index=index))

    async def add_address(self, index: int, address: str, prefix_len: int) -> None:
        await self._tolerate(errno.EEXIST, self._socket.addr("add", index=index, address=address, prefixlen=prefix_len))

    async def replace_route(
        self, network: str, *, link: int, gateway: str | None = None, source: str | None = None
    ) -> None:
        """Route `network` (a CIDR, or `default`) over a link."""
        attributes: dict[str, Any] = {"dst": network, "oif": link}
        if gateway is not None:
            attributes["gateway"] = gateway
        else:
            attributes["scope"] = _SCOPE_LINK
        if source is not None:
            attributes["prefsrc"] = source
        await self._socket.route("replace", **attributes)

    async def add_local_route(self, network: str, *, link: int) -> None:
        """Make every address of `network` this namespace's own, so that a program may listen on each."""
        await self._socket.route(
            "replace", dst=network, oif=link, type=_ROUTE_TYPE_LOCAL, table=_TABLE_LOCAL, scope=_SCOPE_HOST
        )

    async def _tolerate(self, code: int, operation: Any) -> bool:
        from pyroute2.netlink.exceptions import NetlinkError

        try:
            await operation
        except NetlinkError as error:
            if error.code == code:
                return False
            raise
        return True


@asynccontextmanager
async def open_in(netns: str | None) -> AsyncIterator[Netlink]:
    """A netlink socket in the namespace at the path `netns`.

    Raises:
        NetworkFailure: the kernel refused an operation made with it, or the namespace is gone.
    """
    from pyroute2 import AsyncIPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        async with AsyncIPRoute(netns=netns, flags=0, groups=0) as socket:
            yield Netlink(socket)
    except NetlinkError as error:
        hint = ": needs CAP_NET_ADMIN (run as root)" if error.code in (errno.EPERM, errno.EACCES) else ""
        raise NetworkFailure(f"netlink refused ({error}){hint}") from error
    except OSError as error:
        raise NetworkFailure(f"netlink in {netns or 'the host'} failed: {error}") from error
