"""hyperpy ctl get: objects as tables, JSON, YAML or names, once or as they change."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Annotated, Any

import typer

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.commands import UserError
from hyperpy.ctl import failures, output, tables
from hyperpy.ctl.resources import Target, shown
from hyperpy.ctl.session import Session
from hyperpy.ctl.tables import TableStyle
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for.

    Args:
        namespace: None means all of them.
        output: the value of `-o`.
    """

    namespace: str | None
    output: str
    selector: str
    field_selector: str
    ignore_not_found: bool
    style: TableStyle

    @property
    def as_table(self) -> bool:
        return self.output in output.TABLES

    def query(self) -> dict[str, str]:
        """The selectors as parameters."""
        pairs = {"labelSelector": self.selector, "fieldSelector": self.field_selector}
        return {name: value for name, value in pairs.items() if value}


@app.command(cls=Verb)
def get(
    ctx: typer.Context,
    resources: Annotated[list[str], typer.Argument(metavar="TYPE [NAME]...", help="Or TYPE/NAME, or TYPE,TYPE.")],
    output_format: Annotated[
        str, typer.Option("-o", "--output", help="wide, json, yaml, name or jsonpath=TEMPLATE.")
    ] = "",
    watch: Annotated[bool, typer.Option("-w", "--watch", help="Go on showing changes.")] = False,
    selector: Annotated[str, typer.Option("-l", "--selector", help="Only objects with these labels.")] = "",
    field_selector: Annotated[str, typer.Option("--field-selector", help="Only objects with these fields.")] = "",
    all_namespaces: Annotated[bool, typer.Option("-A", "--all-namespaces", help="In every namespace.")] = False,
    show_labels: Annotated[bool, typer.Option("--show-labels", help="A column with the labels.")] = False,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="No line of column names.")] = False,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="Say nothing of what is missing.")
    ] = False,
) -> None:
    """Show objects."""
    session: Session = ctx.obj
    output.check(output_format, tables=True)
    targets = session.resources.targets(resources)
    if (selector or field_selector) and any(target.name for target in targets):
        raise UserError("name cannot be provided when a selector is specified")
    options = Options(
        namespace=None if all_namespaces else session.namespace,
        output=output_format,
        selector=selector,
        field_selector=field_selector,
        ignore_not_found=ignore_not_found,
        style=TableStyle(
            wide=output_format == "wide", headers=not no_headers, namespaces=all_namespaces, labels=show_labels
        ),
    )
    if watch:
        _watch(session, targets, options)
    elif options.as_table:
        _print_tables(session, targets, options)
    else:
        _print_objects(session, targets, options)


def _print_tables(session: Session, targets: Sequence[Target], options: Options) -> None:
    groups = [(kind, list(group)) for kind, group in groupby(targets, key=lambda target: target.kind)]
    texts, failed = [], False
    for kind, group in groups:
        style = options.style
        if len(groups) > 1:
            style = _styled(style, prefix=shown(kind, ""))
        lines: list[list[str]] = []
        for target in group:
            try:
                table = _fetch(session, target, options)
            except errors.StatusError as error:
                failed |= _report(error, options)
                continue
            lines += tables.lines_of(table, style)[1 if lines and style.headers else 0 :]
        if len(lines) > (1 if style.headers else 0):
            texts.append(tables.align(lines))
    sys.stdout.write("\n".join(texts))
    if not texts and not failed and not options.ignore_not_found:
        scope = f" in {options.namespace} namespace" if options.namespace and targets[0].kind.namespaced else ""
        print(f"No resources found{scope}.", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _styled(style: TableStyle, *, prefix: str) -> TableStyle:
    return TableStyle(style.wide, style.headers, style.namespaces, style.labels, prefix)


def _report(error: errors.StatusError, options: Options) -> bool:
    """Print an error of one object of several; whether it counts."""
    if isinstance(error, errors.NotFound) and options.ignore_not_found:
        return False
    if not isinstance(error, errors.NotFound):
        raise error
    print(failures.line(error), file=sys.stderr)
    return True


def _fetch(session: Session, target: Target, options: Options) -> Obj:
    """The table of one object or of a collection; made here when the server makes none."""
    answer = session.client.json(
        "GET",
        _path(target, options),
        query=options.query() if target.name is None else None,
        accept=_TABLE,
    )
    if answer.get("kind") == "Table":
        return answer
    from hyperpy.api import printers

    items = answer["items"] if target.name is None else [answer]
    return printers.table(target.kind, items, now=time.time())


def _path(target: Target, options: Options) -> str:
    if target.name is not None and options.namespace is None and target.kind.namespaced:
        raise UserError("a resource cannot be retrieved by name across all namespaces")
    return target.kind.path(namespace=options.namespace, name=target.name)


def _print_objects(session: Session, targets: Sequence[Target], options: Options) -> None:
    found: list[Obj] = []
    failed = False
    for target in targets:
        try:
            found += _objects(session, target, options)
        except errors.StatusError as error:
            failed |= _report(error, options)
    if options.output == "name":
        sys.stdout.write("".join(f"{_name(session, item)}\n" for item in found))
    elif len(targets) == 1 and targets[0].name is not None:
        sys.stdout.write("".join(output.text(item, options.output, name="") for item in found))
    elif found or not failed:
        sys.stdout.write(output.text(output.list_of(found), options.output, name=""))
    if failed:
        raise typer.Exit(1)


def _objects(session: Session, target: Target, options: Options) -> list[Obj]:
    answer = session.client.json("GET", _path(target, options), query=options.query() if target.name is None else None)
    if target.name is not None:
        return [answer]
    kind = target.kind
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in answer.get("items") or ()]


def _name(session: Session, obj: Obj) -> str:
    kind = session.resources.of(obj["apiVersion"], obj["kind"])
    return shown(kind, obj["metadata"]["name"]) if kind else obj["metadata"]["name"]


def _watch(session: Session, targets: Sequence[Target], options: Options) -> None:
    """Print what there is, then every change, until the server or the user ends it."""
    if len(targets) != 1:
        raise UserError("you may only specify a single resource type")
    (target,) = targets
    path = target.kind.path(namespace=options.namespace)
    query = options.query()
    if target.name is not None:
        session.client.json("GET", _path(target, options))
        query["fieldSelector"] = f"metadata.name={target.name}"
    accept = _TABLE if options.as_table else "application/json"
    listed = session.client.json("GET", path, query=query, accept=accept)
    query["resourceVersion"] = (listed.get("metadata") or {}).get("resourceVersion", "")
    events = session.client.watch(path, query=query, accept=accept)
    if options.as_table:
        _print_table_changes(target.kind, listed, events, options)
        return
    changes = (event["object"] for event in events if event["type"] != "BOOKMARK")
    for item in chain(listed.get("items") or (), changes):
        obj = {"apiVersion": target.kind.api_version, "kind": target.kind.kind, **item}
        sys.stdout.write(output.text(obj, options.output, name=shown(target.kind, obj["metadata"]["name"])))
        sys.stdout.flush()


def _print_table_changes(kind: Kind, listed: Obj, events: Iterator[Obj], options: Options) -> None:
    """Lines as they come; columns are as wide as the widest cell so far."""
    if listed.get("kind") != "Table":
        raise UserError(f"the server has no table of {kind.qualified}; watch with -o json")
    widths: list[int] = []
    columns = listed.get("columnDefinitions") or []
    if listed.get("rows"):
        _print_lines(tables.lines_of(listed, options.style), widths)
    headers = options.style.headers and not listed.get("rows")
    for event in events:
        if event["type"] == "BOOKMARK":
            continue
        style = TableStyle(options.style.wide, headers, options.style.namespaces, options.style.labels)
        _print_lines(tables.lines_of(event["object"], style, columns=columns), widths)
        headers = False


def _print_lines(lines: list[list[str]], widths: list[int]) -> None:
    sys.stdout.write(tables.align(lines, widths=widths))
    sys.stdout.flush()
