"""Brings hyperpy's own image into a runtime, and does nothing where it is there and nothing has changed."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

from hyperpy.runtime.images import selfimage
from hyperpy.runtime.images.local import LocalImages
from hyperpy.runtime.protocol import Images

_NOTE = "own-image.json"


async def ensure(images: Images, directory: Path) -> dict[str, int]:
    """Build and load the image unless it is up to date.

    Args:
        directory: where to note what was loaded last; the runtime's own folder.
    Returns:
        The layers that were made, with their sizes in bytes; empty when nothing was to do.
    Raises:
        RuntimeFailure: the runtime refuses, or hyperpy is not installed as a package.
    """
    if isinstance(images, LocalImages):
        return (await asyncio.to_thread(selfimage.build_into, images.store)).made
    plans = await asyncio.to_thread(selfimage.plan)
    mark, note = selfimage.fingerprint(plans), directory / _NOTE
    found = await images.find(selfimage.REFERENCES[0])
    if found is not None and _read(note) == {"fingerprint": mark, "id": found.id}:
        return {}
    with tempfile.TemporaryDirectory(prefix="hyperpy-image-") as scratch:
        archive = Path(scratch) / "image.tar"
        built = await asyncio.to_thread(selfimage.write_archive, archive)
        await images.load(str(archive))
    await asyncio.to_thread(_write, note, {"fingerprint": mark, "id": built.id})
    return built.made


def _read(note: Path) -> object:
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(note: Path, content: object) -> None:
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    note.write_text(json.dumps(content), encoding="utf-8")
