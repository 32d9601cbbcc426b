"""Pulls images from registries by the distribution protocol; oras does its authentication. Blocks: use a thread."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import IO, Any, cast

from hyperpy.runtime.images import layers
from hyperpy.runtime.images.reference import Reference
from hyperpy.runtime.images.store import ImageStore, Import
from hyperpy.runtime.images.unpack import BrokenLayer
from hyperpy.runtime.protocol import ImageNotFound, PullFailed, RegistryAuth

_INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CONNECT_S, _READ_S = 10.0, 60.0
_PARALLEL_LAYERS = 3
_HOSTS = {"docker.io": "registry-1.docker.io"}
_LOOPBACK = ("localhost", "127.", "[::1]")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one layer is; `total_bytes` 0 when the registry does not tell."""

    digest: str
    done_bytes: int
    total_bytes: int


def host_of(registry: str) -> str:
    """Where a registry of that name answers."""
    return _HOSTS.get(registry, registry)


def pull(
    wanted: Reference,
    store: ImageStore,
    *,
    auth: RegistryAuth | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Event | None = None,
) -> str:
    """Bring an image into the store; returns its id. Layers that are there are not fetched again.

    Args:
        on_progress: called from several threads.
        cancelled: set by somebody else, it ends the pull soon.
    Raises:
        ImageNotFound: the registry has no such image, or not for this machine.
        PullFailed: the registry cannot be reached, refuses, or sends something broken.
    """
    remote = _Remote(wanted, auth)
    document, digest = remote.manifest()
    config = remote.blob(document["config"]["digest"]).read()
    _verify(config, document["config"]["digest"])
    diff_ids = json.loads(config).get("rootfs", {}).get("diff_ids", [])
    if len(diff_ids) != len(document["layers"]):
        raise PullFailed(f"{wanted}: the manifest and the configuration do not list the same layers")
    pulling = _Pull(remote, on_progress, cancelled or Event())
    try:
        with store.importing() as session:
            pulling.fetch(session, list(zip(document["layers"], diff_ids, strict=True)))
            names = [str(wanted)] if wanted.tag else []
            names.append(f"{wanted.registry}/{wanted.repository}@{digest}")
            return session.add_image(config, references=list(dict.fromkeys(names)), digest=digest)
    except BrokenLayer as error:
        raise PullFailed(f"{wanted}: {error}") from error


class _Pull:
    """The layers of one image on their way."""

    def __init__(self, remote: _Remote, on_progress: Callable[[Progress], None], cancelled: Event) -> None:
        self._remote = remote
        self._on_progress = on_progress
        self._cancelled = cancelled

    def fetch(self, session: Import, wanted: Sequence[tuple[dict[str, Any], str]]) -> None:
        missing = {diff_id: part for part, diff_id in wanted if not session.has_layer(diff_id)}
        with ThreadPoolExecutor(_PARALLEL_LAYERS, thread_name_prefix="pull") as pool:
            jobs = [pool.submit(self._layer, session, part, diff_id) for diff_id, part in missing.items()]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                self._cancelled.set()
                raise

    def _layer(self, session: Import, part: dict[str, Any], diff_id: str) -> None:
        total = int(part.get("size", 0))
        done = 0
        source = self._remote.blob(part["digest"])

        class Counted:
            """Counts what passes, and ends when the pull was cancelled."""

            def read(_, size: int = -1) -> bytes:
                nonlocal done
                if self._cancelled.is_set():
                    raise PullFailed("the pull was cancelled")
                data = source.read(size)
                done += len(data)
                self._on_progress(Progress(part["digest"], done, total))
                return data

        session.add_layer(cast(IO[bytes], Counted()), expected=diff_id)


class _Remote:
    """One repository of one registry. The only place that knows oras."""

    def __init__(self, wanted: Reference, auth: RegistryAuth | None) -> None:
        import oras.provider

        self._wanted = wanted
        host = host_of(wanted.registry)
        plain = host.startswith(_LOOPBACK)
        self._base = f"{'http' if plain else 'https'}://{host}/v2/{wanted.repository}"
        kind = "basic" if auth and self._asks_for_basic(f"{'http' if plain else 'https'}://{host}/v2/") else "token"
        self._client = oras.provider.Registry(hostname=host, insecure=plain, auth_backend=kind)
        for prefix in ("http://", "https://"):
            self._client.session.mount(prefix, _adapter())
        if auth:
            self._client.auth.set_basic_auth(auth.username, auth.password)

    def manifest(self) -> tuple[dict[str, Any], str]:
        """The manifest for this machine, and the digest of what the reference names."""
        content = self._manifest_bytes(self._wanted.digest or self._wanted.tag)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if self._wanted.digest and digest != self._wanted.digest:
            raise PullFailed(f"{self._wanted}: the registry sent another manifest than the digest names")
        document = self._parse(content)
        if "manifests" in document:
            part = self._choose(document["manifests"])
            content = self._manifest_bytes(part["digest"])
            _verify(content, part["digest"])
            document = self._parse(content)
        if "config" not in document or "layers" not in document:
            kind = document.get("mediaType") or f"schema {document.get('schemaVersion')}"
            raise PullFailed(f"{self._wanted}: manifests of type {kind} are not supported")
        return document, digest

    def blob(self, digest: str) -> IO[bytes]:
        """A blob's bytes as they come."""
        response = self._get(f"{self._base}/blobs/{digest}", {})
        response.raw.decode_content = False
        return _Body(response.raw, f"{self._wanted}: the connection broke")  # type: ignore[return-value]

    def _choose(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        for part in parts:
            platform = part.get("platform") or {}
            if (platform.get("os"), platform.get("architecture")) == ("linux", layers.architecture()):
                return part
        raise ImageNotFound(f"{self._wanted}: no image for linux/{layers.architecture()} in the manifest list")

    def _manifest_bytes(self, name: str) -> bytes:
        accepted = {"Accept": ", ".join((*_MANIFEST_TYPES, *_INDEX_TYPES))}
        content: bytes = self._get(f"{self._base}/manifests/{name}", accepted).content
        return content

    def _parse(self, content: bytes) -> dict[str, Any]:
        try:
            document = json.loads(content)
        except ValueError as error:
            raise PullFailed(f"{self._wanted}: the registry's manifest is no JSON") from error
        if not isinstance(document, dict):
            raise PullFailed(f"{self._wanted}: the registry's manifest is no JSON object")
        return document

    def _asks_for_basic(self, address: str) -> bool:
        """Whether the registry wants the password itself and not a token."""
        import requests

        try:
            answer = requests.get(address, timeout=(_CONNECT_S, _READ_S))
        except requests.RequestException as error:
            raise PullFailed(f"{self._wanted}: {_explain(error)}") from error
        return answer.headers.get("Www-Authenticate", "").lower().startswith("basic")

    def _get(self, address: str, headers: dict[str, str]) -> Any:
        import requests

        # The wrapper around this method retries for minutes; the kubelet has a back-off of its own.
        ask = type(self._client).do_request.__wrapped__
        try:
            response = ask(self._client, address, "GET", headers=headers, stream=True)
        except ValueError as error:
            # It wants credentials and we have none: without a token's address in the answer, oras asks an empty one.
            raise PullFailed(self._denied()) from error
        except requests.RequestException as error:
            raise PullFailed(f"{self._wanted}: {_explain(error)}") from error
        if response.status_code == 404:
            raise ImageNotFound(f"{self._wanted}: not found")
        if response.status_code in (401, 403):
            raise PullFailed(self._denied())
        if response.status_code == 429:
            raise PullFailed(f"{self._wanted}: the registry's pull rate limit is reached (429 Too Many Requests)")
        if response.status_code != 200:
            raise PullFailed(f"{self._wanted}: the registry answered {response.status_code} {response.reason}")
        return response

    def _denied(self) -> str:
        name = f"{self._wanted.registry}/{self._wanted.repository}"
        return f"pull access denied for {name}: the repository does not exist or needs credentials (imagePullSecrets)"


class _Body:
    """A response's body whose failures are ours."""

    def __init__(self, raw: Any, failure: str) -> None:
        self._raw = raw
        self._failure = failure

    def read(self, size: int = -1) -> bytes:
        import urllib3

        try:
            data: bytes = self._raw.read(None if size < 0 else size)
        except urllib3.exceptions.HTTPError as error:
            raise PullFailed(f"{self._failure}: {error}") from error
        return data


def _adapter() -> Any:
    """A transport that gives up in time, as oras sets no time limit."""
    import requests.adapters

    class Impatient(requests.adapters.HTTPAdapter):
        def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
            options["timeout"] = options.get("timeout") or (_CONNECT_S, _READ_S)
            return super().send(request, **options)

    return Impatient()


def _verify(content: bytes, digest: str) -> None:
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise PullFailed(f"the registry sent something else than {digest}")


def _explain(error: Exception) -> str:
    """The cause in one clear clause; the library's own text is a chain of class names."""
    import requests

    text = str(error)
    if "NameResolutionError" in text or "Failed to resolve" in text:
        return "the registry's host name cannot be resolved"
    if isinstance(error, requests.exceptions.SSLError):
        return "the registry's TLS certificate is not trusted"
    if isinstance(error, requests.exceptions.Timeout):
        return "the registry does not answer in time"
    if "Connection refused" in text:
        return "the registry refuses the connection"
    return f"the registry cannot be reached ({type(error).__name__})"
