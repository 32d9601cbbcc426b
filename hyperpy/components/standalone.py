"""A component as a process of its own: a client over HTTP, informers of its own, the supervisor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hyperpy.client import http, kubeconfig
from hyperpy.client.informer import Informers
from hyperpy.client.kubeconfig import ClusterAccess
from hyperpy.client.protocol import Client
from hyperpy.commands import UserError
from hyperpy.components import loop, supervisor, user_agents
from hyperpy.components.informing import InformersComponent
from hyperpy.components.supervisor import Component

Make = Callable[[Client, Informers], Sequence[Component]]


def access(*, kubeconfig_path: str = "", server: str = "") -> ClusterAccess:
    """The API server that a component's flags name.

    Args:
        kubeconfig_path: `--kubeconfig`; "" looks where kubectl looks, unless a server is named.
        server: `--master`: a URL that overrides the kubeconfig's server.
    Raises:
        UserError: no kubeconfig, or a broken one.
    """
    if server and not kubeconfig_path:
        return ClusterAccess(server if "://" in server else f"http://{server}")
    try:
        found = kubeconfig.load(kubeconfig_path or None)
    except kubeconfig.KubeconfigError as error:
        raise UserError(str(error)) from error
    return replace(found, server=server) if server else found


def run(access: ClusterAccess, make: Make, *, name: str, verbosity: int = 0) -> None:
    """Run components until a signal.

    Args:
        access: the API server and who asks.
        make: builds the components over a client and informers.
        name: as in the user agent, for example `proxy`.
    Raises:
        UserError: they cannot start.
    """

    async def main() -> None:
        client = http.connect(access, user_agent=user_agents.of(name))
        try:
            informers = Informers(client)
            await supervisor.run([InformersComponent(informers), *make(client, informers)])
        finally:
            await client.aclose()

    loop.run(main(), verbosity=verbosity)
