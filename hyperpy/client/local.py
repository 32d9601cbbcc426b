"""The Client of a component in the API server's own process: the same handler chain, under its own name, no socket."""

from __future__ import annotations

from hyperpy.api.wire import Handler, Request, Response, UserInfo
from hyperpy.client.rest import RestClient


def connect(handler: Handler, user: UserInfo, *, user_agent: str = "hyperpy") -> RestClient:
    """A client that asks `handler` as `user`.

    Args:
        handler: the chain behind authentication (authorization, admission and so on still judge the request).
        user: the identity; `system:authenticated` is added to its groups.
        user_agent: the program, up to the first slash: under this name it owns the fields that it writes.
    """
    groups = tuple(dict.fromkeys((*user.groups, "system:authenticated")))
    identity = UserInfo(user.name, groups, user.uid, user.extra)

    async def ask(request: Request) -> Response:
        request.user = identity
        request.headers = {**request.headers, "user-agent": user_agent}
        return await handler(request)

    return RestClient(ask)
