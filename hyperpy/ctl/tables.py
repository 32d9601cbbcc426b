"""Tables of the API as aligned text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_PADDING = 3
_MIN_WIDTH = 6


@dataclass(frozen=True, slots=True)
class TableStyle:
    """What to show of a table.

    Args:
        wide: columns of lower priority too.
        headers: the line of names.
        namespaces: a first column with each row's namespace.
        labels: a last column with each row's labels.
        prefix: put before each name, `pod/`, where several kinds are printed.
    """

    wide: bool = False
    headers: bool = True
    namespaces: bool = False
    labels: bool = False
    prefix: str = ""


def lines_of(table: dict[str, Any], style: TableStyle, *, columns: Sequence[dict[str, Any]] = ()) -> list[list[str]]:
    """The cells of a table as texts, the header first.

    Args:
        table: a `meta.k8s.io/v1` Table.
        columns: the definitions of an earlier table of the same watch, for one that leaves them out.
    """
    definitions = list(table.get("columnDefinitions") or columns)
    shown = [index for index, column in enumerate(definitions) if style.wide or not column.get("priority")]
    lines = []
    if style.headers:
        header = [definitions[index]["name"].upper() for index in shown]
        lines.append(_framed(header, style, "NAMESPACE", "LABELS"))
    names = {index for index in shown if definitions[index].get("format") == "name"}
    for row in table.get("rows") or ():
        cells = [_text(row["cells"][index], style.prefix if index in names else "") for index in shown]
        meta = (row.get("object") or {}).get("metadata") or {}
        lines.append(_framed(cells, style, meta.get("namespace") or "", _labels(meta)))
    return lines


def align(lines: Sequence[Sequence[str]], *, widths: list[int] | None = None) -> str:
    """Lines of cells as text in columns, as kubectl lays them out.

    Args:
        lines: all of one length.
        widths: of the columns so far; they are widened in place, so that later lines stand under earlier ones.
    """
    if not lines:
        return ""
    widths = widths if widths is not None else []
    last = len(lines[0]) - 1
    widths += [_MIN_WIDTH] * (last - len(widths))
    for index in range(last):
        widths[index] = max(widths[index], *(len(line[index]) + _PADDING for line in lines))
    texts = []
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        texts.append("".join([*cells[:last], line[last]]).rstrip())
    return "\n".join(texts) + "\n"


def _framed(cells: list[str], style: TableStyle, namespace: str, labels: str) -> list[str]:
    return [*([namespace] if style.namespaces else []), *cells, *([labels] if style.labels else [])]


def _text(cell: Any, prefix: str) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = "<none>" if cell is None else str(cell)
    return prefix + text.replace("\n", "\\n")


def _labels(meta: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((meta.get("labels") or {}).items())) or "<none>"
