"""Netlink: the few link, address and route operations that pod networks are made of. The one place of pyroute2.

A netlink socket is opened in the network namespace it is told (None: the process's own) and closed soon, so that
nothing is held open while nothing changes. Operations may be repeated: what is already there is left as it is. They
block for a few milliseconds and belong into a thread: pyroute2's asynchronous side does not run on uvloop.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from hyperpy import shallow
from hyperpy.linux import netns
from hyperpy.podnet.protocol import NetworkFailure

_ROUTE_TYPE_LOCAL = 2
_TABLE_LOCAL = 255
_SCOPE_HOST = 254
_SCOPE_LINK = 253


class Netlink:
    """One open netlink socket in one namespace. Made by `open_in`."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def find(self, name: str) -> int | None:
        """The index of a link, or None."""
        from pyroute2.netlink.exceptions import NetlinkError

        try:
            found = list(self._socket.link("get", ifname=name))
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return None
            raise
        return int(found[0]["index"]) if found else None

    def index(self, name: str) -> int:
        """The index of a link that must be there."""
        found = self.find(name)
        if found is None:
            raise NetworkFailure(f"the network link {name} is gone; start the node again")
        return found

    def add_link(self, name: str, **attributes: Any) -> bool:
        """Make a link; False when one of that name was there."""
        return self._tolerate(errno.EEXIST, lambda: self._socket.link("add", ifname=name, **attributes))

    def set_link(self, index: int, **attributes: Any) -> None:
        self._socket.link("set", index=index, **attributes)

    def set_hairpin(self, index: int) -> None:
        """Let a bridge port send back what came from it: a pod may reach itself by a service address."""
        self._socket.brport("set", index=index, mode=1)

    def delete_link(self, name: str) -> None:
        index = self.find(name)
        if index is not None:
            self._tolerate(errno.ENODEV, lambda: self._socket.link("del", index=index))

    def add_address(self, index: int, address: str, prefix_len: int) -> None:
        self._tolerate(
            errno.EEXIST, lambda: self._socket.addr("add", index=index, address=address, prefixlen=prefix_len)
        )

    def replace_route(self, network: str, *, link: int, gateway: str | None = None, source: str | None = None) -> None:
        """Route `network` (a CIDR, or `default`) over a link."""
        attributes: dict[str, Any] = {"dst": network, "oif": link}
        if gateway is not None:
            attributes["gateway"] = gateway
        else:
            attributes["scope"] = _SCOPE_LINK
        if source is not None:
            attributes["prefsrc"] = source
        self._socket.route("replace", **attributes)

    def add_local_route(self, network: str, *, link: int) -> None:
        """Make every address of `network` this namespace's own, so that a program may listen on each."""
        self._socket.route(
            "replace", dst=network, oif=link, type=_ROUTE_TYPE_LOCAL, table=_TABLE_LOCAL, scope=_SCOPE_HOST
        )

    def _tolerate(self, code: int, operation: Callable[[], Any]) -> bool:
        from pyroute2.netlink.exceptions import NetlinkError

        try:
            operation()
        except NetlinkError as error:
            if error.code == code:
                return False
            raise
        return True


@contextmanager
def open_in(where: str | None) -> Iterator[Netlink]:
    """A netlink socket in the namespace at the path `where`.

    pyroute2 would fork this process to reach another namespace; a forked child that gets a signal wakes the parent's
    event loop with it, so the socket is made by this thread, which goes there and comes back.

    Raises:
        NetworkFailure: the kernel refused an operation made with it, or the namespace is gone.
    """
    shallow.package("pyroute2")
    from pyroute2.iproute import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with netns.entered(where) if where else nullcontext():
            socket = IPRoute(groups=0)
        with socket:
            yield Netlink(socket)
    except NetlinkError as error:
        hint = ": needs CAP_NET_ADMIN (run as root)" if error.code in (errno.EPERM, errno.EACCES) else ""
        raise NetworkFailure(f"netlink refused ({error}){hint}") from error
    except OSError as error:
        raise NetworkFailure(f"netlink in {where or 'the host'} failed: {error}") from error
