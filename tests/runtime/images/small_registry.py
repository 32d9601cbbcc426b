"""A small registry for tests: the pulling half of the distribution protocol, in memory."""

import base64
import gzip
import hashlib
import json

from aiohttp import web

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


class SmallRegistry:
    """Serves what was added. `auth`: "", "token" or "basic"; the user is `joe` with the password `secret`."""

    def __init__(self, *, auth: str = "") -> None:
        self._auth = auth
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[str, tuple[bytes, str]] = {}
        self._runner: web.AppRunner | None = None
        self.asked: list[str] = []
        self._broken: set[str] = set()
        self.address = ""

    async def __aenter__(self) -> "SmallRegistry":
        application = web.Application()
        application.router.add_get("/token", self._token)
        application.router.add_get("/v2/{rest:.*}", self._serve)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def add(self, tag: str, config: bytes, layers: list[bytes], *, platforms: list[str] | None = None) -> str:
        """Add an image, behind a list of platforms where they are given; returns the digest of what the tag names."""
        parts = [self._blob(gzip.compress(layer, mtime=0)) for layer in layers]
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": self._blob(config), "layers": parts}
        digest = self._manifest(manifest, _MANIFEST)
        if platforms:
            entries = [
                {"digest": digest if name == platforms[-1] else "sha256:" + "0" * 64, "mediaType": _MANIFEST, "size": 1,
                 "platform": {"os": "linux", "architecture": name}}
                for name in platforms
            ]  # fmt: skip
            digest = self._manifest({"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}, _INDEX)
        self._manifests[tag] = self._manifests[digest]
        return digest

    def break_layers(self) -> None:
        """From now on, send only half of each layer."""
        self._broken = {digest for digest, content in self._blobs.items() if content.startswith(b"\x1f\x8b")}

    def _blob(self, content: bytes) -> dict:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._blobs[digest] = content
        return {"mediaType": "x", "digest": digest, "size": len(content)}

    def _manifest(self, document: dict, kind: str) -> str:
        content = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._manifests[digest] = (content, kind)
        return digest

    async def _token(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        if given and given != _basic():
            return web.Response(status=401)
        scope = request.query.get("scope", "")
        return web.json_response({"token": f"good {scope}" if given else "anonymous"})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._refuse(request)) is not None:
            return refused
        name, _, kind_and_what = request.match_info["rest"].partition("/team/app/")
        kind, _, what = (kind_and_what or name.removeprefix("team/app/")).partition("/")
        self.asked.append(f"{kind}/{what}")
        if kind == "manifests" and what in self._manifests:
            content, media = self._manifests[what]
            return web.Response(body=content, content_type=media)
        if kind == "blobs" and what in self._blobs:
            content = self._blobs[what]
            return web.Response(body=content[: len(content) // 2] if what in self._broken else content)
        return web.json_response({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, status=404)

    def _refuse(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self._auth == "basic" and given != _basic():
            return web.Response(status=401, headers={"Www-Authenticate": 'Basic realm="r"'})
        if self._auth == "token" and not given.startswith("Bearer good"):
            where = f'Bearer realm="http://{self.address}/token",service="s",scope="repository:team/app:pull"'
            return web.Response(status=401, headers={"Www-Authenticate": where})
        return None


def _basic() -> str:
    return "Basic " + base64.b64encode(b"joe:secret").decode()
