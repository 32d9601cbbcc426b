"""One table of figures: what was measured, ours beside theirs, the goal and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A line of the table. `met` None: there is no goal, or this run was too small to tell."""

    what: str
    ours: str
    theirs: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


class Table:
    """Tells each figure when it is known, and all of them at the end."""

    def __init__(self) -> None:
        self._figures: list[Figure] = []

    def add(self, figure: Figure) -> None:
        """Take in a figure."""
        self._figures.append(figure)
        print(f"  {figure.what}: {figure.ours} {figure.theirs and f'(etcd {figure.theirs})'}", flush=True)

    def show(self) -> None:
        """Print the table."""
        rows = [("figure", "hyperpy", "etcd", "ratio", "goal", "")]
        for figure in self._figures:
            ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
            verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
            rows.append((figure.what, figure.ours, figure.theirs, ratio, figure.goal, verdict))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        print()
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
