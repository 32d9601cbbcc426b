"""The engine's images as `Images`."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

from hyperpy.runtime import pause
from hyperpy.runtime.docker.engine import Engine
from hyperpy.runtime.protocol import Image, ImageNotFound, RegistryAuth, RuntimeFailure

Obj = dict[str, Any]


class DockerImages:
    """Images of the engine; other programs' images are seen too."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def pull(self, reference: str, *, auth: RegistryAuth | None = None) -> str:
        await self._engine.pull(with_registry(reference), auth)
        found = await self.find(reference)
        if found is None:
            raise ImageNotFound(f'"{reference}" was pulled and is not here')
        return found.id

    async def find(self, reference: str) -> Image | None:
        found = await self._engine.image(reference)
        if found is None:
            return None
        user = (found.get("Config") or {}).get("User") or ""
        return Image(found["Id"], tuple(found.get("RepoTags") or ()), int(found["Size"]), user)

    async def list(self) -> Sequence[Image]:
        return [_listed(image) for image in await self._engine.images() if _has_name(image)]

    async def load(self, archive: str) -> Sequence[str]:
        try:
            file = await asyncio.to_thread(open, archive, "rb")
        except OSError as error:
            raise RuntimeFailure(f"cannot read {archive}: {error.strerror}") from error
        with file:
            return await self._engine.load(file)

    async def remove(self, reference: str) -> None:
        await self._engine.remove_image(reference)

    async def load_pause(self) -> None:
        """Make sure that the pause image is here."""
        if await self._engine.image(pause.REFERENCE) is None:
            await self._engine.load(io.BytesIO(pause.archive()))


def with_registry(reference: str) -> str:
    """A reference with its registry and tag in it: `nginx` is `docker.io/library/nginx:latest`."""
    first, slash, _ = reference.partition("/")
    if not (slash and ("." in first or ":" in first or first == "localhost")):
        reference = f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"
    name = reference.rpartition("/")[2]
    return reference if ":" in name or "@" in name else f"{reference}:latest"


def _has_name(image: Obj) -> bool:
    return any(tag != "<none>:<none>" for tag in image.get("RepoTags") or ())


def _listed(image: Obj) -> Image:
    return Image(image["Id"], tuple(image.get("RepoTags") or ()), int(image["Size"]))
