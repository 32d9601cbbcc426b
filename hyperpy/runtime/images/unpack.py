"""Unpacks one image layer into a directory that overlayfs can use as a lower layer.

No entry gets out of the directory: every path is opened by the kernel as if that directory were the root. Whiteouts
become what overlayfs understands: a character device 0:0, and an xattr on a directory that hides the ones below.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import shutil
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from hyperpy.linux import syscalls

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_AUFS = ".wh..wh."
_XATTR = "SCHILY.xattr."
_COPY_BYTES = 1024 * 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class BrokenLayer(Exception):
    """The layer is no tar archive, or it tries to do what a layer must not."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`diff_id`: digest of the plain tar archive; `size_bytes`: of the files in it."""

    diff_id: str
    size_bytes: int


def unpack(stream: IO[bytes], directory: Path) -> Unpacked:
    """Unpack a layer, plain or compressed by gzip, into an empty directory that nobody else changes.

    Args:
        stream: read to its end.
    Raises:
        BrokenLayer: with what is wrong.
        OSError: the disk refuses.
    """
    hashing = _Hashing(plain(stream))
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        extractor = _Extractor(root)
        with tarfile.open(fileobj=cast(Any, hashing), mode="r|", encoding="utf-8") as archive:
            for member in archive:
                extractor.add(member, archive)
        extractor.finish()
        while hashing.read(_COPY_BYTES):
            # What follows the archive's end mark counts for the digest.
            pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError) as error:
        raise BrokenLayer(f"a layer is damaged: {error}") from error
    finally:
        os.close(root)
    return Unpacked(f"sha256:{hashing.digest.hexdigest()}", extractor.size_bytes)


def plain(stream: IO[bytes]) -> IO[bytes]:
    """The stream without its compression.

    Raises:
        BrokenLayer: a compression that this Python cannot undo.
    """
    buffered = io.BufferedReader(cast(Any, _Raw(stream)), _COPY_BYTES)
    start = buffered.peek(4)[:4]
    if start.startswith(_GZIP):
        return cast(IO[bytes], gzip.GzipFile(fileobj=buffered))
    if start == _ZSTD:
        raise BrokenLayer("a layer is compressed by zstd, which is not supported; push the image with gzip layers")
    return cast(IO[bytes], buffered)


class _Raw(io.RawIOBase):
    """Lets anything with `read` be buffered."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Hashing:
    """A file to read from that takes the digest of what passes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


class _Extractor:
    """Puts archive members into the directory `root`, which stays open and belongs to the caller."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._parent_path = ""
        self._parent = -1
        self._times: list[tuple[str, int]] = []
        self.size_bytes = 0

    def add(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        parts = _parts(member.name)
        if not parts:
            self._set_attributes(self._root, member)
            return
        parent, name = self._open_parent(parts[:-1]), parts[-1]
        if name.startswith(_WHITEOUT):
            self._whiteout(parent, name)
            return
        was_whiteout = self._make_room(parent, name, member)
        if member.isdir():
            self._directory(parent, name, member, opaque=was_whiteout)
            self._times.append(("/".join(parts), int(member.mtime)))
        elif member.isreg():
            self._file(parent, name, member, archive)
        elif member.islnk():
            self._hard_link(parent, name, member)
        else:
            self._special(parent, name, member)

    def finish(self) -> None:
        """Set the times of the directories, which changed while they were filled."""
        for path, when in reversed(self._times):
            try:
                handle = syscalls.open_in_root(self._root, path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
            except OSError:
                # A later entry of the layer replaced it.
                continue
            os.utime(f"/proc/self/fd/{handle}", (when, when))
            os.close(handle)
        self._close_parent()

    def _open_parent(self, parts: list[str]) -> int:
        path = "/".join(parts)
        if path != self._parent_path or self._parent < 0:
            self._close_parent()
            self._parent = self._open_directory(parts)
            self._parent_path = path
        return self._parent

    def _close_parent(self) -> None:
        if self._parent >= 0:
            os.close(self._parent)
            self._parent = -1

    def _open_directory(self, parts: list[str]) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY
        if not parts:
            return os.open(".", flags | os.O_CLOEXEC, dir_fd=self._root)
        try:
            return syscalls.open_in_root(self._root, "/".join(parts), flags)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise BrokenLayer(f"a layer has files below {'/'.join(parts)}, which is no directory") from error
        above = self._open_directory(parts[:-1])
        try:
            os.mkdir(parts[-1], 0o755, dir_fd=above)
            return os.open(parts[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
        except OSError as error:
            raise BrokenLayer(f"a layer's path {'/'.join(parts)} leads nowhere") from error
        finally:
            os.close(above)

    def _whiteout(self, parent: int, name: str) -> None:
        if name == _OPAQUE:
            os.setxattr(parent, "trusted.overlay.opaque", b"y")
        elif not name.startswith(_AUFS):
            hidden = name.removeprefix(_WHITEOUT)
            mode = _mode(parent, hidden)
            if mode is None:
                os.mknod(hidden, stat.S_IFCHR, os.makedev(0, 0), dir_fd=parent)
            elif stat.S_ISDIR(mode):
                self._hide_below(parent, hidden)

    def _hide_below(self, parent: int, name: str) -> None:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.setxattr(handle, "trusted.overlay.opaque", b"y")
        finally:
            os.close(handle)

    def _make_room(self, parent: int, name: str, member: tarfile.TarInfo) -> bool:
        """Remove what stands where the member goes; says whether that was a whiteout."""
        mode = _mode(parent, name)
        if mode is None or (stat.S_ISDIR(mode) and member.isdir()):
            return False
        if stat.S_ISDIR(mode):
            shutil.rmtree(name, dir_fd=parent)
            return False
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        os.unlink(name, dir_fd=parent)
        return stat.S_ISCHR(mode) and status.st_rdev == 0

    def _directory(self, parent: int, name: str, member: tarfile.TarInfo, *, opaque: bool) -> None:
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
        except FileExistsError:
            pass
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            self._set_attributes(handle, member)
            if opaque:
                os.setxattr(handle, "trusted.overlay.opaque", b"y")
        finally:
            os.close(handle)

    def _file(self, parent: int, name: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(name, flags, 0o600, dir_fd=parent)
        with open(handle, "wb", buffering=0) as target:
            source = archive.extractfile(member)
            assert source is not None
            shutil.copyfileobj(source, target, _COPY_BYTES)
            self._set_attributes(handle, member)
            os.utime(handle, (int(member.mtime), int(member.mtime)))
        self.size_bytes += member.size

    def _hard_link(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        parts = _parts(member.linkname)
        if not parts:
            raise BrokenLayer(f"a layer links {member.name} to nothing")
        source = self._open_directory(parts[:-1])
        try:
            os.link(parts[-1], name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        except OSError as error:
            raise BrokenLayer(f"a layer links {member.name} to {member.linkname}: {error.strerror}") from error
        finally:
            os.close(source)

    def _special(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        if member.issym():
            os.symlink(member.linkname, name, dir_fd=parent)
        else:
            kinds = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK, tarfile.FIFOTYPE: stat.S_IFIFO}
            if member.type not in kinds:
                raise BrokenLayer(f"a layer holds {member.name}, an entry of unknown type {member.type!r}")
            mode = kinds[member.type] | stat.S_IMODE(member.mode)
            os.mknod(name, mode, os.makedev(member.devmajor, member.devminor), dir_fd=parent)
        _own(name, member, dir_fd=parent)
        os.utime(name, (int(member.mtime), int(member.mtime)), dir_fd=parent, follow_symlinks=False)

    def _set_attributes(self, handle: int, member: tarfile.TarInfo) -> None:
        """Owner before mode, because a change of owner takes setuid bits; xattrs last, because it takes those too."""
        _own(handle, member)
        os.fchmod(handle, stat.S_IMODE(member.mode))
        for key, value in member.pax_headers.items():
            name = key.removeprefix(_XATTR)
            if name != key and not name.startswith("trusted."):
                try:
                    os.setxattr(handle, name, value.encode("utf-8", "surrogateescape"))
                except OSError as error:
                    if error.errno != errno.ENOTSUP:
                        raise


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BrokenLayer(f"a layer holds {name}, a path that leads upwards")
    return parts


def _mode(parent: int, name: str) -> int | None:
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def _own(target: int | str, member: tarfile.TarInfo, *, dir_fd: int | None = None) -> None:
    if os.geteuid() != 0:
        return
    if dir_fd is None:
        os.chown(target, member.uid, member.gid)
    else:
        os.chown(target, member.uid, member.gid, dir_fd=dir_fd, follow_symlinks=False)
