"""The image store on disk: unpacked layers that images share, configurations, tags. Several processes may use it.

    ROOT/index.json     images, tags, layers; replaced in one step under index.lock
    ROOT/configs/HEX    image configurations, by their digest, which is the image's id
    ROOT/layers/SHORT   unpacked layers, named by the start of their diff id: overlay's options must stay short
    ROOT/leases/OWNER   the image that a container uses, so that its layers stay
    ROOT/tmp/           layers that are being unpacked

A layer is moved into place when it is whole, and an image enters the index after its layers: what a killed process
leaves behind is garbage that no index names. Imports hold use.lock shared, removal of garbage holds it alone. As with
Docker and containerd, the files of a layer are left to the kernel's write-back: syncing them would take seconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from hyperpy.runtime.images import reference, unpack
from hyperpy.runtime.protocol import ImageNotFound

_SHORT = 24


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image of the store. `layers` are folder names in `layers/`, the lowest first."""

    id: str
    tags: Sequence[str]
    layers: Sequence[str]
    size_bytes: int
    user: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """The table of contents, as it is in index.json."""

    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)


class ImageStore:
    """Reads and changes a store. Every method blocks; none is bound to a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layers_directory = root / "layers"
        self._cached: tuple[tuple[int, int], Index] | None = None

    def prepare(self) -> None:
        """Make the folders and throw away what a crash left half done."""
        for name in ("configs", "layers", "leases", "tmp"):
            (self.root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sweep()

    def images(self) -> list[StoredImage]:
        """Every image, by its id."""
        index = self._read()
        return [self._stored(index, image_id) for image_id in sorted(index.images)]

    def find(self, wanted: str) -> StoredImage | None:
        """By tag, by id (`sha256:...`) or by the start of an id of at least 12 digits; None when there is none."""
        index = self._read()
        digits = wanted.removeprefix("sha256:")
        if len(digits) >= 12 and all(digit in "0123456789abcdef" for digit in digits):
            matching = [image_id for image_id in index.images if image_id.startswith(f"sha256:{digits}")]
            if len(matching) == 1:
                return self._stored(index, matching[0])
        try:
            parsed = reference.parse(wanted)
        except reference.InvalidReference:
            return None
        image_id = index.tags.get(str(parsed))
        if image_id is None and parsed.digest:
            image_id = index.tags.get(f"{parsed.registry}/{parsed.repository}@{parsed.digest}")
        return self._stored(index, image_id) if image_id else None

    def config(self, image_id: str) -> dict[str, Any]:
        """The configuration document of an image.

        Raises:
            ImageNotFound: it was removed.
        """
        try:
            text = (self.root / "configs" / image_id.removeprefix("sha256:")).read_bytes()
        except FileNotFoundError as error:
            raise ImageNotFound(f"no image {image_id}") from error
        document: dict[str, Any] = json.loads(text)
        return document

    @contextmanager
    def importing(self) -> Iterator[Import]:
        """A span in which layers and images may be added and nothing is swept away; sweeps at its end."""
        with self._lock("use.lock", fcntl.LOCK_SH):
            yield Import(self)
        self.sweep()

    def remove(self, wanted: str) -> None:
        """Take away a tag, or by id the image with all its tags. Layers go when nothing uses them any more.

        Raises:
            ImageNotFound: no such image.
        """
        image = self.find(wanted)
        if image is None:
            raise ImageNotFound(f"no image {wanted}")
        tag = "" if image.id.startswith(f"sha256:{wanted.removeprefix('sha256:')}") else reference.normalize(wanted)
        with self._changing() as index:
            gone = [tag] if tag else [name for name, image_id in index.tags.items() if image_id == image.id]
            for name in gone:
                index.tags.pop(name, None)
            if image.id not in index.tags.values():
                index.images.pop(image.id, None)
        self.sweep()

    def lease(self, owner: str, image_id: str) -> StoredImage:
        """Hold an image for a container until `release`.

        Raises:
            ImageNotFound: it was removed.
        """
        with self._lock("use.lock", fcntl.LOCK_SH):
            index = self._read()
            if image_id not in index.images:
                raise ImageNotFound(f"no image {image_id}")
            image = self._stored(index, image_id)
            content = json.dumps({"image": image_id, "layers": list(image.layers)})
            (self.root / "leases" / owner).write_text(content, encoding="utf-8")
            return image

    def release(self, owner: str) -> None:
        """End a lease; ending none succeeds."""
        path = self.root / "leases" / owner
        held = _read_lease(path)
        path.unlink(missing_ok=True)
        if held and held["image"] not in self._read().images:
            self.sweep()

    def sweep(self) -> None:
        """Remove layers and configurations that nothing names, unless an import is under way: then its end does it."""
        with self._lock("use.lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
            if not held:
                return
            garbage = self._garbage()
            if garbage:
                with self._changing() as index:
                    for path in garbage:
                        index.layers.pop(path.name, None)
            for path in garbage:
                # Renamed first, so that no half removed layer is ever found under its name.
                grave = self.root / "tmp" / f"{path.name}.gone"
                path.rename(grave)
            for path in (self.root / "tmp").iterdir():
                _remove_tree(path)

    def _garbage(self) -> list[Path]:
        index = self._read()
        layers = {layer for image in index.images.values() for layer in image["layers"]}
        configs = {image_id.removeprefix("sha256:") for image_id in index.images}
        for lease in (self.root / "leases").iterdir():
            held = _read_lease(lease)
            layers.update(held.get("layers", ()))
            configs.add(held.get("image", "").removeprefix("sha256:"))
        unused = [path for path in self.layers_directory.iterdir() if path.name not in layers]
        return unused + [path for path in (self.root / "configs").iterdir() if path.name not in configs]

    def _stored(self, index: Index, image_id: str) -> StoredImage:
        entry = index.images[image_id]
        tags = sorted(tag for tag, target in index.tags.items() if target == image_id)
        return StoredImage(image_id, tags, tuple(entry["layers"]), entry["size_bytes"], entry.get("user", ""))

    def _read(self) -> Index:
        path = self.root / "index.json"
        try:
            status = path.stat()
        except FileNotFoundError:
            return Index()
        stamp = (status.st_mtime_ns, status.st_ino)
        if self._cached is None or self._cached[0] != stamp:
            self._cached = (stamp, Index(**json.loads(path.read_bytes())))
        return self._cached[1]

    @contextmanager
    def _changing(self) -> Iterator[Index]:
        """Change the index: alone, and in one step."""
        with self._lock("index.lock", fcntl.LOCK_EX):
            self._cached = None
            index = self._read()
            yield index
            self._cached = None
            content = json.dumps({"images": index.images, "tags": index.tags, "layers": index.layers}, indent=1)
            write_whole(self.root / "index.json", content.encode())

    @contextmanager
    def _lock(self, name: str, kind: int) -> Iterator[bool]:
        with open(self.root / name, "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, kind)
            except BlockingIOError:
                yield False
            else:
                yield True


class Import:
    """Adds layers and images while `ImageStore.importing` lasts."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store

    def has_layer(self, diff_id: str) -> bool:
        """Whether the store has this layer already."""
        return (self._store.layers_directory / short_name(diff_id)).is_dir()

    def add_layer(self, stream: IO[bytes], *, expected: str = "") -> str:
        """Unpack a layer; returns its diff id.

        Args:
            expected: the diff id it must have, "" for any.
        Raises:
            unpack.BrokenLayer: damaged, or another one than expected.
        """
        directory = Path(tempfile.mkdtemp(dir=self._store.root / "tmp"))
        os.chmod(directory, 0o755)
        try:
            unpacked = unpack.unpack(stream, directory)
            if expected and unpacked.diff_id != expected:
                raise unpack.BrokenLayer(f"a layer is damaged: it is {unpacked.diff_id}, not {expected}")
            name = short_name(unpacked.diff_id)
            try:
                directory.rename(self._store.layers_directory / name)
            except OSError:
                # Somebody else has brought the same layer meanwhile.
                _remove_tree(directory)
        except BaseException:
            _remove_tree(directory)
            raise
        with self._store._changing() as index:
            index.layers[name] = {"diff_id": unpacked.diff_id, "size_bytes": unpacked.size_bytes}
        return unpacked.diff_id

    def add_image(self, config: bytes, *, references: Sequence[str], digest: str = "") -> str:
        """Enter an image whose layers are all there; returns its id.

        Args:
            config: the configuration document, byte by byte.
            references: tags and digest references, which move here from other images.
            digest: of the manifest, "" when it has none.
        Raises:
            unpack.BrokenLayer: a layer of the document is missing, or it is no configuration.
        """
        try:
            document = json.loads(config)
            diff_ids = document["rootfs"]["diff_ids"]
        except (ValueError, LookupError, TypeError) as error:
            raise unpack.BrokenLayer("the image has no usable configuration") from error
        missing = [diff_id for diff_id in diff_ids if not self.has_layer(diff_id)]
        if missing:
            raise unpack.BrokenLayer(f"the image lacks its layer {missing[0]}")
        image_id = f"sha256:{hashlib.sha256(config).hexdigest()}"
        write_whole(self._store.root / "configs" / image_id.removeprefix("sha256:"), config)
        layers = [short_name(diff_id) for diff_id in diff_ids]
        user = str((document.get("config") or {}).get("User") or "")
        with self._store._changing() as index:
            size = sum(index.layers.get(name, {}).get("size_bytes", 0) for name in layers)
            index.images[image_id] = {"layers": layers, "size_bytes": size, "user": user, "digest": digest}
            before = {index.tags.get(name) for name in references}
            index.tags.update(dict.fromkeys(references, image_id))
            for old in before - {None, image_id} - set(index.tags.values()):
                index.images.pop(str(old), None)
        return image_id


def short_name(diff_id: str) -> str:
    """The folder of a layer."""
    return diff_id.removeprefix("sha256:")[:_SHORT]


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step that also outlives a power failure."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def _read_lease(path: Path) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        # Ended meanwhile, or cut short by a crash, and then its container was never made.
        return {}
    return held


def _remove_tree(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
