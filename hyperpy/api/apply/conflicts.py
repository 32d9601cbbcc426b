"""Conflicts: fields that an apply would change and others own. The texts are the ones kubectl's users know."""

from __future__ import annotations

from collections.abc import Iterator

from hyperpy.api import errors
from hyperpy.api.apply import fieldset
from hyperpy.api.apply.fieldset import Fields
from hyperpy.api.apply.managers import Manager


class Conflicts(Exception):
    """An apply without `force` meets other owners.

    Args:
        owned: the fields in question by the manager who owns them.
    """

    def __init__(self, owned: dict[Manager, Fields]) -> None:
        super().__init__(f"conflicts with {len(owned)} managers")
        self.owned = owned

    def beyond(self, allowed: Fields) -> Conflicts | None:
        """The conflicts about other fields than these; None when there are none."""
        rest = {manager: fieldset.difference(fields, allowed) for manager, fields in self.owned.items()}
        rest = {manager: fields for manager, fields in rest.items() if fields}
        return Conflicts(rest) if rest else None

    def error(self) -> errors.Conflict:
        """The 409 for a client, one cause a field."""
        found = list(self._each())
        causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
            for manager, path in found
        ]
        return errors.Conflict(self._message(found), details={"causes": causes})

    def _each(self) -> Iterator[tuple[Manager, str]]:
        for manager, fields in sorted(self.owned.items(), key=lambda item: str(item[0])):
            for path in fieldset.paths(fields):
                yield manager, fieldset.text(path)

    def _message(self, found: list[tuple[Manager, str]]) -> str:
        if len(found) == 1:
            manager, path = found[0]
            return f"Apply failed with 1 conflict: conflict with {manager}: {path}"
        lines: list[str] = []
        for manager in dict.fromkeys(manager for manager, _ in found):
            lines.append(f"conflicts with {manager}:")
            lines += [f"- {path}" for other, path in found if other == manager]
        listed = "\n".join(lines)
        return f"Apply failed with {len(found)} conflicts: {listed}"
