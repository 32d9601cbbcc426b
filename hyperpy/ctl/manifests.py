"""The objects that `-f` names: files, folders, standard input; several documents and Lists in each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from hyperpy.api import manifest
from hyperpy.api.kinds import Kind
from hyperpy.commands import UserError
from hyperpy.ctl.resources import Target
from hyperpy.ctl.session import Session

Obj = dict[str, Any]

Files = Annotated[list[str], typer.Option("-f", "--filename", help="A file, a folder, or - for standard input.")]
Recursive = Annotated[bool, typer.Option("-R", "--recursive", help="Folders in folders too.")]

_SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Document:
    """One object and where it stands."""

    obj: Obj
    source: str


@dataclass(frozen=True, slots=True)
class Placed:
    """One object with its place in the API; `namespace` is None where the kind has none."""

    kind: Kind
    namespace: str | None
    name: str
    obj: Obj
    source: str

    @property
    def target(self) -> Target:
        return Target(self.kind, self.name)


def read(sources: Sequence[str], *, recursive: bool = False) -> list[Document]:
    """Every object of the sources, in order.

    Raises:
        UserError: a path is missing, a document does not parse or is no object, or there is none at all.
    """
    documents = [document for source in sources for document in _read(source, recursive)]
    if not documents:
        raise UserError(f"no objects found in {', '.join(sources)}")
    return documents


def place(session: Session, document: Document) -> Placed:
    """Where an object belongs.

    Raises:
        UserError: its kind is unknown to the server, or `-n` contradicts it.
    """
    obj, source = document.obj, document.source
    meta = obj.get("metadata") or {}
    name = meta.get("name") or ""
    kind = session.resources.of(obj["apiVersion"], obj["kind"])
    if kind is None:
        raise UserError(
            f'resource mapping not found for name: "{name}" namespace: "{meta.get("namespace", "")}" from "{source}": '
            f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"\nensure CRDs are installed first'
        )
    if not kind.namespaced:
        return Placed(kind, None, name, obj, source)
    own, asked = meta.get("namespace"), session.flags.namespace
    if own and asked and own != asked:
        raise UserError(
            f'the namespace from the provided object "{own}" does not match the namespace "{asked}". '
            f"You must pass '--namespace={own}' to perform this operation."
        )
    namespace = own or session.namespace
    placed = {**obj, "metadata": {**meta, "namespace": namespace}}
    return Placed(kind, namespace, name, placed, source)


def _read(source: str, recursive: bool) -> Iterator[Document]:
    if source == "-":
        yield from _documents(sys.stdin.buffer.read(), "STDIN")
        return
    if source.startswith(("http://", "https://")):
        raise UserError(f"{source}: manifests are not fetched from URLs; download it and pipe it into -f -")
    path = Path(source)
    if not path.exists():
        raise UserError(f'the path "{source}" does not exist')
    for file in _files(path, recursive) if path.is_dir() else [path]:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}") from error
        yield from _documents(data, str(file))


def _files(folder: Path, recursive: bool) -> list[Path]:
    found = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(path for path in found if path.suffix in _SUFFIXES and path.is_file())


def _documents(data: bytes, source: str) -> Iterator[Document]:
    try:
        parsed = manifest.load_all(data)
    except manifest.ManifestError as error:
        raise UserError(f"error parsing {source}: {error}") from error
    for value in parsed:
        yield from _objects(value, source)


def _objects(value: Any, source: str) -> Iterator[Document]:
    if not isinstance(value, dict):
        raise UserError(f"error parsing {source}: a document must be an object, not {type(value).__name__}")
    for field in ("apiVersion", "kind"):
        if not isinstance(value.get(field), str) or not value[field]:
            raise UserError(f'error validating "{source}": error validating data: {field} not set')
    if value["kind"].endswith("List") and isinstance(value.get("items"), list):
        for item in value["items"]:
            yield from _objects(item, source)
        return
    if not isinstance(value.get("metadata", {}), dict):
        raise UserError(f'error validating "{source}": error validating data: metadata must be an object')
    yield Document(value, source)
