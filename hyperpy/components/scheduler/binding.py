"""Carries a decision out: Reserve, Permit, PreBind, Bind, PostBind, each by the profile's plugins in their order."""

from __future__ import annotations

from hyperpy.api import errors
from hyperpy.client.protocol import Client
from hyperpy.components.scheduler.framework import Rejection
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile


class NotBound(Exception):
    """A plugin or the API refused; `rejection` is set when a plugin did, and the Pod waits for a change."""

    def __init__(self, message: str, *, rejection: Rejection | None = None) -> None:
        super().__init__(message)
        self.rejection = rejection


def reserve(pod: PodInfo, node: str, profile: Profile) -> Rejection | None:
    """Let the plugins take what the Pod will need; when one refuses, all give back."""
    for plugin in profile.reserves:
        rejection = plugin.reserve(pod, node)
        if rejection is not None:
            unreserve(pod, node, profile)
            return rejection
    return None


def unreserve(pod: PodInfo, node: str, profile: Profile) -> None:
    """Give back what was reserved, the last first."""
    for plugin in reversed(profile.reserves):
        plugin.unreserve(pod, node)


async def bind(pod: PodInfo, node: str, profile: Profile, client: Client) -> None:
    """Bind a Pod to the node that was decided on.

    Raises:
        NotBound: it is not bound, and what was reserved should be given back.
    """
    for permit in profile.permits:
        rejection = await permit.permit(pod, node)
        if rejection is not None:
            raise NotBound(f"{rejection.plugin}: {', '.join(rejection.reasons)}", rejection=rejection)
    try:
        for pre_bind in profile.pre_binds:
            await pre_bind.pre_bind(pod, node, client)
        for binder in profile.binds:
            if await binder.bind(pod, node, client):
                break
        else:
            raise NotBound("no Bind plugin took the Pod")
    except errors.StatusError as error:
        raise NotBound(f"binding rejected: {error}") from error
    for post_bind in profile.post_binds:
        post_bind.post_bind(pod, node)
