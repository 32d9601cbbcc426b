"""Objects as `-o` asks for them: JSON, YAML, names, JSONPath."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from hyperpy.commands import UserError

Obj = dict[str, Any]

Flag = Annotated[str, typer.Option("-o", "--output", help="json, yaml, name or jsonpath=TEMPLATE.")]

FORMATS = ("json", "jsonpath", "name", "yaml")
TABLES = ("", "wide")


def check(output: str, *, tables: bool = False) -> None:
    """Refuse a value of `-o` that nothing stands for.

    Args:
        tables: whether a table (`wide`, or no `-o` at all) is possible.
    Raises:
        UserError: it is unknown.
    """
    known = (*FORMATS, "wide") if tables else FORMATS
    if not output or output.partition("=")[0] in known:
        return
    raise UserError(
        f'unable to match a printer suitable for the output format "{output}", allowed formats are: '
        f"{','.join(sorted(known))}"
    )


def text(obj: Obj, output: str, *, name: str) -> str:
    """One object (or a List) as text.

    Args:
        output: a value that `check` has passed.
        name: of the object, for `-o name`.
    """
    kind, _, argument = output.partition("=")
    if kind == "name":
        return f"{name}\n"
    if kind == "jsonpath":
        from hyperpy.api import jsonpath

        try:
            return jsonpath.render(argument, obj)
        except jsonpath.JsonPathError as error:
            raise UserError(str(error)) from error
    shown = without_managed_fields(obj)
    if kind == "json":
        return json.dumps(shown, indent=4, sort_keys=True, ensure_ascii=False) + "\n"
    from hyperpy.api import manifest

    return manifest.dump(shown)


def list_of(items: Sequence[Obj]) -> Obj:
    """Several objects as the List that kubectl prints."""
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": list(items)}


def without_managed_fields(obj: Obj) -> Obj:
    """The object without the bookkeeping of server-side apply, which nobody wants to read."""
    if obj.get("kind", "").endswith("List") and isinstance(obj.get("items"), list):
        return {**obj, "items": [without_managed_fields(item) for item in obj["items"]]}
    meta = obj.get("metadata") or {}
    if "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}
