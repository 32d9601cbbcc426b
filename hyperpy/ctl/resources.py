"""What words of a command line mean: `po`, `deploy/web`, `pods,svc`, `all`.

Built-in kinds are known; for any other the server is asked what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind
from hyperpy.client.sync import SyncClient
from hyperpy.commands import UserError

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_MIXED = (
    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form "
    "(e.g. 'hyperpy ctl get resource/<resource_name>' instead of 'hyperpy ctl get resource resource/<resource_name>')"
)


@dataclass(frozen=True, slots=True)
class Target:
    """One object, or with `name` None all of a kind."""

    kind: Kind
    name: str | None = None


def shown(kind: Kind, name: str) -> str:
    """`pod/web` or `deployment.apps/web`, as messages name an object."""
    group = f".{kind.group}" if kind.group else ""
    return f"{kind.singular}{group}/{name}"


class Resources:
    """The kinds of a server.

    Args:
        client: makes the client, when the server has to be asked.
    """

    def __init__(self, client: Callable[[], SyncClient]) -> None:
        self._client = client
        self._known: list[Kind] = [kind for kind in kinds.BUILT_IN if "get" in kind.verbs]
        self._asked = False

    def find(self, word: str) -> Kind:
        """The kind that a word means: plural, singular or short name, perhaps with version and group.

        Raises:
            UserError: the server has none of that name.
        """
        found = self._search(lambda kind: _is_called(kind, word.lower()))
        if found is None:
            raise UserError(f'the server doesn\'t have a resource type "{word}"')
        return found

    def of(self, api_version: str, kind_name: str) -> Kind | None:
        """The kind of an object by its apiVersion and kind; None when the server has none."""
        return self._search(lambda kind: kind.api_version == api_version and kind.kind == kind_name)

    def targets(self, words: Sequence[str]) -> list[Target]:
        """The objects and kinds that a command line names.

        Raises:
            UserError: none, an unknown kind, or two ways of naming mixed.
        """
        if not words:
            raise UserError("Required resource not specified: name a type, such as pods, or type/name")
        if any("/" in word for word in words):
            return [self._one(word) for word in words]
        found = [kind for word in words[0].split(",") for kind in self._kinds(word)]
        if len(words) == 1:
            return [Target(kind) for kind in found]
        return [Target(kind, name) for kind in found for name in words[1:]]

    def object(self, words: Sequence[str], *, default: str) -> Target:
        """The one object that `NAME`, `TYPE/NAME` or `TYPE NAME` means; a bare name is of the default kind."""
        if len(words) == 1 and "/" not in words[0]:
            return Target(self.find(default), words[0])
        targets = self.targets(words)
        if len(targets) != 1 or targets[0].name is None:
            raise UserError("name one object, as TYPE/NAME")
        return targets[0]

    def _one(self, word: str) -> Target:
        kind, slash, name = word.partition("/")
        if not slash:
            raise UserError(_MIXED)
        if not kind or not name or "/" in name:
            raise UserError(f'arguments in resource/name form must have a single resource and name: "{word}"')
        return Target(self.find(kind), name)

    def _kinds(self, word: str) -> list[Kind]:
        members = [kind for kind in self._known if word in kind.categories]
        return members or [self.find(word)]

    def _search(self, wanted: Callable[[Kind], bool]) -> Kind | None:
        for kind in self._known:
            if wanted(kind):
                return kind
        if self._asked:
            return None
        self._asked = True
        known = {(kind.group, kind.version, kind.plural) for kind in self._known}
        found = [kind for kind in _discover(self._client()) if (kind.group, kind.version, kind.plural) not in known]
        self._known += found
        return next((kind for kind in found if wanted(kind)), None)


def _is_called(kind: Kind, word: str) -> bool:
    name, _, place = word.partition(".")
    if name not in (kind.plural, kind.singular, *kind.short_names):
        return False
    return not place or place in (kind.group, f"{kind.version}.{kind.group}", kind.version)


def _discover(client: SyncClient) -> list[Kind]:
    """Every kind that the server says it has, in its order of preference."""
    found: list[Kind] = []
    for path in ("/api", "/apis"):
        try:
            document = client.json("GET", path, accept=f"{_AGGREGATED},application/json")
        except errors.NotFound:
            continue
        for group in document.get("items") or ():
            for version in group.get("versions") or ():
                found += [_kind(group, version, entry) for entry in version.get("resources") or ()]
    return found


def _kind(group: dict[str, Any], version: dict[str, Any], entry: dict[str, Any]) -> Kind:
    return Kind(
        group=(group.get("metadata") or {}).get("name", ""),
        version=version["version"],
        kind=(entry.get("responseKind") or {}).get("kind", ""),
        plural=entry["resource"],
        namespaced=entry.get("scope") == "Namespaced",
        short_names=tuple(entry.get("shortNames") or ()),
        categories=tuple(entry.get("categories") or ()),
        subresources=tuple(sub["subresource"] for sub in entry.get("subresources") or ()),
        verbs=tuple(entry.get("verbs") or ()),
    )
