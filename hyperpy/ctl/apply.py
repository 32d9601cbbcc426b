"""hyperpy ctl apply: make objects what files say, and forget what they no longer say: here, or on the server."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer

from hyperpy.api import errors, kinds, patch
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import MERGE_PATCH, STRATEGIC_PATCH
from hyperpy.commands import UserError
from hyperpy.ctl import dry_run, manifests, output, server_side
from hyperpy.ctl.create import create_one, tell
from hyperpy.ctl.dry_run import DryRun
from hyperpy.ctl.each import each
from hyperpy.ctl.manifests import Document, Placed
from hyperpy.ctl.resources import shown
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
#: A controller may write between our read and our patch; kubectl tries as often.
_TRIES = 5
Obj = dict[str, Any]


@app.command(cls=Verb)
def apply(
    ctx: typer.Context,
    files: manifests.Files,
    recursive: manifests.Recursive = False,
    dry_run_mode: dry_run.Flag = "none",
    output_format: output.Flag = "",
    on_server: server_side.Flag = False,
    force: server_side.Force = False,
    manager: server_side.Manager = "",
) -> None:
    """Create objects, or change them to what the files say."""
    session: Session = ctx.obj
    mode = DryRun.parse(dry_run_mode)
    options = server_side.Options(on_server, force, manager)
    options.check(mode)
    output.check(output_format)

    def one(document: Document) -> None:
        placed = manifests.place(session, document)
        if not placed.name:
            raise UserError(f"{placed.source}: cannot use generate name with apply; name the object")
        if options.server_side:
            obj, done = server_side.apply(session, placed, options, mode), "serverside-applied"
        else:
            obj, done = _apply(session, remembering(placed), options, mode)
        tell(placed, obj, f"{done}{mode}", output_format)

    documents = manifests.read(files, recursive=recursive)
    each(documents, one, doing=lambda document: f'error when applying "{document.source}"')


def remembering(placed: Placed) -> Placed:
    """The object with its own manifest in an annotation, from which a later apply learns what was taken out."""
    meta = placed.obj.get("metadata") or {}
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key != LAST_APPLIED}
    bare = {**placed.obj, "metadata": {**meta, "annotations": annotations}}
    text = json.dumps(bare, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    obj = {**bare, "metadata": {**meta, "annotations": {**annotations, LAST_APPLIED: text}}}
    return Placed(placed.kind, placed.namespace, placed.name, obj, placed.source)


def _apply(session: Session, placed: Placed, options: server_side.Options, mode: DryRun) -> tuple[Obj, str]:
    """The object after it, and the word for what was done."""
    for attempt in range(_TRIES):
        try:
            live = session.client.get(placed.kind, placed.name, namespace=placed.namespace)
        except errors.NotFound:
            return create_one(session, placed, mode, manager=options.query["fieldManager"]), "created"
        try:
            return _change(session, placed, live, options, mode)
        except errors.Conflict:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("the loop above returns or raises")


def _change(session: Session, placed: Placed, live: Obj, options: server_side.Options, mode: DryRun) -> tuple[Obj, str]:
    node = _schema(placed.kind)
    try:
        difference = patch.three_way(_applied_before(placed, live), placed.obj, live, node)
    except patch.PatchError as error:
        raise UserError(f"{placed.source}: {error}") from error
    if not difference:
        return live, "unchanged"
    if mode is DryRun.CLIENT:
        apply_patch = patch.strategic_merge(live, difference, node) if node else patch.merge_patch(live, difference)
        return apply_patch, "configured"
    changed = session.client.patch(
        placed.kind,
        placed.name,
        difference,
        namespace=placed.namespace,
        patch_type=STRATEGIC_PATCH if node is not None else MERGE_PATCH,
        query={**mode.query(strict=True), **options.query},
    )
    return changed, "configured"


def _applied_before(placed: Placed, live: Obj) -> Obj:
    """The manifest as it was applied last; nothing when the object was made in another way."""
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if text is None:
        print(
            f"Warning: resource {placed.kind.plural}/{placed.name} is missing the {LAST_APPLIED} annotation which is "
            "required by hyperpy ctl apply. The missing annotation will be patched automatically.",
            file=sys.stderr,
        )
        return {}
    try:
        before = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{shown(placed.kind, placed.name)}: its annotation {LAST_APPLIED} is no JSON") from error
    return before if isinstance(before, dict) else {}


def _schema(kind: Kind) -> Any:
    """The tree of a built-in kind's fields; None for a custom one, whose patches are merge patches."""
    if kind not in kinds.BUILT_IN:
        return None
    from hyperpy.api import schema

    return schema.of(kind).root
