"""The servers behind APIServices: where each one is, how it is greeted, and who it is told is asking.

Watches: Service, EndpointSlice (from the first remote APIService on).
"""

from __future__ import annotations

import base64
import random
import ssl
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from hyperpy.api import errors, kinds, proxy_target
from hyperpy.api.wire import UserInfo
from hyperpy.client.informer import Informer, Informers
from hyperpy.components.apiserver.credentials.pki import Credentials
from hyperpy.components.apiserver.streams import backend, nodes
from hyperpy.components.apiserver.streams.backend import Target
from hyperpy.components.apiserver.streams.proxy import SERVICE_NAME

Obj = dict[str, Any]

_SERVICE = "service"
_REMOTE = "x-remote-"


class Backing:
    """Finds the servers.

    Args:
        credentials: the front proxy's client certificate, given on first use.
        rng: picks among a service's endpoints.
    """

    def __init__(self, informers: Informers, *, credentials: Callable[[], Credentials], rng: random.Random) -> None:
        self._informers = informers
        self._credentials = credentials
        self._rng = rng
        self._services: Informer | None = None
        self._slices: Informer | None = None
        self._tls: dict[tuple[str, bool], ssl.SSLContext] = {}

    def watch(self, changed: Callable[[str, str], None]) -> None:
        """Begin to follow Services and their endpoints, once; `changed` gets the namespace and name of each change."""
        if self._services is not None:
            return

        def slice_changed(event: str, old: Obj | None, new: Obj | None) -> None:
            for key in _services_of(new or old):
                namespace, _, name = key.partition("/")
                changed(namespace, name)

        self._services = self._informers.of(kinds.SERVICE)
        self._slices = self._informers.of(kinds.ENDPOINT_SLICE)
        self._slices.add_index(_SERVICE, _services_of)
        self._services.subscribe(lambda event, old, new: changed(*_place(new or old or {})))
        self._slices.subscribe(slice_changed)

    async def synced(self) -> None:
        """Wait until Services and endpoints are known."""
        for informer in (self._services, self._slices):
            if informer is not None:
                await informer.synced()

    def found(self, reference: Obj) -> tuple[Obj | None, list[Obj]]:
        """The Service that `spec.service` names, and its EndpointSlices."""
        assert self._services is not None and self._slices is not None, "watch() comes first"
        namespace, name = reference["namespace"], reference["name"]
        return self._services.get(name, namespace), self._slices.by_index(_SERVICE, f"{namespace}/{name}")

    def target(self, service: Obj, uri: str, *, checked: bool = True) -> Target:
        """Where a request goes.

        Args:
            service: the APIService.
            uri: path and query, percent-encoded.
            checked: whether the server must prove who it is, as far as the APIService wants it.
        Raises:
            ServiceUnavailable: there is no such Service, or nothing behind it.
            InternalError: the APIService's authority is not one.
        """
        spec = service["spec"]
        reference = spec["service"]
        namespace, name, port = reference["namespace"], reference["name"], reference["port"]
        host, number = self._address(reference)
        where = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
        unchecked = not checked or bool(spec.get("insecureSkipTLSVerify"))
        tls = self._context(spec.get("caBundle") or "", unchecked=unchecked)
        what = f'service/{name} in "{namespace}", port {port}'
        return Target(f"https://{where}{uri}", tls, what, server_name=f"{name}.{namespace}.svc")

    def _address(self, reference: Obj) -> tuple[str, int]:
        service, slices = self.found(reference)
        if service is None:
            raise errors.ServiceUnavailable(f"service/{reference['name']} is not present")
        if service["spec"].get("type") == "ExternalName":
            return str(service["spec"].get("externalName")), int(reference["port"])
        return proxy_target.service_address(service, slices, str(reference["port"]), rng=self._rng)

    def _context(self, bundle: str, *, unchecked: bool) -> ssl.SSLContext:
        key = ("" if unchecked else bundle), unchecked
        found = self._tls.get(key)
        if found is None:
            try:
                found = nodes.unchecked() if unchecked else ssl.create_default_context(cadata=_authority(bundle))
            except (ssl.SSLError, ValueError) as error:  # among them: no base64, not text, nothing
                raise errors.InternalError(f"spec.caBundle: no PEM certificates: {error}") from error
            own = self._credentials()
            found.load_cert_chain(own.cert_file, own.key_file)
            self._tls[key] = found
        return found


def headers_for(user: UserInfo, given: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the other server is sent: the client's headers, and instead of its credentials who it is.

    Source: client-go's `SetAuthProxyHeaders`.
    """
    sent = [(name, value) for name, value in backend.forwarded(given) if not name.lower().startswith(_REMOTE)]
    sent.append(("X-Remote-User", user.name))
    if user.uid:
        sent.append(("X-Remote-Uid", user.uid))
    sent += [("X-Remote-Group", group) for group in user.groups]
    for name, values in user.extra.items():
        sent += [(f"X-Remote-Extra-{quote(name, safe='')}", value) for value in values]
    return sent


def _authority(bundle: str) -> str | None:
    return base64.b64decode(bundle, validate=True).decode() if bundle else None


def _services_of(piece: Obj | None) -> list[str]:
    meta = (piece or {}).get("metadata") or {}
    name = (meta.get("labels") or {}).get(SERVICE_NAME)
    return [f"{meta['namespace']}/{name}"] if name else []


def _place(obj: Obj) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
