"""hyperpy ctl label: set labels (`tier=front`) and remove them (`tier-`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from hyperpy.api.kinds import Kind
from hyperpy.commands import UserError
from hyperpy.ctl.each import each
from hyperpy.ctl.pairs import check_label
from hyperpy.ctl.resources import shown
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One object and the labels it carries."""

    kind: Kind
    namespace: str | None
    name: str
    labels: dict[str, str]


@app.command(cls=Verb)
def label(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="TYPE [NAME...] KEY=VALUE|KEY-...", help="Or TYPE/NAME.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Change labels that are there.")] = False,
    selector: Annotated[str, typer.Option("-l", "--selector", help="All with these labels.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All of the type.")] = False,
    all_namespaces: Annotated[bool, typer.Option("-A", "--all-namespaces", help="In every namespace.")] = False,
) -> None:
    """Set and remove labels."""
    session: Session = ctx.obj
    resources, changes = split(words)
    if not changes:
        raise UserError("at least one label update is required, KEY=VALUE or KEY-")
    namespace = None if all_namespaces else session.namespace
    found = _objects(session, resources, namespace, selector=selector, everything=everything)
    each(found, lambda item: _change(session, item, changes, overwrite=overwrite))


def split(words: Sequence[str]) -> tuple[list[str], dict[str, str | None]]:
    """Resources and changes of a command line; None removes a label.

    Raises:
        UserError: a change is no label, or contradicts another.
    """
    resources: list[str] = []
    changes: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        removal = not equals and word.endswith("-")
        if not equals and not removal:
            if changes:
                raise UserError(f"all resources must be specified before label changes: {word}")
            resources.append(word)
            continue
        key = word.removesuffix("-") if removal else key
        if key in changes:
            raise UserError(f'can not both modify and remove a label, or change it twice: "{key}"')
        check_label(key, value)
        changes[key] = None if removal else value
    return resources, changes


def _objects(
    session: Session, words: Sequence[str], namespace: str | None, *, selector: str, everything: bool
) -> list[Labelled]:
    found: list[Labelled] = []
    for target in session.resources.targets(words):
        kind = target.kind
        if target.name is None and not selector and not everything:
            raise UserError("resource(s) were provided, but no name, label selector, or --all flag specified")
        if target.name is not None:
            objects = [session.client.get(kind, target.name, namespace=namespace)]
        else:
            objects = session.client.list(kind, namespace=namespace, label_selector=selector)
        metas = [obj["metadata"] for obj in objects]
        found += [Labelled(kind, meta.get("namespace"), meta["name"], meta.get("labels") or {}) for meta in metas]
    return found


def _change(session: Session, item: Labelled, changes: dict[str, str | None], *, overwrite: bool) -> None:
    for key, value in changes.items():
        old = item.labels.get(key)
        if old is not None and value is not None and old != value and not overwrite:
            raise UserError(f"'{key}' already has a value ({old}), and --overwrite is false")
    wanted = {key: value for key, value in changes.items() if item.labels.get(key) != value}
    done = "not labeled"
    if wanted:
        patch = {"metadata": {"labels": wanted}}
        session.client.patch(item.kind, item.name, patch, namespace=item.namespace)
        done = "unlabeled" if all(value is None for value in wanted.values()) else "labeled"
    print(f"{shown(item.kind, item.name)} {done}")
