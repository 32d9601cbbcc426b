"""Write hyperpy/api/schema/data/ from the API definitions that the package `kubernetes-validate` carries.

Run by `make generate` (extra `generate` installed). The data holds every definition that the stable API groups reach:
`definitions.json` their structure, `descriptions.json` their prose. Both are JSON with one definition a line, so that a
difference between two Kubernetes versions reads well and one definition can be parsed alone.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

KUBERNETES = "1.34"
TARGET = Path(__file__).parent.parent / "hyperpy" / "api" / "schema" / "data"

STABLE = re.compile(
    r"""
    io\.k8s\.api\.core\.v1
    | io\.k8s\.api\.(admissionregistration|apps|authentication|authorization|batch|certificates|coordination)\.v1
    | io\.k8s\.api\.(discovery|events|flowcontrol|networking|node|policy|rbac|resource|scheduling|storage)\.v1
    | io\.k8s\.api\.autoscaling\.v[12]
    | io\.k8s\.apiextensions-apiserver\.pkg\.apis\.apiextensions\.v1
    | io\.k8s\.kube-aggregator\.pkg\.apis\.apiregistration\.v1
    | io\.k8s\.apimachinery\.pkg\.apis\.meta\.v1
    """,
    re.VERBOSE,
)
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
ANY_OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}

# Definitions whose JSON form is not what their structure says (they encode themselves).
SPECIAL: dict[str, dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"format": "quantity"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"x-kubernetes-int-or-string": True},
    META + "Time": {"type": "string", "format": "date-time"},
    META + "MicroTime": {"type": "string", "format": "micro-time"},
    META + "FieldsV1": ANY_OBJECT,
    META + "Patch": ANY_OBJECT,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ANY_OBJECT,
    **{
        f"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.{name}": ANYTHING
        for name in ("JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray")
    },
}
# Defaults of fields that tell items of a list apart: server-side apply needs them. The source leaves defaults out.
KEY_DEFAULTS = {
    "io.k8s.api.core.v1.ContainerPort": {"protocol": "TCP"},
    "io.k8s.api.core.v1.ServicePort": {"protocol": "TCP"},
    "io.k8s.api.core.v1.LocalObjectReference": {"name": ""},
}
PROSE = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": (
        "A fixed-point number with an optional suffix: decimal (n, u, m, k, M, G, T, P, E), binary (Ki to Ei) or an "
        "exponent (1e3). It is written back in its canonical form: no fraction, the largest possible suffix."
    ),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": (
        "A value that is either an integer or a string, such as a port number or its name, or a count or a percentage."
    ),
}


def main() -> None:
    """Write both files, or say what is missing."""
    definitions = read_definitions()
    names = sorted(closure(definitions, roots(definitions)))
    kept_groups = {(gvk["group"], gvk["version"]) for name in names for gvk in own_kinds(name, definitions[name])}
    structure = {name: structure_of(name, definitions[name], kept_groups) for name in names}
    prose = {name: prose_of(name, definitions[name]) for name in names}
    TARGET.mkdir(parents=True, exist_ok=True)
    write(TARGET / "definitions.json", structure)
    write(TARGET / "descriptions.json", {name: texts for name, texts in prose.items() if texts})
    print(f"{len(names)} definitions of Kubernetes {KUBERNETES} written to {TARGET}")


def read_definitions() -> dict[str, Any]:
    """The definitions of KUBERNETES from the installed package."""
    try:
        package = metadata.distribution("kubernetes-validate")
    except metadata.PackageNotFoundError:
        sys.exit("kubernetes-validate is not installed: pip install -e '.[generate]'")
    folder = f"kubernetes_validate/kubernetes-json-schema/v{KUBERNETES}.0-local"
    file = Path(str(package.locate_file(folder))) / "_definitions.json"
    if not file.exists():
        sys.exit(f"kubernetes-validate {package.version} has no Kubernetes {KUBERNETES}: {file} is missing")
    definitions: dict[str, Any] = json.loads(file.read_text())["$defs"]
    return definitions


def roots(definitions: dict[str, Any]) -> Iterator[str]:
    """Every kind of a stable group, and what all kinds need (Status, DeleteOptions, WatchEvent, Patch, discovery)."""
    for name, definition in definitions.items():
        package = name.rpartition(".")[0]
        if GROUP_VERSION_KIND in definition and STABLE.fullmatch(package):
            yield name
    yield META + "Patch"


def closure(definitions: dict[str, Any], names: Iterable[str]) -> set[str]:
    """The names and all they refer to."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(definitions[name])
    return found


def references(node: Any) -> Iterator[str]:
    """The definitions that a schema names, at any depth."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.rpartition("/")[2]
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def own_kinds(name: str, definition: dict[str, Any]) -> list[dict[str, str]]:
    """The kinds of a definition, leaving out those that are served by every group."""
    return [] if name.startswith(META) else definition.get(GROUP_VERSION_KIND, [])


def structure_of(name: str, definition: dict[str, Any], groups: set[tuple[str, str]]) -> dict[str, Any]:
    """A definition without its prose, in the form of a structural schema."""
    if name in SPECIAL:
        return SPECIAL[name]
    result = clean(definition)
    for field, default in KEY_DEFAULTS.get(name, {}).items():
        result["properties"][field]["default"] = default
    if GROUP_VERSION_KIND in result:
        result[GROUP_VERSION_KIND] = [
            kind for kind in result[GROUP_VERSION_KIND] if (kind["group"], kind["version"]) in groups
        ] or result[GROUP_VERSION_KIND]
    return result


def clean(schema: dict[str, Any]) -> dict[str, Any]:
    """Undo what kubernetes-validate adds (null types, enums of one, `$defs` pointers) and drop prose."""
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("description", "enum"):
            continue
        if key == "$ref":
            result[key] = value.rpartition("/")[2]
        elif key == "type" and isinstance(value, list):
            result[key] = next(kind for kind in value if kind != "null")
        elif key == "properties":
            result[key] = {name: clean(child) for name, child in value.items()}
        elif key in ("items", "additionalProperties"):
            result[key] = clean(value)
        else:
            result[key] = value
    return result


def prose_of(name: str, definition: dict[str, Any]) -> dict[str, str]:
    """The prose of a definition: its own under "", that of each field under the field's name."""
    texts = {"": PROSE.get(name) or definition.get("description", "")}
    for field, child in definition.get("properties", {}).items():
        texts[field] = child.get("description", "")
    return {field: text for field, text in texts.items() if text}


def write(file: Path, definitions: dict[str, Any]) -> None:
    """JSON with one definition a line, in order of name."""
    lines = [
        f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'), ensure_ascii=False)}"
        for name, value in definitions.items()
    ]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
