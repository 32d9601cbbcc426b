"""A CRI runtime's images as `Images`."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Sequence

from hyperpy.runtime.cri import translate
from hyperpy.runtime.cri.connection import NAMESPACE, Connection
from hyperpy.runtime.cri_api import cri_pb2 as api
from hyperpy.runtime.images import reference as references
from hyperpy.runtime.protocol import (
    Image,
    ImageNotFound,
    NoSuchContainer,
    PullFailed,
    RegistryAuth,
    RuntimeFailure,
    RuntimeUnavailable,
)

_MISSING = ("not found", "manifest unknown", "does not exist", "repository name not known")
#: containerd tells its CRI side of an imported image a moment later: looks, and the pause between them.
_LOOKS, _PAUSE_S = 100, 0.05
_IMPORTED = re.compile(r"^(?:unpacking|Importing)?\s*(\S+)\s.*(?:done|saved|exists)", re.MULTILINE)


class CriImages:
    """Images of the runtime; those of other programs in the same place are seen too."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def pull(self, reference: str, *, auth: RegistryAuth | None = None) -> str:
        request = api.PullImageRequest(image=_spec(reference))
        if auth is not None:
            request.auth.CopyFrom(api.AuthConfig(username=auth.username, password=auth.password))
        try:
            # How long a pull may take is the caller's matter.
            await self._connection.call(self._connection.image.PullImage, request, timeout_s=None)
        except RuntimeUnavailable:
            raise
        except RuntimeFailure as error:
            missing = isinstance(error, NoSuchContainer) or any(sign in str(error).lower() for sign in _MISSING)
            raise (ImageNotFound if missing else PullFailed)(str(error)) from error
        found = await self.find(reference)
        if found is None:
            raise ImageNotFound(f'"{reference}" was pulled and is not here')
        return found.id

    async def find(self, reference: str) -> Image | None:
        request = api.ImageStatusRequest(image=_spec(reference))
        answer = await self._connection.call(self._connection.image.ImageStatus, request)
        return translate.image(answer.image) if answer.HasField("image") else None

    async def list(self) -> Sequence[Image]:
        answer = await self._connection.call(self._connection.image.ListImages, api.ListImagesRequest())
        return [translate.image(image) for image in answer.images if image.repo_tags]

    async def load(self, archive: str) -> Sequence[str]:
        """By containerd's own `ctr`: the CRI cannot load archives."""
        ctr = shutil.which("ctr")
        if ctr is None or "crio" in self._connection.path:
            raise RuntimeFailure(
                f"cannot load {archive}: the CRI has no call for it, and there is no containerd with its `ctr` here; "
                "push the image to a registry, or use the runtime's own tool"
            )
        command = (ctr, "--address", self._connection.path, "--namespace", NAMESPACE, "images", "import", archive)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            told = err.decode(errors="replace").strip().removeprefix("ctr: ")
            raise RuntimeFailure(f"containerd cannot load {archive}: {told}")
        loaded = _IMPORTED.findall(out.decode(errors="replace"))
        for reference in loaded:
            await self._wait_for(reference)
        return loaded

    async def remove(self, reference: str) -> None:
        try:
            request = api.RemoveImageRequest(image=_spec(reference))
            await self._connection.call(self._connection.image.RemoveImage, request)
        except NoSuchContainer:
            pass

    async def _wait_for(self, reference: str) -> None:
        for _ in range(_LOOKS):
            if await self.find(reference) is not None:
                return
            await asyncio.sleep(_PAUSE_S)
        raise RuntimeFailure(
            f"containerd loaded {reference}, but its CRI does not show it; is it of this machine's kind?"
        )


def _spec(reference: str) -> api.ImageSpec:
    """An image by its name, made whole, or by its id."""
    known = reference if reference.startswith("sha256:") else references.normalize(reference)
    return api.ImageSpec(image=known)
