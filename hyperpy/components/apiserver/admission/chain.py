"""The admission chain: plugins in order, each one asked about every write.

request ─▶ defaults ─▶ chain (this) ─▶ strategy ─▶ validation ─▶ store
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hyperpy.api.kinds import Kind
from hyperpy.api.wire import UserInfo

Obj = dict[str, Any]

CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is about to happen.

    Args:
        obj: the new object, which plugins may change in place; None for DELETE.
        old: the object that is there; None for CREATE.
    """

    operation: str
    kind: Kind
    namespace: str | None
    name: str
    subresource: str
    user: UserInfo | None
    obj: Obj | None = None
    old: Obj | None = None
    dry_run: bool = False

    @property
    def writes_pod(self) -> bool:
        """Whether a Pod itself (no subresource of it) is created or updated."""
        is_pod = self.kind.plural == "pods" and not self.kind.group
        return is_pod and not self.subresource and self.obj is not None


class Plugin(Protocol):
    """One concern. Raises `errors.StatusError` to refuse."""

    async def admit(self, attributes: Attributes) -> None: ...


class Chain:
    """Plugins in the order they are asked."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = tuple(plugins)

    async def admit(self, attributes: Attributes) -> None:
        """Ask every plugin; the first refusal is the answer."""
        for plugin in self._plugins:
            await plugin.admit(attributes)
