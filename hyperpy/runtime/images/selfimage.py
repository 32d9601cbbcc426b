"""An image of hyperpy made of the running installation: no registry, no Dockerfile, no daemon.

Three layers, so that a change of code makes only the last one anew: python (the interpreter and a small system),
libraries (what hyperpy requires), hyperpy. What went into a layer is noted in the image's labels as a fingerprint of
names, sizes and times; a layer whose fingerprint is unchanged is not made again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import py_compile
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperpy import __version__
from hyperpy.runtime.images import elf, installation, layers, reference
from hyperpy.runtime.images.archive import ArchiveWriter
from hyperpy.runtime.images.installation import Source
from hyperpy.runtime.images.layers import Layer, LayerWriter
from hyperpy.runtime.images.store import ImageStore

REFERENCES = ("hyperpy:latest", f"hyperpy:{__version__}")
_LABEL = "io.hyperpy.layer."
_PREFIX = "usr/local"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
_GROUP = b"root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"
#: Libraries that the C library loads by itself for host names, on systems where they are files of their own.
_NAME_SERVICE = ("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")


@dataclass(frozen=True, slots=True)
class Item:
    """One entry: the content of a file, bytes, a link (`link`) or a folder (`mode` with nothing else)."""

    name: str
    content: Path | bytes | None = None
    link: str = ""
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """What goes into a layer. `compiled`: modules get bytecode that does not look at their times."""

    name: str
    items: Sequence[Item]
    compiled: bool = False
    fingerprint: str = field(default="")


@dataclass(frozen=True, slots=True)
class Built:
    """The image. `made`: the layers that had to be made, with their sizes in bytes."""

    id: str
    made: dict[str, int]


def plan() -> list[LayerPlan]:
    """Look at the installation and say what the layers hold.

    Raises:
        RuntimeFailure: hyperpy is not installed as a package.
    """
    where, standard = installation.standard_library()
    site = f"{_PREFIX}/{where}/site-packages"
    required, own = installation.required_libraries(), installation.own_files()
    programs = [installation.interpreter(), *_shell_programs()]
    system = elf.libraries([*programs, *(source.path for source in standard if _is_library(source))])
    folder = _library_folder(system)
    system |= _name_service(folder)
    beyond = elf.libraries(source.path for source in required if _is_library(source))
    bundled = {source.path.resolve() for source in required}
    beyond = {name: path for name, path in beyond.items() if name not in system and path.resolve() not in bundled}
    base = [*_system(folder), *_interpreter(), *_placed(standard, f"{_PREFIX}/{where}"), *_libraries(system, folder)]
    link = Item(f"{_PREFIX}/{where}/dist-packages", link="site-packages")
    return [
        fingerprinted(LayerPlan("python", [*base, link])),
        fingerprinted(LayerPlan("libraries", [*_placed(required, site), *_libraries(beyond, folder)])),
        fingerprinted(LayerPlan("hyperpy", [*_placed(own, site), *_entry_point()], compiled=True)),
    ]


def build_into(store: ImageStore) -> Built:
    """Bring the image into a store, making only what changed."""
    plans = plan()
    known = _known_layers(store)
    made: dict[str, int] = {}
    with store.importing() as session, _workspace() as directory:
        contents = []
        for item in plans:
            diff_id = known.get(item.fingerprint, "")
            if not diff_id or not session.has_layer(diff_id):
                layer = write_layer(item, directory / f"{item.name}.tar")
                with open(layer.path, "rb") as file:
                    diff_id = session.add_layer(file, expected=layer.diff_id)
                made[item.name] = layer.size_bytes
                layer.path.unlink()
            contents.append(Layer(Path(), diff_id, 0))
        config = layers.configuration(contents, settings(plans), created=_created(plans))
        names = [reference.normalize(name) for name in REFERENCES]
        return Built(session.add_image(config, references=names), made)


def write_archive(path: Path) -> Built:
    """Write the image as an archive for `docker load` and the like."""
    plans = plan()
    with _workspace() as directory:
        contents = [write_layer(item, directory / f"{item.name}.tar") for item in plans]
        config = layers.configuration(contents, settings(plans), created=_created(plans))
        with ArchiveWriter(path) as archive:
            image_id = archive.add_image(config, contents, references=REFERENCES)
    sizes = zip(plans, contents, strict=True)
    return Built(image_id, {item.name: layer.size_bytes for item, layer in sizes})


def fingerprint(plans: Sequence[LayerPlan]) -> str:
    """Of the whole image: the same as long as nothing has to be made."""
    return hashlib.sha256("".join(item.fingerprint for item in plans).encode()).hexdigest()


def settings(plans: Sequence[LayerPlan]) -> dict[str, Any]:
    """The `config` of the image's configuration."""
    return {
        "Entrypoint": ["hyperpy"],
        "Env": [f"PATH={_PATH}", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "LANG=C.UTF-8"],
        "WorkingDir": "/",
        "Labels": {
            "org.opencontainers.image.title": "hyperpy",
            "org.opencontainers.image.version": __version__,
            **{f"{_LABEL}{item.name}": item.fingerprint for item in plans},
        },
    }


def write_layer(item: LayerPlan, path: Path) -> Layer:
    """Write one layer."""
    with LayerWriter(path) as writer:
        for entry in sorted(item.items, key=lambda entry: entry.name):
            if entry.link:
                writer.link(entry.name, entry.link)
            elif entry.content is None:
                writer.directory(entry.name, mode=entry.mode)
            else:
                _write_file(writer, entry, compiled=item.compiled)
    return writer.layer


def _write_file(writer: LayerWriter, entry: Item, *, compiled: bool) -> None:
    assert entry.content is not None
    if isinstance(entry.content, bytes):
        writer.file(entry.name, entry.content, mode=entry.mode)
        return
    # Bytecode is only valid for the time that its source has.
    when = int(entry.content.stat().st_mtime)
    writer.file(entry.name, entry.content, mode=entry.mode, mtime=when)
    if not entry.name.endswith(".py"):
        return
    cached = None if compiled else installation.bytecode(entry.content)
    folder, _, module = entry.name.rpartition("/")
    target = f"{folder}/__pycache__/{Path(module).stem}.{_tag()}.pyc"
    if cached is not None:
        writer.file(target, cached, mtime=when)
    elif code := _compile(entry.content, f"/{entry.name}"):
        writer.file(target, code, mtime=when)


def _compile(source: Path, shown: str) -> bytes:
    """Bytecode that is taken without a look at its source, b"" for what does not compile (templates, tests)."""
    with tempfile.NamedTemporaryFile(suffix=".pyc") as file:
        try:
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(source), cfile=file.name, dfile=shown, doraise=True, invalidation_mode=mode)
        except (py_compile.PyCompileError, FileExistsError):
            return b""
        return Path(file.name).read_bytes()


def _tag() -> str:
    major, minor, _ = platform.python_version_tuple()
    return f"cpython-{major}{minor}"


def _known_layers(store: ImageStore) -> dict[str, str]:
    """Layers of the image that the store has now: diff id by fingerprint."""
    image = store.find(REFERENCES[0])
    if image is None:
        return {}
    document = store.config(image.id)
    labels = (document.get("config") or {}).get("Labels") or {}
    names = ("python", "libraries", "hyperpy")
    marks = [labels.get(f"{_LABEL}{name}", "") for name in names]
    return dict(zip(marks, document["rootfs"]["diff_ids"], strict=False))


def fingerprinted(item: LayerPlan) -> LayerPlan:
    """The plan with the fingerprint of its names, sizes and times."""
    digest = hashlib.sha256(f"{item.name} {platform.python_version()} {_tag()}".encode())
    for entry in sorted(item.items, key=lambda entry: entry.name):
        if isinstance(entry.content, Path):
            status = entry.content.stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        else:
            state = f"{entry.content!r} {entry.link}"
        digest.update(f"{entry.name} {entry.mode} {state}\n".encode())
    return LayerPlan(item.name, item.items, item.compiled, digest.hexdigest())


def _created(plans: Sequence[LayerPlan]) -> str:
    """The time of the newest file of hyperpy: the same files give the same image."""
    own = [entry.content for entry in plans[-1].items if isinstance(entry.content, Path)]
    newest = max(path.stat().st_mtime for path in own)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(newest))


def _system(folder: str) -> Iterator[Item]:
    """The little system around Python: folders, users, certificates, a shell."""
    yield Item("tmp", mode=0o1777)
    yield Item("root", mode=0o700)
    for name in ("var/lib", "var/log", "run", "proc", "sys", "dev", "etc", "bin", "usr/bin", "sbin"):
        yield Item(name, mode=0o755)
    yield Item("etc/passwd", _PASSWD)
    yield Item("etc/group", _GROUP)
    yield Item("etc/nsswitch.conf", b"hosts: files dns\n")
    yield Item("etc/os-release", f'ID=hyperpy\nNAME=hyperpy\nVERSION_ID="{__version__}"\n'.encode())
    certificates = next((path for path in map(Path, _CERTIFICATES) if path.is_file()), None)
    if certificates is not None:
        yield Item("etc/ssl/certs/ca-certificates.crt", certificates)
    yield from _shell()


def _shell() -> Iterator[Item]:
    (program,) = _shell_programs()
    if program.name != "busybox":
        yield Item("bin/sh", program, mode=0o755)
        return
    yield Item("bin/busybox", program, mode=0o755)
    names = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if name != "busybox":
            yield Item(f"bin/{name}", link="busybox")


def _shell_programs() -> list[Path]:
    """busybox where a static one is installed, else the system's sh."""
    found = shutil.which("busybox")
    if found:
        path = Path(os.path.realpath(found))
        if path.name == "busybox" and elf.is_elf(path) and not elf.read(str(path)).needed:
            return [path]
    return [Path(os.path.realpath("/bin/sh"))]


def _interpreter() -> Iterator[Item]:
    program = installation.interpreter()
    major, minor, _ = platform.python_version_tuple()
    yield Item(f"{_PREFIX}/bin/python{major}.{minor}", program, mode=0o755)
    for name in ("python3", "python"):
        yield Item(f"{_PREFIX}/bin/{name}", link=f"python{major}.{minor}")


def _entry_point() -> Iterator[Item]:
    script = "#!/usr/local/bin/python3\nfrom hyperpy.__main__ import main\n\nmain()\n"
    yield Item(f"{_PREFIX}/bin/hyperpy", script.encode(), mode=0o755)


def _placed(sources: Sequence[Source], folder: str) -> Iterator[Item]:
    for source in sources:
        executable = os.access(source.path, os.X_OK)
        yield Item(f"{folder}/{source.relative}", source.path, mode=0o755 if executable else 0o644)


def _is_library(source: Source) -> bool:
    return ".so" in source.path.name and elf.is_elf(source.path)


def _library_folder(found: dict[str, Path]) -> str:
    """Where the C library lies: the loader looks there without any configuration, wherever else it looks."""
    for name, path in found.items():
        if name.startswith(("libc.so", "libc.musl")):
            return str(path.parent).strip("/")
    return "lib"


def _name_service(folder: str) -> dict[str, Path]:
    paths = [Path("/", folder, name) for name in _NAME_SERVICE]
    return {path.name: path for path in paths if path.is_file()}


def _libraries(found: dict[str, Path], folder: str) -> Iterator[Item]:
    loader = elf.read(str(installation.interpreter())).interpreter
    if loader and any(name.startswith("libc.") for name in found):
        yield Item(loader.strip("/"), Path(os.path.realpath(loader)), mode=0o755)
    for name, path in found.items():
        if f"{folder}/{name}" != loader.strip("/") and f"/{name}" != loader:
            yield Item(f"{folder}/{name}", Path(os.path.realpath(path)), mode=0o755)


@contextmanager
def _workspace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hyperpy-image-") as directory:
        yield Path(directory)
