"""Listening sockets, in this process's network namespace or in another one."""

from __future__ import annotations

import socket

from hyperpy.linux import netns

BACKLOG = 1024


def listen(protocol: str, host: str, port: int, *, where: str | None = None) -> socket.socket:
    """A bound, non-blocking socket, listening when it is TCP. The caller closes it.

    Args:
        protocol: TCP or UDP.
        host: an IPv4 or IPv6 address.
        where: the path of a network namespace; None is the process's own.
    Raises:
        OSError: taken (EADDRINUSE), not an address of that namespace (EADDRNOTAVAIL), not permitted (EACCES).
    """

    def make() -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            if protocol == "TCP":
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, port))
            if protocol == "TCP":
                made.listen(BACKLOG)
        except BaseException:
            made.close()
            raise
        return made

    return make() if where is None else netns.inside(where, make)
