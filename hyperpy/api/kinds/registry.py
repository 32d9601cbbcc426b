"""A set of kinds, found by resource name or by kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hyperpy.api.kinds.kind import Kind


class Registry:
    """A set of kinds, found by resource name or by kind. Custom kinds join it at run time."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._by_resource: dict[tuple[str, str, str], Kind] = {}
        self._by_kind: dict[tuple[str, str, str], Kind] = {}
        for kind in kinds:
            self.add(kind)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_resource.values())

    def add(self, kind: Kind) -> None:
        """Add or replace a kind."""
        self._by_resource[kind.group, kind.version, kind.plural] = kind
        self._by_kind[kind.group, kind.version, kind.kind] = kind

    def remove(self, kind: Kind) -> None:
        """Take out a kind; one that is not there (or was replaced) is left alone."""
        if self._by_resource.get((kind.group, kind.version, kind.plural)) == kind:
            del self._by_resource[kind.group, kind.version, kind.plural]
            self._by_kind.pop((kind.group, kind.version, kind.kind), None)

    def resource(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind behind a URL, or None."""
        return self._by_resource.get((group, version, plural))

    def find(self, api_version: str, kind: str) -> Kind | None:
        """The kind of an object by its `apiVersion` and `kind`, or None."""
        group, _, version = api_version.rpartition("/")
        return self._by_kind.get((group, version, kind))
