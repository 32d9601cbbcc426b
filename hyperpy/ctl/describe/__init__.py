"""hyperpy ctl describe: everything about an object on one page, with its events."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hyperpy.api import errors
from hyperpy.commands import UserError
from hyperpy.ctl.describe.registry import describer
from hyperpy.ctl.describe.surroundings import Surroundings
from hyperpy.ctl.each import each
from hyperpy.ctl.resources import Target
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Found = tuple[Target, dict[str, Any]]


@app.command(cls=Verb)
def describe(
    ctx: typer.Context,
    resources: Annotated[list[str], typer.Argument(metavar="TYPE [NAME]...", help="Or TYPE/NAME; a name may be cut.")],
    selector: Annotated[str, typer.Option("-l", "--selector", help="Only objects with these labels.")] = "",
    all_namespaces: Annotated[bool, typer.Option("-A", "--all-namespaces", help="In every namespace.")] = False,
) -> None:
    """Show objects in detail."""
    session: Session = ctx.obj
    targets = session.resources.targets(resources)
    if selector and any(target.name for target in targets):
        raise UserError("name cannot be provided when a selector is specified")
    namespace = None if all_namespaces else session.namespace
    pages: list[str] = []

    def one(target: Target) -> None:
        for obj in _find(session, target, namespace, selector):
            surroundings = Surroundings(session.client, target.kind, obj)
            pages.append(describer(target.kind)(obj, surroundings).text())

    try:
        each(targets, one)
    finally:
        print("\n\n".join(pages), end="")
    if not pages:
        raise UserError(f"no resources found in {namespace} namespace" if namespace else "no resources found")


def _find(session: Session, target: Target, namespace: str | None, selector: str) -> list[dict[str, Any]]:
    """The object of that name, those whose names begin so, or all that are selected."""
    if target.name is None:
        return session.client.list(target.kind, namespace=namespace, label_selector=selector)
    try:
        return [session.client.get(target.kind, target.name, namespace=namespace)]
    except errors.NotFound:
        found = session.client.list(target.kind, namespace=namespace)
        similar = [obj for obj in found if obj["metadata"]["name"].startswith(target.name)]
        if not similar:
            raise
        return similar
