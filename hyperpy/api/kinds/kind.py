"""A Kind: one resource of the API, the kind of its objects and its place in URLs."""

from __future__ import annotations

from dataclasses import dataclass

from hyperpy.api.kinds.definition import Definition

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of the API: the kind of its objects and its place in URLs.

    Args:
        subresources: names as in URLs (`status`, `scale`, `log`, ...).
        verbs: without `get` and `list` they mark a resource that is answered, not stored (a review or a binding).
        stored: the kind in whose form objects are kept, when that is another version's or group's; both then share
            their keys in the store (`api.conversion` turns one into the other).
        definition: what a custom kind brings along: its schema, columns, rules; None for built-in kinds.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    stored: Kind | None = None
    definition: Definition | None = None

    @property
    def singular(self) -> str:
        """What kubectl accepts beside the plural: the lower-case kind, or what a custom kind names."""
        return self.kind.lower() if self.definition is None else self.definition.singular

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`, as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        """The kind of a list of these."""
        return f"{self.kind}List" if self.definition is None else self.definition.list_kind

    @property
    def storage(self) -> Kind:
        """The kind in whose form objects are kept: itself, where it has no other."""
        return self.stored or self

    @property
    def converts(self) -> bool:
        """Whether what is stored may be of another version, and has to be converted when it is read."""
        return self.stored is not None or (self.definition is not None and self.definition.converts)

    @property
    def qualified(self) -> str:
        """`pods` or `deployments.apps`, as messages name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, *, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of the collection, an object or a subresource; without a namespace: across all of them."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)
