"""One line a figure: what was measured, its goal and whether it is met, and what it stands beside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure shall be: at most `value`, or at least."""

    value: float
    at_least: bool = False

    def met(self, figure: float) -> bool:
        """Whether it is."""
        return figure >= self.value if self.at_least else figure <= self.value


def row(what: str, value: float, unit: str, goal: Goal | None = None, *, beside: str = "") -> None:
    """Print one figure."""
    target = ""
    if goal is not None:
        bound = ">=" if goal.at_least else "<="
        target = f"goal {bound} {goal.value:g}: {'met' if goal.met(value) else 'MISSED'}"
    print(f"{what:66} {value:9.2f} {unit:7} {target:24} {beside}".rstrip(), flush=True)
