"""Content: which form an Accept header asks for, and the object in a request's body.

JSON, YAML and protobuf come in; JSON goes out (YAML for single answers when only that is asked for), as the object
itself, as a Table or as PartialObjectMetadata(List). Source: API concepts, "Alternate representations of resources"
and "Receiving resources as Tables".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from hyperpy.api import errors, manifest
from hyperpy.api.wire import Request

JSON, YAML = "application/json", "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"

_META = "meta.k8s.io"
_AS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_JSON_RANGES = (JSON, "application/*", "*/*")
_YAML_TYPES = (YAML, "application/x-yaml", "text/yaml")
_INCLUDES = ("None", "Metadata", "Object")
_ACCEPTED = "application/json, application/yaml"
#: Between the tokens of JSON; within a string only the first may stand.
_SPACES = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is to look: `shape` is "" (the object), Table or PartialObjectMetadata.

    `version` is that of meta.k8s.io; `include` is what Table rows carry (None, Metadata or Object).
    """

    shape: str = ""
    version: str = "v1"
    media_type: str = JSON
    include: str = "Metadata"


_PLAIN = Form()


def accepted(request: Request) -> Form:
    """The first form of the Accept header that can be given.

    Raises:
        NotAcceptable: none of them can.
        BadRequest: an unknown `includeObject`.
    """
    form = _accepted(request.headers.get("accept", ""))
    if form is None:
        raise errors.NotAcceptable(f"only the following media types are accepted: {_ACCEPTED}")
    include = request.param("includeObject")
    if form.shape == "Table" and include:
        if include not in _INCLUDES:
            rule = "must be 'Metadata', 'Object', 'None', or empty"
            raise errors.BadRequest(
                f'Unable to convert to Table as requested: includeObject: Invalid value: "{include}": {rule}'
            )
        return replace(form, include=include)
    return form


@lru_cache(maxsize=256)
def _accepted(header: str) -> Form | None:
    if not header.strip():
        return _PLAIN
    clauses = [_clause(text) for text in header.split(",")]
    ranked = sorted((c for c in clauses if c[1] > 0), key=lambda clause: -clause[1])
    for media_type, _, parameters in ranked:
        form = _form(media_type, parameters)
        if form is not None:
            return form
    return None


def _clause(text: str) -> tuple[str, float, dict[str, str]]:
    """Media type, quality and parameters of one clause; the sort that follows is stable, so order decides ties."""
    media_type, *rest = (part.strip() for part in text.split(";"))
    parameters = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in rest)}
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return media_type.lower(), quality, parameters


def _form(media_type: str, parameters: dict[str, str]) -> Form | None:
    if media_type in _JSON_RANGES:
        out = JSON
    elif media_type in _YAML_TYPES:
        out = YAML
    else:
        return None
    shape = parameters.get("as", "")
    if not shape:
        return _PLAIN if out == JSON else Form(media_type=YAML)
    version = parameters.get("v", "")
    if shape not in _AS or parameters.get("g") != _META or version not in ("v1", "v1beta1"):
        return None
    return Form(shape.removesuffix("List"), version, out)


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded body and the keys it holds twice, of which the last one counts: their paths, in YAML a text of each."""

    value: dict[str, Any]
    repeated: tuple[str, ...] = ()
    repeated_lines: tuple[str, ...] = ()


def decode(request: Request, *, find_repeated: bool) -> Body:
    """The object in a request's body.

    Raises:
        UnsupportedMediaType: neither JSON, YAML nor Kubernetes' protobuf.
        BadRequest: it does not parse or is not an object.
    """
    media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower() or JSON
    if media_type == JSON:
        return decode_json(request.body, find_repeated=find_repeated)
    if media_type in _YAML_TYPES:
        loaded = _load_yaml(request.body)
        value = _mapping(loaded.value)
        _written(value)
        return Body(value, repeated_lines=loaded.repeated)
    if media_type == PROTOBUF:
        return Body(_decode_protobuf(request.body))
    raise errors.UnsupportedMediaType(
        f"the body of the request was in an unknown format - accepted media types include: {_ACCEPTED}, {PROTOBUF}"
    )


def _decode_protobuf(raw: bytes) -> dict[str, Any]:
    """What typed Go clients send (kubectl create, client-go); loaded with the first of them."""
    from hyperpy.api import protobuf

    try:
        return protobuf.decode(raw)
    except protobuf.ProtobufError as error:
        raise errors.BadRequest(f"the object provided is unrecognized: {error}") from error


def decode_json(raw: bytes, *, find_repeated: bool) -> Body:
    """The object in JSON bytes, and its repeated keys when they are asked for; raises BadRequest."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise errors.BadRequest(
            f"the object provided is unrecognized: couldn't get version/kind; json parse error: {error}"
        ) from error
    mapping = _mapping(value)
    written = _written(mapping)
    # When writing it out again gives the same bytes, spaces aside, nothing was dropped, and the slow reading with the
    # standard library is not needed: 4 µs instead of 130 for a Pod as Python's json module writes it.
    if not find_repeated or raw.translate(None, _SPACES) == written.translate(None, b" "):
        return Body(mapping)
    return Body(mapping, _repeated(raw))


def _written(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise errors.BadRequest("the object provided is unrecognized: it is nested too deeply") from error


def _load_yaml(raw: bytes) -> manifest.Loaded:
    try:
        return manifest.load_last(raw)
    except manifest.ManifestError as error:
        raise errors.BadRequest(f"the object provided is unrecognized: {error}") from error


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        what = {list: "a list", str: "a string", type(None): "nothing"}.get(type(value), "a bare value")
        raise errors.BadRequest(f"the object provided is unrecognized: an object was expected, the body holds {what}")
    return value


class _Pairs(dict[str, Any]):
    """A JSON object that remembers which of its keys came more than once."""

    repeated: tuple[str, ...] = ()


def _repeated(raw: bytes) -> tuple[str, ...]:
    """Paths of keys that come twice."""
    import json

    try:
        tree = json.loads(raw, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return ()
    return tuple(_repeated_in(tree, ""))


def _pairs(pairs: list[tuple[str, Any]]) -> _Pairs:
    found = _Pairs(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        found.repeated = tuple(dict.fromkeys(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def _repeated_in(value: Any, path: str) -> list[str]:
    if isinstance(value, _Pairs):
        here = f"{path}." if path else ""
        below = [found for key, child in value.items() for found in _repeated_in(child, here + key)]
        return [here + key for key in value.repeated] + below
    if isinstance(value, list):
        return [found for index, child in enumerate(value) for found in _repeated_in(child, f"{path}[{index}]")]
    return []
