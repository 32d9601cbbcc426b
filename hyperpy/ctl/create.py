"""hyperpy ctl create: make the objects that files describe."""

from __future__ import annotations

import sys
from typing import Any

import typer

from hyperpy.ctl import dry_run, manifests, output
from hyperpy.ctl.dry_run import DryRun
from hyperpy.ctl.each import each
from hyperpy.ctl.manifests import Document, Placed
from hyperpy.ctl.resources import shown
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Verb)
def create(
    ctx: typer.Context,
    files: manifests.Files,
    recursive: manifests.Recursive = False,
    dry_run_mode: dry_run.Flag = "none",
    output_format: output.Flag = "",
) -> None:
    """Create objects; one that exists already is an error."""
    session: Session = ctx.obj
    mode = DryRun.parse(dry_run_mode)
    output.check(output_format)

    def one(document: Document) -> None:
        placed = manifests.place(session, document)
        made = create_one(session, placed, mode)
        tell(placed, made, f"created{mode}", output_format)

    documents = manifests.read(files, recursive=recursive)
    each(documents, one, doing=lambda document: f'error when creating "{document.source}"')


def create_one(session: Session, placed: Placed, mode: DryRun, *, manager: str = "kubectl-create") -> dict[str, Any]:
    """Create an object and return it as the server made it."""
    if mode is DryRun.CLIENT:
        return placed.obj
    query = {**mode.query(strict=True), "fieldManager": manager}
    return session.client.create(placed.kind, placed.obj, namespace=placed.namespace, query=query)


def tell(placed: Placed, obj: dict[str, Any], done: str, output_format: str) -> None:
    """Print what became of an object, or the object itself."""
    name = shown(placed.kind, obj["metadata"].get("name") or placed.name)
    sys.stdout.write(output.text(obj, output_format, name=name) if output_format else f"{name} {done}\n")
