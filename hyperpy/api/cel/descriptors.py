"""Object types as protobuf messages: the form in which the runtime's type checker knows structures.

Only the checker sees these messages; values are never made into them. What protobuf cannot say (a list of lists, a
map of lists) is `google.protobuf.Value`, which the checker takes for `dyn`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2

from hyperpy.api.cel.types import Object, Type

_FILE = "objects.proto"
_IMPORTED = (timestamp_pb2, duration_pb2, struct_pb2)
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "int": _Field.TYPE_INT64,
    "double": _Field.TYPE_DOUBLE,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}
_MESSAGES = {"timestamp": ".google.protobuf.Timestamp", "duration": ".google.protobuf.Duration"}
_DYN = ".google.protobuf.Value"


class Messages:
    """The messages of all objects in some types; `name_of` tells what an object is called."""

    def __init__(self, types: Iterable[Type]) -> None:
        self._names: dict[int, str] = {}
        self._objects = list(_objects(types))
        taken: dict[str, int] = {}
        for each in self._objects:
            base = "".join(char if char.isalnum() and char.isascii() else "_" for char in each.name) or "Object"
            taken[base] = taken.get(base, 0) + 1
            self._names[id(each)] = base if taken[base] == 1 else f"{base}_{taken[base]}"

    def name_of(self, kind: Object) -> str:
        """The message's full name."""
        return self._names[id(kind)]

    def pool(self) -> descriptor_pool.DescriptorPool | None:
        """The messages for the runtime, None when there are none."""
        if not self._objects:
            return None
        pool = descriptor_pool.DescriptorPool()
        file = descriptor_pb2.FileDescriptorProto(name=_FILE, syntax="proto2")
        for module in _IMPORTED:
            pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
            file.dependency.append(module.DESCRIPTOR.name)
        for each in self._objects:
            self._message(file.message_type.add(name=self.name_of(each)), each)
        pool.AddSerializedFile(file.SerializeToString())
        return pool

    def _message(self, message: Any, kind: Object) -> None:
        for number, (name, field) in enumerate(kind.fields.items(), start=1):
            added = message.field.add(name=name, number=number, json_name=f"f{number}", label=_Field.LABEL_OPTIONAL)
            if field.type.name == "list":
                added.label = _Field.LABEL_REPEATED
                self._set(added, field.type.parameters[0])
            elif field.type.name == "map":
                self._map(message, added, field.type)
            else:
                self._set(added, field.type)

    def _set(self, field: Any, kind: Type) -> None:
        if isinstance(kind, Object):
            field.type, field.type_name = _Field.TYPE_MESSAGE, f".{self.name_of(kind)}"
        elif kind.name in _SCALARS:
            field.type = _SCALARS[kind.name]
        else:
            field.type, field.type_name = _Field.TYPE_MESSAGE, _MESSAGES.get(kind.name, _DYN)

    def _map(self, message: Any, field: Any, kind: Type) -> None:
        entry = "".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry"
        if any(nested.name == entry for nested in message.nested_type):
            self._set(field, Type("dyn"))
            return
        nested = message.nested_type.add(name=entry)
        nested.options.map_entry = True
        nested.field.add(name="key", number=1, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
        self._set(nested.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL), kind.parameters[1])
        field.label, field.type = _Field.LABEL_REPEATED, _Field.TYPE_MESSAGE
        field.type_name = f".{message.name}.{entry}"


def _objects(types: Iterable[Type]) -> Iterator[Object]:
    """Every object in the types, once."""
    seen: set[int] = set()
    waiting = list(types)
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.parameters)
        if isinstance(kind, Object) and id(kind) not in seen:
            seen.add(id(kind))
            waiting.extend(field.type for field in kind.fields.values())
            yield kind
