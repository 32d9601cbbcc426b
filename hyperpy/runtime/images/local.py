"""The `Images` contract over the image store of this machine."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from hyperpy.runtime.images import archive, reference, registry
from hyperpy.runtime.images.store import ImageStore, StoredImage
from hyperpy.runtime.protocol import Image, PullFailed, RegistryAuth

_RESOLVE_S = 5.0

T = TypeVar("T")


class LocalImages:
    """Images in a store; several processes may have one over the same folder.

    Args:
        store: prepared by its owner.
    """

    def __init__(self, store: ImageStore) -> None:
        self.store = store

    async def pull(
        self,
        wanted: str,
        *,
        auth: RegistryAuth | None = None,
        on_progress: Callable[[registry.Progress], None] = lambda progress: None,
    ) -> str:
        """See the contract. `on_progress` is called from other threads."""
        parsed = reference.parse(wanted)
        await _check_resolvable(registry.host_of(parsed.registry))
        cancelled = threading.Event()
        try:
            return await _in_thread(
                lambda: registry.pull(parsed, self.store, auth=auth, on_progress=on_progress, cancelled=cancelled)
            )
        finally:
            cancelled.set()

    async def find(self, wanted: str) -> Image | None:
        """See the contract."""
        found = self.store.find(wanted)
        return _image(found) if found else None

    async def list(self) -> Sequence[Image]:
        """See the contract."""
        return [_image(found) for found in self.store.images()]

    async def load(self, path: str) -> Sequence[str]:
        """See the contract."""
        return await _in_thread(lambda: archive.load(Path(path), self.store))

    async def remove(self, wanted: str) -> None:
        """See the contract."""
        if self.store.find(wanted) is not None:
            await _in_thread(lambda: self.store.remove(wanted))


def _image(found: StoredImage) -> Image:
    return Image(found.id, found.tags, found.size_bytes, found.user)


async def _check_resolvable(host: str) -> None:
    """Fail soon where there is no DNS: the resolver itself may take half a minute to give up.

    Raises:
        PullFailed: no answer in five seconds, or no such host.
    """
    import requests.utils

    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if requests.utils.get_environ_proxies(f"https://{host}/"):
        # A proxy resolves the name.
        return
    try:
        async with asyncio.timeout(_RESOLVE_S):
            await _in_thread(lambda: socket.getaddrinfo(name.strip("[]"), None))
    except (TimeoutError, OSError) as error:
        advice = "without a way to it, load the image with `hyperpy image load FILE`"
        raise PullFailed(f"the registry {name} cannot be resolved; {advice}") from error


async def _in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread of its own, which does not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def body() -> None:
        try:
            outcome: tuple[T | None, BaseException | None] = (work(), None)
        except BaseException as error:
            outcome = (None, error)
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:
            # The loop has ended; nobody waits.
            pass

    threading.Thread(target=body, name="images", daemon=True).start()
    return await future
