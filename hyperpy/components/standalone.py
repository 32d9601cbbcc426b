"""A component as a process of its own: a client over HTTP, informers of its own, the supervisor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hyperpy.client import http
from hyperpy.client.informer import Informers
from hyperpy.client.kubeconfig import ClusterAccess
from hyperpy.client.protocol import Client
from hyperpy.components import loop, supervisor
from hyperpy.components.informing import InformersComponent
from hyperpy.components.supervisor import Component

Make = Callable[[Client, Informers], Sequence[Component]]


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
        client = http.connect(access, user_agent=f"hyperpy-{name}")
        try:
            informers = Informers(client)
            await supervisor.run([InformersComponent(informers), *make(client, informers)])
        finally:
            await client.aclose()

    loop.run(main(), verbosity=verbosity)
