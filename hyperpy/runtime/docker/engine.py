"""The one place that knows aiodocker: calls to the engine, with its errors turned into the runtime's own."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from hyperpy.runtime.protocol import (
    ImageNotFound,
    NoSuchContainer,
    PullFailed,
    RegistryAuth,
    RuntimeFailure,
    RuntimeUnavailable,
)

if TYPE_CHECKING:
    import aiodocker
    from aiodocker.execs import Exec
    from aiodocker.stream import Stream

Obj = dict[str, Any]

SOCKETS = ("/run/docker.sock", "/var/run/docker.sock")
_MISSING = ("not found", "manifest unknown", "does not exist", "no such image", "repository name not known")


def address(endpoint: str) -> str:
    """The engine's address: the one given, `$DOCKER_HOST`, or a socket in a usual place; `""` when there is none."""
    if endpoint:
        return endpoint if "://" in endpoint else f"unix://{endpoint}"
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    return next((f"unix://{path}" for path in SOCKETS if os.path.exists(path)), "")


class Engine:
    """A connection to one Docker Engine, opened by `open`, closed by `aclose`."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = address(endpoint)
        self._client: aiodocker.Docker | None = None

    async def open(self) -> Obj:
        """Connect; returns the engine's `/info` with `Version` in it.

        Raises:
            RuntimeUnavailable: no engine answers there.
        """
        import aiodocker

        if not self._endpoint:
            raise RuntimeUnavailable(
                f"no Docker Engine: none of {', '.join(SOCKETS)} exists and DOCKER_HOST is not set; start Docker, "
                "name its socket with --container-runtime-endpoint, or use --container-runtime=embedded"
            )
        self._client = aiodocker.Docker(url=self._endpoint)
        try:
            version = await self._client.version()
            return {**await self._client.system.info(), "Version": version["Version"]}
        except Exception as error:
            await self.aclose()
            raise RuntimeUnavailable(
                f"the Docker Engine at {self._endpoint} does not answer ({_text(error)}); start it, or check that this "
                "user may use its socket"
            ) from error

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    # --- containers

    async def list(self, label: str) -> list[str]:
        """The ids of all containers that carry a label `key=value`, dead ones too."""
        async with _translated():
            found = await self._docker.containers.list(all=1, filters=json.dumps({"label": [label]}))
            return [container.id for container in found]

    async def inspect(self, container_id: str) -> Obj | None:
        """What the engine knows of a container; None when it is gone."""
        try:
            async with _translated():
                return dict(await self._docker.containers.container(container_id).show())
        except NoSuchContainer:
            return None

    async def create(self, name: str, config: Obj) -> str:
        """Make a container; one that an interrupted try left under the same name and that never ran is replaced.

        Raises:
            ImageNotFound: its image is not here.
            RuntimeFailure: the engine refuses.
        """
        async with _translated():
            try:
                return (await self._docker.containers.create(config, name=name)).id
            except _docker_error() as error:
                if error.status != 409:
                    raise
            left = await self.inspect(name)
            if left is not None and left["State"]["Status"] != "created":
                raise RuntimeFailure(f"a container named {name} exists already")
            await self.remove(name)
            return (await self._docker.containers.create(config, name=name)).id

    async def start(self, container_id: str) -> None:
        """Start it."""
        async with _translated():
            await self._docker.containers.container(container_id).start()

    async def stop(self, container_id: str, *, grace_s: int) -> None:
        """The stop signal, and SIGKILL after the grace; what is gone or dead is fine."""
        try:
            async with _translated():
                await self._docker.containers.container(container_id).stop(t=grace_s)
        except NoSuchContainer:
            pass

    async def remove(self, container_id: str) -> None:
        """Kill and remove; what is gone is fine."""
        try:
            async with _translated():
                await self._docker.containers.container(container_id).delete(force=True, v=True)
        except NoSuchContainer:
            pass

    async def wait(self, container_id: str) -> int:
        """Until it has ended; its exit code."""
        async with _translated():
            answer = await self._docker.containers.container(container_id).wait()
            return int(answer["StatusCode"])

    # --- streams

    async def exec(self, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> Exec:
        """Prepare an exec."""
        async with _translated():
            container = self._docker.containers.container(container_id)
            return await container.exec(list(command), stdin=stdin, tty=tty)

    def attach(self, container_id: str, *, stdin: bool) -> Stream:
        """The streams of a running container; to be opened with `async with`."""
        container = self._docker.containers.container(container_id)
        return container.attach(stdin=stdin, stdout=True, stderr=True, logs=False)

    async def resize(self, container_id: str, *, width: int, height: int) -> None:
        """The size of a container's terminal."""
        async with _translated():
            await self._docker.containers.container(container_id).resize(h=height, w=width)

    async def logs(self, container_id: str, *, since: str, follow: bool) -> AsyncIterator[bytes]:
        """The raw log stream with times, from `since` (seconds.nanoseconds, `""` all) on."""
        params = {
            "stdout": 1,
            "stderr": 1,
            "timestamps": 1,
            "follow": int(follow),
            **({"since": since} if since else {}),
        }
        async for chunk in self._stream(f"containers/{container_id}/logs", params):
            yield chunk

    async def events(self, label: str) -> AsyncIterator[Obj]:
        """What happens to the containers that carry a label."""
        happenings = ["create", "start", "die", "oom", "destroy"]
        filters = json.dumps({"type": ["container"], "label": [label], "event": happenings})
        rest = b""
        async for chunk in self._stream("events", {"filters": filters}):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)

    async def _stream(self, path: str, params: Mapping[str, Any]) -> AsyncIterator[bytes]:
        import aiohttp

        async with _translated():
            # aiodocker's public readers drop stream numbers and line ends, which the CRI log format needs.
            forever = aiohttp.ClientTimeout(total=None, sock_read=None)
            async with self._docker._query(path, params=params, timeout=forever) as answer:
                async for chunk in answer.content.iter_any():
                    yield chunk

    # --- images

    async def image(self, reference: str) -> Obj | None:
        """What the engine knows of an image; None when it is not here."""
        try:
            async with _translated(ImageNotFound):
                return dict(await self._docker.images.inspect(reference))
        except ImageNotFound:
            return None

    async def images(self) -> Sequence[Obj]:
        """All images, as the engine lists them."""
        async with _translated():
            return list(await self._docker.images.list())

    async def pull(self, reference: str, auth: RegistryAuth | None) -> None:
        """Bring an image here. Raises `ImageNotFound`, `PullFailed`."""
        login = {"username": auth.username, "password": auth.password} if auth else None
        try:
            await self._docker.images.pull(reference, auth=login)
        except _docker_error() as error:
            text = _text(error)
            kind = ImageNotFound if any(sign in text.lower() for sign in _MISSING) else PullFailed
            raise kind(text) from error
        except Exception as error:
            raise RuntimeUnavailable(f"the Docker Engine broke off: {_text(error)}") from error

    async def load(self, archive: Any) -> Sequence[str]:
        """Read an image archive (bytes or an open file); returns the references the engine names."""
        found: list[str] = []
        async with _translated():
            async for message in self._docker.images.import_image(archive, stream=True):
                for line in str(message.get("stream") or "").splitlines():
                    if line.startswith(("Loaded image: ", "Loaded image ID: ")):
                        found.append(line.partition(": ")[2])
        return found

    async def remove_image(self, reference: str) -> None:
        """Remove an image; one that is gone is fine."""
        try:
            async with _translated(ImageNotFound):
                await self._docker.images.delete(reference, force=True)
        except ImageNotFound:
            pass

    @property
    def _docker(self) -> aiodocker.Docker:
        if self._client is None:
            raise RuntimeUnavailable("the Docker runtime is not started")
        return self._client


@asynccontextmanager
async def _translated(missing: type[RuntimeFailure] = NoSuchContainer) -> AsyncIterator[None]:
    """aiodocker's and aiohttp's exceptions end here.

    Args:
        missing: what a 404 means.
    """
    import aiohttp

    try:
        yield
    except _docker_error() as error:
        text = _text(error)
        if error.status == 404:
            raise (ImageNotFound if "no such image" in text.lower() else missing)(text) from error
        raise RuntimeFailure(text) from error
    except (aiohttp.ClientError, OSError) as error:
        raise RuntimeUnavailable(f"the Docker Engine does not answer: {_text(error)}") from error


def _docker_error() -> type[aiodocker.DockerError]:
    import aiodocker

    return aiodocker.DockerError


def _text(error: BaseException) -> str:
    return str(getattr(error, "message", "") or error or type(error).__name__).strip()
