"""OpenAPI: `/openapi/v3` with one document per group-version under hashed URLs, and `/openapi/v2`.

v3 is what kubectl 1.27 and later read. v2 is made from the same documents, as JSON and in the protobuf form that
`kubectl explain --output=plaintext-openapiv2` and other older code read.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import orjson

import hyperpy
from hyperpy.api import errors
from hyperpy.api.kinds import Kind, Registry
from hyperpy.api.schema import openapi
from hyperpy.api.wire import Request, Response

_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2"
#: Clients ask with "@v1.0", which is no media type that Go can read back; Kubernetes answers with a dot.
_V2_PROTOBUF_SENT = f"{_V2_PROTOBUF}.v1.0+protobuf"
_ROOT = "openapi/v3"
#: How long clients may keep a document whose URL carries its hash.
_FOREVER = "public, immutable, max-age=31536000"


class OpenApi:
    """Answers `/openapi/...`. Documents are made when first asked for, and kept compressed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._documents: dict[str, tuple[str, bytes]] = {}

    def answer(self, request: Request) -> Response | None:
        """The answer to a request, or None when the path is not one of these.

        Raises:
            errors.StatusError: no such group-version, or no form that is accepted.
        """
        path = request.path.strip("/")
        if path == "openapi/v2":
            return self._v2(request)
        if path == _ROOT:
            return Response(200, orjson.dumps({"paths": self._index()}))
        if path.startswith(f"{_ROOT}/"):
            return self._group_version(request, path.removeprefix(f"{_ROOT}/"))
        return None

    def _index(self) -> dict[str, Any]:
        places = self._places()
        self._documents = {place: known for place, known in self._documents.items() if place in places}
        return {
            place: {"serverRelativeURL": f"/{_ROOT}/{place}?hash={_hash(kinds)}"}
            for place, kinds in sorted(places.items())
        }

    def _group_version(self, request: Request, place: str) -> Response:
        kinds = self._places().get(place)
        if kinds is None:
            raise errors.NotFound(f"there is no OpenAPI document for {place}")
        _require_json(request)
        digest = _hash(kinds)
        headers = {"ETag": f'"{digest}"', "Vary": "Accept"}
        if request.param("hash") == digest:
            headers["Cache-Control"] = _FOREVER
        if f'"{digest}"' in request.headers.get("if-none-match", ""):
            return Response(304, headers=headers)
        return Response(200, zlib.decompress(self._document(place, kinds, digest)), headers=headers)

    def _document(self, place: str, kinds: list[Kind], digest: str) -> bytes:
        known = self._documents.get(place)
        if known is None or known[0] != digest:
            document = openapi.document(kinds[0].group, kinds[0].version, kinds)
            known = self._documents[place] = digest, zlib.compress(orjson.dumps(document), 1)
        return known[1]

    def _places(self) -> dict[str, list[Kind]]:
        """Kinds by `api/v1` or `apis/GROUP/VERSION`."""
        places: dict[str, list[Kind]] = {}
        for kind in self._registry:
            place = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
            places.setdefault(place, []).append(kind)
        return places

    def _v2(self, request: Request) -> Response:
        binary = _V2_PROTOBUF in request.headers.get("accept", "")
        if not binary:
            _require_json(request)
        kinds = list(self._registry)
        digest = _hash(kinds)
        headers = {"ETag": f'"{digest}"', "Vary": "Accept"}
        if f'"{digest}"' in request.headers.get("if-none-match", ""):
            return Response(304, headers=headers)
        place = _V2_PROTOBUF_SENT if binary else "v2"
        known = self._documents.get(place)
        if known is None or known[0] != digest:
            made = self._made_v2()
            encoded = openapi.protobuf.encode(made) if binary else orjson.dumps(made)
            known = self._documents[place] = digest, zlib.compress(encoded, 1)
        return Response(200, zlib.decompress(known[1]), _V2_PROTOBUF_SENT if binary else "application/json", headers)

    def _made_v2(self) -> dict[str, Any]:
        schemas: dict[str, Any] = {}
        paths: dict[str, Any] = {}
        for kinds in self._places().values():
            document = openapi.document(kinds[0].group, kinds[0].version, kinds)
            schemas |= document["components"]["schemas"]
            paths |= document["paths"]
        return openapi.swagger.document(dict(sorted(schemas.items())), dict(sorted(paths.items())))


def _hash(kinds: list[Kind]) -> str:
    """What a document is made from, and nothing else, so that it need not be made for its hash."""
    return hashlib.sha256(f"{hyperpy.__version__} {kinds!r}".encode()).hexdigest().upper()


def _require_json(request: Request) -> None:
    accept = request.headers.get("accept", "")
    if accept and not any(form in accept for form in ("application/json", "*/*", "application/*")):
        raise errors.NotAcceptable("only the following media types are accepted: application/json")
