"""A page of fields and tables, laid out in columns. Pure.

Neighbouring lines share the widths of their columns; a line without a value ends that (Go's elastic tab stops).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

NONE = "<none>"
_GAP = 2


class Page:
    """Lines under way. Levels indent by two spaces each."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, ...]] = []

    def field(self, name: str, value: object, *, level: int = 0) -> None:
        """`Name:  value`."""
        self._lines.append((f"{'  ' * level}{name}:", str(value)))

    def optional(self, name: str, value: object, *, level: int = 0) -> None:
        """A field that is left out when it is empty."""
        if value not in (None, "", 0, [], {}):
            self.field(name, value, level=level)

    def heading(self, text: str, *, level: int = 0) -> None:
        """A line of its own."""
        self._lines.append((f"{'  ' * level}{text}",))

    def listed(self, name: str, values: Iterable[str], *, level: int = 0) -> None:
        """A field of several lines; `<none>` when there are none."""
        first, *rest = list(values) or [NONE]
        self.field(name, first, level=level)
        self._lines += [("", value) for value in rest]

    def mapping(self, name: str, values: Mapping[str, object] | None, *, level: int = 0, separator: str = "=") -> None:
        """Labels and the like, in order, one a line."""
        self.listed(name, [f"{key}{separator}{value}" for key, value in sorted((values or {}).items())], level=level)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]], *, level: int = 1) -> None:
        """A table with its underlined headers."""
        indent = "  " * level
        lines: list[Sequence[object]] = [headers, ["-" * len(header) for header in headers], *rows]
        self._lines += [(f"{indent}{first}", *map(str, rest)) for first, *rest in lines]

    def rows(self, rows: Iterable[Sequence[object]], *, level: int = 1) -> None:
        """Lines of cells without headers."""
        self._lines += [(f"{'  ' * level}{first}", *map(str, rest)) for first, *rest in rows]

    def text(self) -> str:
        """The page."""
        return "".join("".join(cells).rstrip() + "\n" for cells in aligned(self._lines))


def aligned(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """The lines with every cell but the last padded to its column."""
    result = [list(line) for line in lines]
    for column in range(max(map(len, result), default=0) - 1):
        start = 0
        while start < len(result):
            end = start
            while end < len(result) and len(result[end]) > column + 1:
                end += 1
            width = max((len(line[column]) for line in result[start:end]), default=0) + _GAP
            for line in result[start:end]:
                line[column] = line[column].ljust(width)
            start = end + 1
    return result
