"""The Client of a component in the API server's own process: the same handler chain, under its own name, no socket."""

from __future__ import annotations

from hyperpy.api.wire import Handler, Request, Response, UserInfo
from hyperpy.client.rest import RestClient


def connect(handler: Handler, user: UserInfo) -> RestClient:
    """A client that asks `handler` as `user`.

    Args:
        handler: the chain behind authentication (authorization, admission and so on still judge the request).
        user: the identity; `system:authenticated` is added to its groups.
    """
    groups = tuple(dict.fromkeys((*user.groups, "system:authenticated")))
    identity = UserInfo(user.name, groups, user.uid, user.extra)

    async def ask(request: Request) -> Response:
        request.user = identity
        return await handler(request)

    return RestClient(ask)
