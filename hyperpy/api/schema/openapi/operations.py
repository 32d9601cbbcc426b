"""The operations on one kind, as OpenAPI v3 describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy.api.kinds import Kind
from hyperpy.api.schema import definitions
from hyperpy.api.schema.openapi import custom, parameters
from hyperpy.api.schema.openapi.components import reference
from hyperpy.api.schema.openapi.parameters import Parameter
from hyperpy.api.schema.openapi.subresources import Subresource

Operation = dict[str, Any]

_ANY_BODY = "*/*"
_OBJECT_TYPES = ("application/json", "application/yaml")
_PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_EDITS = {"get": ("read", "get"), "put": ("replace", "put"), "patch": ("patch", "patch"), "post": ("create", "post")}


def path_of_group_version(group: str, version: str) -> str:
    """`/api/v1` or `/apis/GROUP/VERSION`."""
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


class Operations:
    """Makes the operations of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._definition = custom.name_of(kind)
        custom_kind = kind.definition is not None
        self._patch_types = [name for name in _PATCH_TYPES if not (custom_kind and "strategic" in name)]
        words = kind.group.split(".")[::-1] if custom_kind else [kind.group.partition(".")[0] or "core"]
        group = "".join(word.capitalize() for word in words)
        self._tag = f"{words[0] if not custom_kind else group[0].lower() + group[1:]}_{kind.version}"
        self._id_of_group = f"{group}{kind.version.capitalize()}"
        self._id_of_kind = f"{'Namespaced' if kind.namespaced else ''}{kind.kind}"

    def list(self, *, everywhere: bool) -> Operation:
        """GET of a collection, of one namespace or of all."""
        kind = self._kind
        name = f"{kind.kind}ForAllNamespaces" if everywhere else self._id_of_kind
        watch = parameters.WATCH if "watch" in kind.verbs else ()
        return self._operation(
            "list", f"list{self._id_of_group}{name}", f"list or watch objects of kind {kind.kind}",
            answer=custom.list_name_of(self._kind), query=(*parameters.LIST, *watch),
        )  # fmt: skip

    def create(self) -> Operation:
        """POST of an object."""
        return self._write("post", f"create{self._id_of_group}{self._id_of_kind}", f"create a {self._kind.kind}")

    def read(self) -> Operation:
        """GET of an object."""
        return self._operation(
            "get", f"read{self._id_of_group}{self._id_of_kind}", f"read the specified {self._kind.kind}",
            answer=self._definition,
        )  # fmt: skip

    def replace(self) -> Operation:
        """PUT of an object."""
        return self._write(
            "put", f"replace{self._id_of_group}{self._id_of_kind}", f"replace the specified {self._kind.kind}"
        )

    def patch(self) -> Operation:
        """PATCH of an object."""
        return self._write(
            "patch", f"patch{self._id_of_group}{self._id_of_kind}", f"partially update the specified {self._kind.kind}"
        )

    def delete(self) -> Operation:
        """DELETE of an object."""
        return self._delete("delete", f"delete{self._id_of_group}{self._id_of_kind}", f"delete a {self._kind.kind}")

    def delete_collection(self) -> Operation:
        """DELETE of every object that matches."""
        return self._delete(
            "deletecollection", f"delete{self._id_of_group}Collection{self._id_of_kind}",
            f"delete collection of {self._kind.kind}", extra=parameters.LIST,
        )  # fmt: skip

    def on_subresource(self, method: str, name: str, subresource: Subresource, *, suffix: str = "") -> Operation:
        """A method of a subresource; `suffix` keeps the operation's id unique."""
        title = "".join(part.capitalize() for part in name.split("-")) + suffix
        text = f"{name} of the specified {self._kind.kind}"
        if subresource.connect:
            return self._connect(method, name, f"{self._id_of_kind}{title}", text, options=subresource.options)
        word, action = _EDITS[method]
        identity = f"{word}{self._id_of_group}{self._id_of_kind}{title}"
        target = subresource.kind
        if method == "get":
            answer = definitions.name_of(*target) if target else self._definition
            return self._operation(action, identity, f"read {text}", answer=answer, target=target)
        return self._write(action, identity, f"{word} {text}", target=target)

    def _connect(self, method: str, name: str, identity: str, text: str, *, options: str) -> Operation:
        kind = f"{self._kind.kind}{options}"
        word = "read" if name == "log" else f"connect{method.capitalize()}"
        operation = self._operation(
            "get" if name == "log" else "connect",
            f"{word}{self._id_of_group}{identity}",
            f"connect to {text}",
            answer="",
            target=(self._kind.group, self._kind.version, kind),
        )
        operation["responses"]["200"]["content"] = {_ANY_BODY: {"schema": {"type": "string"}}}
        return operation

    def _write(self, action: str, identity: str, text: str, *, target: tuple[str, str, str] | None = None) -> Operation:
        definition = definitions.name_of(*target) if target else self._definition
        patch = action == "patch"
        operation = self._operation(
            action, identity, text, answer=definition, target=target,
            query=parameters.PATCH if patch else parameters.WRITE,
        )  # fmt: skip
        body = reference(definitions.META + "Patch" if patch else definition)
        types = self._patch_types if patch else (_ANY_BODY,)
        operation["requestBody"] = {"content": {name: {"schema": body} for name in types}, "required": True}
        operation["responses"]["201"] = {**operation["responses"]["200"], "description": "Created"}
        return operation

    def _delete(self, action: str, identity: str, text: str, *, extra: Sequence[Parameter] = ()) -> Operation:
        operation = self._operation(
            action, identity, text, answer=definitions.META + "Status", query=(*parameters.DELETE, *extra)
        )
        body = reference(definitions.META + "DeleteOptions")
        operation["requestBody"] = {"content": {_ANY_BODY: {"schema": body}}}
        return operation

    def _operation(
        self,
        action: str,
        identity: str,
        text: str,
        *,
        answer: str,
        target: tuple[str, str, str] | None = None,
        query: Sequence[Parameter] = (),
    ) -> Operation:
        group, version, kind = target or (self._kind.group, self._kind.version, self._kind.kind)
        content = {name: {"schema": reference(answer)} for name in _OBJECT_TYPES}
        operation: Operation = {
            "tags": [self._tag],
            "description": text,
            "operationId": identity,
            "responses": {
                "200": {"description": "OK", "content": content},
                "401": {"description": "Unauthorized"},
            },
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        }
        if query:
            operation["parameters"] = list(query)
        return operation
