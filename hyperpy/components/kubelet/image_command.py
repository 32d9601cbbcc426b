"""hyperpy image: build hyperpy's own image, and load, pull, list and remove images of a node's container runtime."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hyperpy.commands import UserError

if TYPE_CHECKING:
    from hyperpy.runtime.protocol import Images

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, help="Build, load, pull, list and remove images of the node."
)

T = TypeVar("T")

_RUNTIMES = ("auto", "docker", "remote", "embedded")
Runtime = Annotated[
    str,
    typer.Option(
        "--container-runtime", help="Whose images: auto (the first that answers), docker, remote (a CRI), embedded."
    ),
]
Endpoint = Annotated[str, typer.Option("--container-runtime-endpoint", help="The socket of Docker or of the CRI.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Whose embedded runtime [default: $HYPERPY_DATA_DIR or the system's].")
]


@app.command()
def build(
    output: Annotated[
        Path | None, typer.Option("--output", help="Write an archive to this file; nothing is loaded then.")
    ] = None,
    container_runtime: Runtime = "auto",
    container_runtime_endpoint: Endpoint = "",
    data_dir: DataDir = None,
) -> None:
    """Make an image of this hyperpy, with its Python and its libraries, and load it into the runtime."""
    from hyperpy.components.kubelet import own_image
    from hyperpy.runtime.images import selfimage

    if output is not None:
        built = _translated(lambda: selfimage.write_archive(output))
        print(f"wrote {output}: {', '.join(selfimage.REFERENCES)} ({_sizes(built.made)})")
        return

    async def work(images: Images) -> None:
        made = await own_image.ensure(images, _data(data_dir) / "runtime")
        name = selfimage.REFERENCES[0]
        print(f"built {name}: {_sizes(made)}" if made else f"{name} is up to date")

    _with_images(work, container_runtime, container_runtime_endpoint, data_dir)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="What `docker save` wrote, or an OCI archive; plain or gzip.")],
    container_runtime: Runtime = "auto",
    container_runtime_endpoint: Endpoint = "",
    data_dir: DataDir = None,
) -> None:
    """Load the images of an archive."""

    async def work(images: Images) -> None:
        for name in await images.load(str(file)):
            print(f"loaded {name}")

    _with_images(work, container_runtime, container_runtime_endpoint, data_dir)


@app.command()
def pull(
    reference: Annotated[str, typer.Argument(help="Such as nginx or registry.example/team/app:1.0.")],
    container_runtime: Runtime = "auto",
    container_runtime_endpoint: Endpoint = "",
    data_dir: DataDir = None,
) -> None:
    """Pull an image from its registry."""

    async def work(images: Images) -> None:
        print(f"pulled {reference}: {await images.pull(reference)}")

    _with_images(work, container_runtime, container_runtime_endpoint, data_dir)


@app.command("list")
def list_images(
    container_runtime: Runtime = "auto",
    container_runtime_endpoint: Endpoint = "",
    data_dir: DataDir = None,
) -> None:
    """List the images."""

    async def work(images: Images) -> None:
        rows = [("IMAGE", "ID", "SIZE")]
        for image in await images.list():
            for tag in image.tags or ("<none>",):
                rows.append((tag, image.id.removeprefix("sha256:")[:12], _megabytes(image.size_bytes)))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            print("   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    _with_images(work, container_runtime, container_runtime_endpoint, data_dir)


@app.command()
def remove(
    reference: Annotated[str, typer.Argument(help="A name, or the start of an id.")],
    container_runtime: Runtime = "auto",
    container_runtime_endpoint: Endpoint = "",
    data_dir: DataDir = None,
) -> None:
    """Remove an image, or one of its names."""

    async def work(images: Images) -> None:
        if await images.find(reference) is None:
            raise UserError(f"no image {reference}; see `hyperpy image list`")
        await images.remove(reference)
        print(f"removed {reference}")

    _with_images(work, container_runtime, container_runtime_endpoint, data_dir)


def _with_images(work: Callable[[Images], Awaitable[None]], runtime: str, endpoint: str, data_dir: Path | None) -> None:
    async def main() -> None:
        async with _images(runtime, endpoint, _data(data_dir)) as images:
            await work(images)

    _translated(lambda: asyncio.run(main()))


@asynccontextmanager
async def _images(runtime: str, endpoint: str, data: Path) -> AsyncIterator[Images]:
    """The images of a runtime, without becoming a second kubelet beside one that may run."""
    from hyperpy.runtime.select import first_that_answers, select

    if runtime not in _RUNTIMES:
        raise UserError(f"--container-runtime={runtime}: use one of {', '.join(_RUNTIMES)}")
    if runtime == "auto":
        runtime = first_that_answers(endpoint)
    if runtime != "embedded":
        # A directory of its own makes a scope of its own, in which there are no pods.
        shared = select(runtime, endpoint=endpoint, root_dir=data / "image-command")
        try:
            await shared.start()
            yield shared.images
        finally:
            await shared.aclose()
        return
    from hyperpy.runtime.images.local import LocalImages
    from hyperpy.runtime.images.store import ImageStore

    store = ImageStore(data / "runtime" / "images")
    store.prepare()
    yield LocalImages(store)


def _translated(work: Callable[[], T]) -> T:
    """Run, with failures that the user can mend as `UserError`."""
    from hyperpy.runtime.protocol import RuntimeFailure

    try:
        return work()
    except RuntimeFailure as error:
        raise UserError(str(error)) from error
    except PermissionError as error:
        raise UserError(f"no permission for {error.filename}; run as root, or choose another --data-dir") from error
    except OSError as error:
        raise UserError(f"{error.strerror}: {error.filename}" if error.filename else str(error)) from error


def _data(data_dir: Path | None) -> Path:
    from hyperpy.client import kubeconfig

    return (data_dir or kubeconfig.data_dir()).absolute()


def _sizes(made: dict[str, int]) -> str:
    return ", ".join(f"{name} {_megabytes(size)}" for name, size in made.items())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
