"""Brings the image of a container to the node by its pull policy, with the credentials of the Pod's pull secrets.

Source: "Images": imagePullPolicy, imagePullSecrets, ImagePullBackOff.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hyperpy.client.clock import Clock
from hyperpy.components.kubelet import backoff
from hyperpy.components.kubelet.backoff import Backoff
from hyperpy.components.kubelet.downward import secret_data
from hyperpy.runtime.protocol import Image, Images, RegistryAuth, RuntimeFailure

log = logging.getLogger(__name__)

Obj = dict[str, Any]
#: Says an event of a container: type, reason, message.
Tell = Callable[[str, str, str], None]

NEVER_PRESENT = 'Container image "{}" is not present with pull policy of Never'


class PullProblem(Exception):
    """The image is not here. `reason` is what users read as the waiting reason; `retry_at` when to try again."""

    def __init__(self, reason: str, message: str, retry_at: float) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_at = retry_at


class ImagePuller:
    """Pulls images, each reference once at a time.

    Args:
        pulled: called when the node has one more image.
    """

    def __init__(self, images: Images, clock: Clock, *, pulled: Callable[[], None]) -> None:
        self._images = images
        self._clock = clock
        self._pulled = pulled
        self._backoff: dict[tuple[str, str], Backoff] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ensure(self, pod: Obj, container: Obj, *, secrets: Iterable[Obj], tell: Tell) -> Image:
        """The image, pulled where the policy wants it.

        Args:
            secrets: the Pod's pull secrets that exist.
        Raises:
            PullProblem: it is not here and cannot be had now.
            RuntimeFailure: the runtime does not answer.
        """
        reference = container["image"]
        policy = container.get("imagePullPolicy") or _default_policy(reference)
        present = await self._images.find(reference)
        if present is not None and policy != "Always":
            tell("Normal", "Pulled", f'Container image "{reference}" already present on machine')
            return present
        if policy == "Never":
            message = NEVER_PRESENT.format(reference)
            tell("Warning", "ErrImageNeverPull", message)
            raise PullProblem("ErrImageNeverPull", message, self._clock.now() + backoff.MAX_S)
        async with self._locks[reference]:
            return await self._pull(pod, reference, policy, list(auths(reference, secrets)), tell)

    def forget(self, uid: str) -> None:
        """Drop the back-offs of a Pod."""
        for key in [key for key in self._backoff if key[0] == uid]:
            del self._backoff[key]

    async def _pull(self, pod: Obj, reference: str, policy: str, found: list[RegistryAuth], tell: Tell) -> Image:
        present = await self._images.find(reference) if policy != "Always" else None
        if present is not None:
            tell("Normal", "Pulled", f'Container image "{reference}" already present on machine')
            return present
        tell("Normal", "Pulling", f'Pulling image "{reference}"')
        began = self._clock.monotonic()
        try:
            await self._try_each(reference, found)
            image = await self._images.find(reference)
            if image is None:
                raise RuntimeFailure(f'"{reference}" was pulled but is not here')
        except RuntimeFailure as error:
            raise self._problem(pod, reference, error, tell) from error
        self._backoff.pop((pod["metadata"]["uid"], reference), None)
        self._pulled()
        took = f"{self._clock.monotonic() - began:.3g}s"
        size = f"Image size: {image.size_bytes} bytes."
        tell(
            "Normal", "Pulled", f'Successfully pulled image "{reference}" in {took} ({took} including waiting). {size}'
        )
        return image

    async def _try_each(self, reference: str, found: list[RegistryAuth]) -> None:
        """Pull with each credential that fits until one works; without any when none fits."""
        for last, auth in enumerate(found or [None], start=1):
            try:
                await self._images.pull(reference, auth=auth)
                return
            except RuntimeFailure:
                if last >= len(found):
                    raise

    def _problem(self, pod: Obj, reference: str, error: RuntimeFailure, tell: Tell) -> PullProblem:
        now, key = self._clock.now(), (pod["metadata"]["uid"], reference)
        self._backoff[key] = backoff.grown(self._backoff.get(key), now=now)
        tell("Warning", "Failed", f'Failed to pull image "{reference}": {error}')
        tell("Warning", "Failed", "Error: ErrImagePull")
        return PullProblem("ErrImagePull", str(error), now + self._backoff[key].delay_s)


def _default_policy(reference: str) -> str:
    """Always for `:latest` or no tag, as the API defaults it (static pods come without defaults)."""
    name = reference.rpartition("/")[2]
    if "@" in name:
        return "IfNotPresent"
    _, _, tag = name.partition(":")
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def auths(reference: str, secrets: Iterable[Obj]) -> Iterator[RegistryAuth]:
    """The credentials in pull secrets that fit an image's registry, the most exact first.

    Source: "Images", config.json interpretation.
    """
    repository = _repository(reference)
    fitting: list[tuple[int, RegistryAuth]] = []
    for secret in secrets:
        for server, auth in _logins(secret):
            prefix = _server_prefix(server)
            if _matches(repository, prefix):
                fitting.append((len(prefix), auth))
    for _, auth in sorted(fitting, key=lambda pair: pair[0], reverse=True):
        yield auth


def _logins(secret: Obj) -> Iterator[tuple[str, RegistryAuth]]:
    from hyperpy.components.kubelet import docker_config

    try:
        yield from docker_config.logins(secret_data(secret))
    except docker_config.Unreadable as error:
        log.warning("pull secret %s does not hold a docker configuration: %s", secret["metadata"].get("name"), error)


def _repository(reference: str) -> str:
    """`registry/path` without tag, with Docker Hub's name where none is given."""
    first, slash, _ = reference.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return reference if named else f"docker.io/{reference}"


def _server_prefix(server: str) -> str:
    bare = server.partition("://")[2] or server
    bare = bare.rstrip("/").removesuffix("/v1").removesuffix("/v2").rstrip("/")
    return "docker.io" if bare in ("index.docker.io", "registry-1.docker.io") else bare


def _matches(repository: str, prefix: str) -> bool:
    """`prefix` names the registry or a part of its paths; `*` stands for one label of the host name."""
    host, _, path = repository.partition("/")
    wanted, _, below = prefix.partition("/")
    labels, patterns = host.split("."), wanted.split(".")
    same = len(labels) == len(patterns) and all(p in ("*", label) for label, p in zip(labels, patterns, strict=True))
    return same and (not below or path == below or path.startswith(below + "/"))
