"""Carries a decision out: Reserve, PreBind, Bind, PostBind, each by the profile's plugins in their order."""

from __future__ import annotations

import asyncio
import logging
from typing import Self

from hyperpy.api import errors, kinds
from hyperpy.client.clock import Clock
from hyperpy.client.protocol import Client
from hyperpy.components.scheduler.framework import Rejection
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile

log = logging.getLogger(__name__)


#: How long to wait before asking again whether a Pod is bound; doubles up to the second.
ASK_AGAIN_S = 1.0
MAX_ASK_AGAIN_S = 10.0


class NotBound(Exception):
    """A plugin or the API refused; `rejection` is set when a plugin did, and the Pod waits for a change."""

    def __init__(self, message: str, *, rejection: Rejection | None = None) -> None:
        super().__init__(message)
        self.rejection = rejection


class BindingPlace:
    """One of a limited number of bindings under way: held, given up while a Pod waits for others, taken again.

    Args:
        places: all of them; one has been acquired for this.
    """

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._held = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.give_up()

    def give_up(self) -> None:
        """Let another Pod have it."""
        if self._held:
            self._held = False
            self._places.release()

    async def take_again(self) -> None:
        """Wait for a place that is free."""
        if not self._held:
            await self._places.acquire()
            self._held = True


def reserve(pod: PodInfo, node: str, profile: Profile) -> Rejection | None:
    """Let the plugins take what the Pod will need; when one refuses or fails, all give back."""
    try:
        for plugin in profile.reserves:
            rejection = plugin.reserve(pod, node)
            if rejection is not None:
                unreserve(pod, node, profile)
                return rejection
    except Exception:
        unreserve(pod, node, profile)
        raise
    return None


def unreserve(pod: PodInfo, node: str, profile: Profile) -> None:
    """Give back what was reserved, the last first; a plugin that fails does not keep the others from it."""
    for plugin in reversed(profile.reserves):
        try:
            plugin.unreserve(pod, node)
        except Exception:
            log.exception("plugin %s: unreserve of pod %s on node %s failed", plugin.name, pod.key, node)


async def bind(pod: PodInfo, node: str, profile: Profile, client: Client, *, clock: Clock, place: BindingPlace) -> None:
    """Bind a Pod to the node that was decided on.

    Args:
        place: the one that the Pod holds; given up while it waits for others.
    Raises:
        NotBound: it is not bound, and what was reserved should be given back.
    """
    try:
        for pre_bind in profile.pre_binds:
            await pre_bind.pre_bind(pod, node, client)
        await _wait(pod, node, profile, place)
        for binder in profile.binds:
            if await binder.bind(pod, node, client):
                return
    except errors.StatusError as error:
        # An answer may be lost and the Pod bound all the same: until that is known its room is not given to another.
        if error.code >= 500 and await _is_bound(pod, client, clock, place=place):
            return
        raise NotBound(f"binding rejected: {error}") from error
    raise NotBound("no Bind plugin took the Pod")


def bound(pod: PodInfo, node: str, profile: Profile) -> None:
    """Tell the plugins that the Pod is bound; nothing that they do changes that."""
    for plugin in profile.post_binds:
        try:
            plugin.post_bind(pod, node)
        except Exception:
            log.exception("plugin %s: post_bind of pod %s on node %s failed", plugin.name, pod.key, node)


async def _is_bound(pod: PodInfo, client: Client, clock: Clock, *, place: BindingPlace) -> bool:
    """Whether a Pod has a node by now; asks until the API says so, without holding a place between the questions."""
    pause_s = ASK_AGAIN_S
    while True:
        try:
            latest = await client.get(kinds.POD, pod.name, namespace=pod.namespace)
        except errors.NotFound:
            return False
        except errors.StatusError as error:
            log.debug("pod %s: whether it is bound cannot be seen: %s", pod.key, error)
        else:
            return bool(latest["metadata"]["uid"] == pod.uid and latest["spec"].get("nodeName"))
        place.give_up()
        await clock.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_ASK_AGAIN_S)
        await place.take_again()


async def _wait(pod: PodInfo, node: str, profile: Profile, place: BindingPlace) -> None:
    for plugin in profile.bind_waits:
        waiting = plugin.waiting(pod, node)
        if waiting is None:
            continue
        place.give_up()
        problem = await waiting
        if problem:
            raise NotBound(f'running PreBind plugin "{plugin.name}": {problem}')
        await place.take_again()
