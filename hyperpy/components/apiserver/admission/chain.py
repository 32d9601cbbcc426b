"""The admission chain: plugins in order, each one asked about every write; first those that change, then the judges.

request ─▶ defaults ─▶ admit() ─▶ strategy ─▶ validation ─▶ validate() ─▶ store
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.metrics.admission import ADMIT, VALIDATE, AdmissionMetrics

Obj = dict[str, Any]

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is about to happen.

    Args:
        obj: the new object, which plugins may change in place; None for DELETE.
        old: the object that is there; None for CREATE.
        warnings: texts for the client, sent as Warning headers.
        options: what the client asked for beside `dryRun`, as the options of the operation have it.
        generated: whether the server made up the name, by `generateName`.
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
    warnings: list[str] = field(default_factory=list)
    options: Mapping[str, Any] | None = None
    generated: bool = False

    @property
    def writes_pod(self) -> bool:
        """Whether a Pod itself (no subresource of it) is created or updated."""
        is_pod = self.kind.plural == "pods" and not self.kind.group
        return is_pod and not self.subresource and self.obj is not None


@runtime_checkable
class Mutator(Protocol):
    """A plugin that may change the new object before it is validated. Raises `errors.StatusError` to refuse."""

    async def admit(self, attributes: Attributes) -> None: ...


@runtime_checkable
class Judge(Protocol):
    """A plugin that sees the object as it will be stored. Raises `errors.StatusError` to refuse; changes nothing."""

    async def validate(self, attributes: Attributes) -> None: ...


Plugin = Mutator | Judge


#: Plugins that wait for other servers.
WEBHOOKS = frozenset(("MutatingAdmissionWebhook", "ValidatingAdmissionWebhook"))

_Ask = Callable[[Attributes], Awaitable[None]]


@runtime_checkable
class Selective(Protocol):
    """A plugin that is concerned with some kinds only, and is not asked about others."""

    def concerns(self, kind: Kind) -> bool: ...


@runtime_checkable
class Reinvoking(Protocol):
    """A mutator that may give those before it another turn."""

    def follow(self, again: Callable[[Attributes], Awaitable[None]]) -> None:
        """Take what asks the mutators before this one once more."""


@runtime_checkable
class Closing(Protocol):
    """A plugin that holds connections."""

    async def aclose(self) -> None: ...


def refusal(attributes: Attributes, why: str, *, causes: Sequence[Mapping[str, str]] = ()) -> errors.Forbidden:
    """The 403 of a plugin: `pods "web" is forbidden: why`."""
    kind, name = attributes.kind, attributes.name
    if not name and attributes.obj is not None:
        own = attributes.obj["metadata"]
        name = own.get("name") or own.get("generateName") or "Unknown"
    details: Obj = {"name": name, "kind": kind.plural}
    if kind.group:
        details["group"] = kind.group
    if causes:
        details["causes"] = list(causes)
    return errors.Forbidden(f'{kind.qualified} "{name}" is forbidden: {why}', details=details)


class Chain:
    """Plugins in the order they are asked; one that is both is asked in both rounds."""

    def __init__(self, plugins: Sequence[Plugin], metrics: AdmissionMetrics) -> None:
        self._plugins = plugins
        self._metrics = metrics
        self._mutators: dict[tuple[str, str], Sequence[tuple[str, _Ask]]] = {}
        self._judges: dict[tuple[str, str], Sequence[tuple[str, _Ask]]] = {}
        for plugin in plugins:
            if isinstance(plugin, Reinvoking):
                plugin.follow(partial(self._again, plugin))

    async def admit(self, attributes: Attributes) -> None:
        """Let every mutator have its turn; the first refusal is the answer."""
        kind = attributes.kind
        mutators = self._mutators.get((kind.group, kind.plural))
        if mutators is None:
            concerned = [plugin for plugin in self._concerned(kind) if isinstance(plugin, Mutator)]
            mutators = [(_name(plugin), plugin.admit) for plugin in concerned]
            self._mutators[kind.group, kind.plural] = mutators
        await self._round(ADMIT, mutators, attributes)

    async def validate(self, attributes: Attributes) -> None:
        """Ask every judge about the validated object; the first refusal is the answer."""
        kind = attributes.kind
        judges = self._judges.get((kind.group, kind.plural))
        if judges is None:
            concerned = [plugin for plugin in self._concerned(kind) if isinstance(plugin, Judge)]
            judges = [(_name(plugin), plugin.validate) for plugin in concerned]
            self._judges[kind.group, kind.plural] = judges
        await self._round(VALIDATE, judges, attributes)

    async def ask(self, attributes: Attributes) -> None:
        """Both rounds, where nothing is to be validated between them."""
        await self.admit(attributes)
        await self.validate(attributes)

    async def aclose(self) -> None:
        """Close what plugins hold open."""
        for plugin in self._plugins:
            if isinstance(plugin, Closing):
                await plugin.aclose()

    async def _again(self, until: Plugin, attributes: Attributes) -> None:
        """Ask the mutators before one of them."""
        for plugin in self._concerned(attributes.kind):
            if plugin is until:
                return
            if isinstance(plugin, Mutator):
                await plugin.admit(attributes)

    def _concerned(self, kind: Kind) -> list[Plugin]:
        return [plugin for plugin in self._plugins if not isinstance(plugin, Selective) or plugin.concerns(kind)]

    async def _round(self, step: str, plugins: Sequence[tuple[str, _Ask]], attributes: Attributes) -> None:
        note, operation = self._metrics.plugin, attributes.operation
        first = before = perf_counter()
        for name, ask in plugins:
            try:
                await ask(attributes)
            except errors.StatusError as refused:
                refused.warnings = attributes.warnings
                now = perf_counter()
                note(name, step, operation, now - before, rejected=True)
                note("", step, operation, now - first, rejected=True)
                raise
            now = perf_counter()
            note(name, step, operation, now - before, rejected=False)
            if name in WEBHOOKS:
                remarks.waited(now - before)
            before = now
        note("", step, operation, before - first, rejected=False)


def _name(plugin: Plugin) -> str:
    return type(plugin).__name__
