"""Image archives: reads what `docker save` and OCI tools write, writes one that both kinds of tools read.

The archive that is written is an OCI layout that also has Docker's `manifest.json`, so `docker load`, `ctr images
import` and this module take it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hyperpy.runtime.images import layers, reference
from hyperpy.runtime.images.layers import Layer
from hyperpy.runtime.images.store import ImageStore, Import
from hyperpy.runtime.images.unpack import BrokenLayer
from hyperpy.runtime.protocol import RuntimeFailure

_COPY_BYTES = 1024 * 1024
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_REFERENCE_KEYS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


class BrokenArchive(RuntimeFailure):
    """The file is no image archive, or a damaged one."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One image of an archive; the strings are member names."""

    config: str
    layers: Sequence[str]
    references: Sequence[str]


def load(path: Path, store: ImageStore) -> list[str]:
    """Bring every image of an archive into the store.

    Returns:
        The references the archive held; an image without any is there by its id, which is returned instead.
    Raises:
        BrokenArchive: with what is wrong.
    """
    try:
        with _open(path, store.root / "tmp") as reader, store.importing() as session:
            return [name for entry in reader.entries() for name in _bring(reader, entry, session)]
    except FileNotFoundError as error:
        raise BrokenArchive(f"no file {error.filename}") from error
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, BrokenLayer) as error:
        raise BrokenArchive(f"{path} is no image archive: {error}") from error
    except (LookupError, ValueError, TypeError) as error:
        raise BrokenArchive(f"{path} is no image archive: its table of contents is damaged ({error})") from error


def _bring(reader: _Reader, entry: _Entry, session: Import) -> list[str]:
    config = reader.read(entry.config)
    diff_ids = json.loads(config)["rootfs"]["diff_ids"]
    if len(diff_ids) != len(entry.layers):
        raise BrokenLayer(f"it lists {len(entry.layers)} layers, its configuration {len(diff_ids)}")
    for diff_id, name in zip(diff_ids, entry.layers, strict=True):
        if not session.has_layer(diff_id):
            session.add_layer(reader.open(name), expected=diff_id)
    names = [reference.normalize(name) for name in entry.references]
    image_id = session.add_image(config, references=names)
    return names or [image_id]


class _Reader:
    """Random access to the members of a plain tar file."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members = {os.path.normpath(member.name): member for member in archive}

    def entries(self) -> list[_Entry]:
        """The images, from whichever table of contents there is."""
        if "manifest.json" in self._members:
            rows = json.loads(self.read("manifest.json"))
            return [_Entry(row["Config"], row["Layers"], row.get("RepoTags") or ()) for row in rows]
        if "index.json" in self._members:
            return list(self._oci_entries(json.loads(self.read("index.json")), names=()))
        raise BrokenLayer("it has neither manifest.json nor index.json")

    def open(self, name: str) -> IO[bytes]:
        """A member's bytes; `docker save` of old points to a layer twice by a symbolic link."""
        member = self._members[os.path.normpath(name)]
        if member.issym():
            return self.open(os.path.join(os.path.dirname(name), member.linkname))
        stream = self._archive.extractfile(member)
        if stream is None:
            raise BrokenLayer(f"{name} is no file")
        return stream

    def read(self, name: str) -> bytes:
        """A small member."""
        return self.open(name).read()

    def _oci_entries(self, index: dict[str, Any], *, names: Sequence[str]) -> Iterator[_Entry]:
        for descriptor in index["manifests"]:
            annotations = descriptor.get("annotations") or {}
            own = [name for name in map(annotations.get, _REFERENCE_KEYS) if name and set(name) & set(":/")][
                :1
            ] or names
            document = json.loads(self.read(_blob(descriptor["digest"])))
            if descriptor.get("mediaType") in _INDEX_TYPES or "manifests" in document:
                yield from self._oci_entries(document, names=own)
            elif _runs_here(descriptor) and "layers" in document:
                members = [_blob(layer["digest"]) for layer in document["layers"]]
                yield _Entry(_blob(document["config"]["digest"]), members, own)


def _runs_here(descriptor: dict[str, Any]) -> bool:
    """Whether a descriptor is for this platform; archives of one platform often do not say it."""
    wanted = descriptor.get("platform")
    return not wanted or (wanted.get("os"), wanted.get("architecture")) == ("linux", layers.architecture())


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


@contextmanager
def _open(path: Path, scratch: Path) -> Iterator[_Reader]:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                yield _Reader(archive)
            return
        # A table of contents may come last and layers are read out of order, so it has to lie there unpacked.
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=scratch) as copy:
            with gzip.GzipFile(fileobj=file) as source:
                while data := source.read(_COPY_BYTES):
                    copy.write(data)
            copy.seek(0)
            with tarfile.open(fileobj=copy, mode="r:") as archive:
                yield _Reader(archive)


class ArchiveWriter:
    """Writes an image archive. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._archive = tarfile.open(path, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._blobs: set[str] = set()
        self._rows: list[dict[str, Any]] = []
        self._manifests: list[dict[str, Any]] = []

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._member("manifest.json", json.dumps(self._rows).encode())
            index = {"schemaVersion": 2, "mediaType": _INDEX_TYPES[0], "manifests": self._manifests}
            self._member("index.json", json.dumps(index).encode())
            self._member("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        self._archive.close()

    def add_image(self, config: bytes, contents: Sequence[Layer], *, references: Sequence[str]) -> str:
        """Add an image with its layers; returns its id."""
        config_part = self._blob(config, _CONFIG_TYPE)
        layer_parts = [self._layer(layer) for layer in contents]
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": config_part,
            "layers": layer_parts,
        }
        part = self._blob(json.dumps(manifest).encode(), _MANIFEST_TYPE)
        names = [reference.normalize(name) for name in references]
        self._rows.append(
            {
                "Config": _blob(config_part["digest"]),
                "RepoTags": names,
                "Layers": [_blob(layer["digest"]) for layer in layer_parts],
            }
        )
        self._manifests += [{**part, "annotations": {_REFERENCE_KEYS[0]: name}} for name in names] or [part]
        return str(config_part["digest"])

    def _layer(self, layer: Layer) -> dict[str, Any]:
        name = _blob(layer.diff_id)
        if name not in self._blobs:
            self._blobs.add(name)
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = layer.size_bytes, 0o644
            with open(layer.path, "rb") as source:
                self._archive.addfile(entry, source)
        return {"mediaType": _LAYER_TYPE, "digest": layer.diff_id, "size": layer.size_bytes}

    def _blob(self, content: bytes, kind: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if _blob(digest) not in self._blobs:
            self._blobs.add(_blob(digest))
            self._member(_blob(digest), content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    def _member(self, name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o644
        self._archive.addfile(entry, io.BytesIO(content))
