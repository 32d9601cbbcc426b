"""hyperpy ctl delete: delete objects by name, by label or as files describe them, and wait until they are gone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import DeleteOptions
from hyperpy.commands import UserError
from hyperpy.ctl import manifests
from hyperpy.ctl.each import each
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_CASCADES = {"background": "Background", "foreground": "Foreground", "orphan": "Orphan"}


@dataclass(frozen=True, slots=True)
class Doomed:
    """One object to delete."""

    kind: Kind
    namespace: str | None
    name: str


@app.command(cls=Verb)
def delete(
    ctx: typer.Context,
    resources: Annotated[list[str] | None, typer.Argument(metavar="[TYPE [NAME]...]", help="Or TYPE/NAME.")] = None,
    files: Annotated[list[str] | None, typer.Option("-f", "--filename", help="What these files describe.")] = None,
    recursive: manifests.Recursive = False,
    selector: Annotated[str, typer.Option("-l", "--selector", help="All with these labels.")] = "",
    field_selector: Annotated[str, typer.Option("--field-selector", help="All with these fields.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All of the type.")] = False,
    all_namespaces: Annotated[bool, typer.Option("-A", "--all-namespaces", help="In every namespace.")] = False,
    grace_period: Annotated[int, typer.Option("--grace-period", help="Seconds to end; -1: as the object says.")] = -1,
    now: Annotated[bool, typer.Option("--now", help="The same as --grace-period=1.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do not wait until containers have ended.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until they are gone.")] = True,
    cascade: Annotated[
        str, typer.Option("--cascade", help="What becomes of dependents: background, foreground or orphan.")
    ] = "background",
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="Say nothing of what is missing.")
    ] = False,
) -> None:
    """Delete objects."""
    session: Session = ctx.obj
    if cascade not in _CASCADES:
        raise UserError(f'Invalid cascade value ({cascade}). Must be "background", "foreground", or "orphan".')
    options = DeleteOptions(grace_s=_grace(grace_period, now=now, force=force), propagation=_CASCADES[cascade])
    namespace = None if all_namespaces else session.namespace
    if files:
        doomed = _of_files(session, files, recursive=recursive)
    elif selector or field_selector or everything:
        doomed = _selected(session, resources or [], namespace, selector=selector, field_selector=field_selector)
    else:
        doomed = _named(session, resources or [])
    waiting: list[tuple[Doomed, str]] = []

    def one(victim: Doomed) -> None:
        try:
            answer = session.client.delete(victim.kind, victim.name, namespace=victim.namespace, options=options)
        except errors.NotFound:
            if not ignore_not_found:
                raise
            return
        group = f".{victim.kind.group}" if victim.kind.group else ""
        print(f'{victim.kind.singular}{group} "{victim.name}"{" force" if force else ""} deleted', flush=True)
        waiting.append((victim, _uid(answer)))

    try:
        each(doomed, one)
    finally:
        for victim, uid in waiting if wait and not force else ():
            _wait(session, victim, uid)
    if not doomed:
        print("No resources found", file=sys.stderr)


def _grace(seconds: int, *, now: bool, force: bool) -> int | None:
    """The grace period to ask for; 0 without `--force` would leave containers running unseen, so it is 1."""
    if now and seconds >= 0:
        raise UserError("--now and --grace-period cannot be specified together")
    if force:
        if seconds > 0:
            raise UserError("--force and --grace-period greater than 0 cannot be specified together")
        print(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. "
            "The resource may continue to run on the cluster indefinitely.",
            file=sys.stderr,
        )
        return 0
    if now or seconds == 0:
        return 1
    return seconds if seconds > 0 else None


def _of_files(session: Session, files: Sequence[str], *, recursive: bool) -> list[Doomed]:
    placed = [manifests.place(session, document) for document in manifests.read(files, recursive=recursive)]
    return [Doomed(item.kind, item.namespace, item.name) for item in placed]


def _named(session: Session, words: Sequence[str]) -> list[Doomed]:
    doomed = []
    for target in session.resources.targets(words):
        if target.name is None:
            raise UserError("resource(s) were provided, but no name was specified")
        doomed.append(Doomed(target.kind, session.namespace if target.kind.namespaced else None, target.name))
    return doomed


def _selected(
    session: Session, words: Sequence[str], namespace: str | None, *, selector: str, field_selector: str
) -> list[Doomed]:
    doomed = []
    for target in session.resources.targets(words):
        if target.name is not None:
            raise UserError("name cannot be provided when a selector or --all is specified")
        found = session.client.list(
            target.kind, namespace=namespace, label_selector=selector, field_selector=field_selector
        )
        places = ((item["metadata"].get("namespace"), item["metadata"]["name"]) for item in found)
        doomed += [Doomed(target.kind, place, name) for place, name in places]
    return doomed


def _uid(answer: dict[str, Any]) -> str:
    """The uid of what was deleted, from the object or the Status that the server answered with."""
    holder = answer.get("details") or {} if answer.get("kind") == "Status" else answer.get("metadata") or {}
    return str(holder.get("uid") or "")


def _wait(session: Session, victim: Doomed, uid: str) -> None:
    """Until the object is gone, or another one has its name."""
    path = victim.kind.path(namespace=victim.namespace)
    while True:
        try:
            meta = session.client.get(victim.kind, victim.name, namespace=victim.namespace)["metadata"]
        except errors.NotFound:
            return
        if uid and meta["uid"] != uid:
            return
        query = {"fieldSelector": f"metadata.name={victim.name}", "resourceVersion": meta["resourceVersion"]}
        try:
            for event in session.client.watch(path, query=query):
                if event["type"] == "DELETED":
                    return
        except errors.Gone:
            continue
