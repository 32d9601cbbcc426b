"""What a custom kind brings along instead of a row in every table of the built-in kinds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

Obj = dict[str, Any]


class Definition(Protocol):
    """One version of a custom kind. Compared by identity: a changed definition is another one.

    `schema` is an `api.schema.Schema`, `printer` an `api.printers.Printer`, causes are `api.schema.Cause`s: they are
    not named here, because those packages stand on this one.
    """

    @property
    def singular(self) -> str: ...

    @property
    def list_kind(self) -> str: ...

    @property
    def terminating(self) -> bool:
        """Whether the kind is being deleted: its objects may go, but none may come."""
        ...

    @property
    def warning(self) -> str:
        """What clients of a deprecated version are told, or ""."""
        ...

    @property
    def scale(self) -> Any:
        """The `api.custom.scale.ScalePaths` of the subresource `scale`, or None."""
        ...

    @property
    def written(self) -> dict[str, Any]:
        """The schema as its author wrote it, for OpenAPI documents."""
        ...

    @property
    def schema(self) -> Any: ...

    @property
    def printer(self) -> Any: ...

    @property
    def selectable_fields(self) -> tuple[str, ...]: ...

    @property
    def converts(self) -> bool:
        """Whether stored objects may be of another version, or older than this schema, so that they are looked at."""
        ...

    def default(self, obj: Obj) -> None:
        """Fill in the schema's defaults, in place."""
        ...

    def causes(self, new: Obj, old: Obj | None) -> Iterable[Any]:
        """What is wrong with an object by the schema and its rules; `old` is None for a new one."""
        ...

    async def convert(self, objs: Sequence[Obj]) -> list[Obj]:
        """Objects of any version of the kind as objects of this one. Raises StatusError."""
        ...

    def is_settled(self, obj: Obj) -> bool:
        """Whether a stored object can be served as it is, without `convert`."""
        ...
