"""What a write is about, and what came of it: passed between the verbs, the subresources and the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hyperpy.api.kinds import Kind
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.admission.chain import Attributes
from hyperpy.components.apiserver.registry.form import Obj


@dataclass(frozen=True, slots=True)
class Write:
    """One object that is to be written or deleted. `name` is "" when a new object has none yet.

    `warnings` gathers what admission has to tell the client; it is shared by all forms of one write. `manager` is who
    owns the fields that the write changes; with "" the object's managedFields stay as the write makes them. `options`
    are what the client asked for, as admission sees it. `admitted` tells that admission was asked already, about the
    object that a subresource was given; `generated` that the name was made up here.
    """

    kind: Kind
    namespace: str | None
    name: str
    subresource: str = ""
    user: UserInfo | None = None
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    manager: str = ""
    options: Mapping[str, Any] | None = None
    admitted: bool = False
    generated: bool = False

    def named(self, name: str) -> Write:
        """The same for an object of this name."""
        return replace(self, name=name)

    def attributes(
        self,
        operation: str,
        *,
        obj: Obj | None = None,
        old: Obj | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Attributes:
        """The same as admission sees it; `options` are those of a delete."""
        return Attributes(
            operation,
            self.kind,
            self.namespace,
            self.name,
            self.subresource,
            self.user,
            obj,
            old,
            self.dry_run,
            self.warnings,
            self.options if options is None else options,
            self.generated,
        )


@dataclass(frozen=True, slots=True)
class Written:
    """An object in the version it was written in, and the revision under which it is stored.

    `revision` is 0 when it was never stored (a dry run of create).
    """

    value: bytes
    revision: int
    created: bool = False
