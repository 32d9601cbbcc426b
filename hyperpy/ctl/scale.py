"""hyperpy ctl scale: set how many pods a Deployment, ReplicaSet or ReplicationController keeps."""

from __future__ import annotations

from typing import Annotated

import typer

from hyperpy.api.kinds import Kind
from hyperpy.commands import UserError
from hyperpy.ctl import manifests
from hyperpy.ctl.each import each
from hyperpy.ctl.resources import shown
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Scaled = tuple[Kind, str | None, str]


@app.command(cls=Verb)
def scale(
    ctx: typer.Context,
    replicas: Annotated[int, typer.Option("--replicas", help="How many there should be.")],
    resources: Annotated[list[str] | None, typer.Argument(metavar="[TYPE NAME...]", help="Or TYPE/NAME.")] = None,
    files: Annotated[list[str] | None, typer.Option("-f", "--filename", help="What these files describe.")] = None,
    current: Annotated[int, typer.Option("--current-replicas", help="Only if there are so many now.")] = -1,
) -> None:
    """Set how many pods there should be."""
    session: Session = ctx.obj
    if replicas < 0:
        raise UserError(f"The --replicas={replicas} flag is invalid: it must be 0 or more")
    each(_targets(session, resources or [], files or []), lambda item: _scale(session, item, replicas, current))


def _targets(session: Session, words: list[str], files: list[str]) -> list[Scaled]:
    if files:
        placed = [manifests.place(session, document) for document in manifests.read(files)]
        return [(item.kind, item.namespace, item.name) for item in placed]
    found: list[Scaled] = []
    for target in session.resources.targets(words):
        if target.name is None:
            raise UserError("resource(s) were provided, but no name was specified")
        found.append((target.kind, session.namespace, target.name))
    return found


def _scale(session: Session, item: Scaled, replicas: int, current: int) -> None:
    kind, namespace, name = item
    if "scale" not in kind.subresources:
        raise UserError(f"{shown(kind, name)}: the server has no scale of {kind.qualified}")
    patch: dict[str, object] = {"spec": {"replicas": replicas}}
    if current >= 0:
        live = session.client.get(kind, name, namespace=namespace, subresource="scale")
        actual = live["spec"].get("replicas", 0)
        if actual != current:
            raise UserError(f"Expected replicas to be {current}, was {actual}")
        patch["metadata"] = {"resourceVersion": live["metadata"]["resourceVersion"]}
    session.client.patch(kind, name, patch, namespace=namespace, subresource="scale")
    print(f"{shown(kind, name)} scaled")
