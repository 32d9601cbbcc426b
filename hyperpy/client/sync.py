"""A client without an event loop: what a command line needs that asks once or twice and ends."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import orjson

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.client import handshake, tls
from hyperpy.client.kubeconfig import ClusterAccess
from hyperpy.client.protocol import MERGE_PATCH, DeleteOptions, Obj
from hyperpy.client.refusals import refusal
from hyperpy.client.websocket import WebSocket

JSON = "application/json"
TIMEOUT_S = 60.0

Query = Mapping[str, str | list[str]]


class Unreachable(errors.ServiceUnavailable):
    """The API server cannot be asked at all; the message is what kubectl says."""


class SyncClient:
    """Asks one API server over one kept connection. Not for several threads. Close it by `close()`.

    Args:
        access: where the server is and who asks.
        user_agent: as the server's logs show it.
    """

    def __init__(self, access: ClusterAccess, *, user_agent: str = "hyperpy-ctl") -> None:
        self.access = access
        self._url = urlsplit(access.server if "://" in access.server else f"http://{access.server}")
        self._headers = {"User-Agent": user_agent}
        if access.token:
            self._headers["Authorization"] = f"Bearer {access.token}"
        self._tls: ssl.SSLContext | None = None
        self._kept: http.client.HTTPConnection | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> bytes:
        """One request and its whole answer.

        Raises:
            errors.StatusError: the server refuses.
            Unreachable: it cannot be asked.
        """
        headers = {"Accept": accept, **({"Content-Type": content_type} if body is not None else {})}
        response = self._ask(method, self._target(path, query), body, headers)
        data = response.read()
        if response.status >= 400:
            raise refusal(response.status, data, f"{method} {path}")
        return data

    def json(self, method: str, path: str, **options: Any) -> Obj:
        """`request` with the answer decoded."""
        return cast(Obj, orjson.loads(self.request(method, path, **options)))

    def get(self, kind: Kind, name: str, *, namespace: str | None = None, subresource: str | None = None) -> Obj:
        """One object."""
        return self.json("GET", kind.path(namespace=namespace, name=name, subresource=subresource))

    def list(self, kind: Kind, *, namespace: str | None = None, **selectors: str) -> list[Obj]:
        """The objects of a kind; `label_selector` and `field_selector` choose. Each carries its kind."""
        query = {_PARAMETERS[name]: value for name, value in selectors.items() if value}
        items = self.json("GET", kind.path(namespace=namespace), query=query).get("items") or []
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in items]

    def create(self, kind: Kind, obj: Obj, *, namespace: str | None = None, query: Query | None = None) -> Obj:
        """POST an object."""
        return self.json("POST", kind.path(namespace=namespace), query=query, body=orjson.dumps(obj))

    def patch(
        self,
        kind: Kind,
        name: str,
        body: Any,
        *,
        namespace: str | None = None,
        patch_type: str = MERGE_PATCH,
        subresource: str | None = None,
        query: Query | None = None,
    ) -> Obj:
        """PATCH an object."""
        path = kind.path(namespace=namespace, name=name, subresource=subresource)
        return self.json("PATCH", path, query=query, body=orjson.dumps(body), content_type=patch_type)

    def delete(
        self, kind: Kind, name: str, *, namespace: str | None = None, options: DeleteOptions | None = None
    ) -> Obj:
        """DELETE an object; the answer is the object while finalizers or a grace period hold it, else a Status."""
        body = orjson.dumps((options or DeleteOptions()).document())
        return self.json("DELETE", kind.path(namespace=namespace, name=name), body=body)

    @contextlib.contextmanager
    def stream(
        self, path: str, *, query: Query | None = None, accept: str = "*/*"
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer that is read while it comes, on a connection of its own that ends with the block."""
        connection = self._connect()
        try:
            response = self._send(connection, "GET", self._target(path, query), None, {"Accept": accept})
            if response.status >= 400:
                raise refusal(response.status, response.read(), f"GET {path}")
            if connection.sock is not None:
                connection.sock.settimeout(None)
            yield response
        except OSError as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def watch(self, path: str, *, query: Mapping[str, str], accept: str = JSON) -> Iterator[Obj]:
        """Watch events, as decoded JSON, until the server ends the stream.

        Raises:
            errors.StatusError: an ERROR event came, such as Expired.
        """
        with self.stream(path, query={**query, "watch": "true"}, accept=accept) as response:
            while line := response.readline():
                event = cast(Obj, orjson.loads(line))
                if event.get("type") == "ERROR":
                    raise errors.from_status(event["object"])
                yield event

    def upgrade(self, path: str, *, query: Query, protocols: tuple[str, ...]) -> WebSocket:
        """A WebSocket. The caller closes it.

        Raises:
            errors.StatusError: the server refuses.
        """
        connection = self._connect()
        try:
            if connection.sock is None:
                connection.connect()
            sock = cast(socket.socket, connection.sock)
            target, headers = self._target(path, query), {"Host": self._url.netloc, **self._headers}
            opened = handshake.upgrade(sock, target=target, headers=headers, protocols=protocols)
            connection.sock = None
            return opened
        except handshake.Refused as answer:
            raise refusal(answer.status, answer.body, f"GET {path}") from None
        except OSError as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close the kept connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _target(self, path: str, query: Query | None) -> str:
        target = self._url.path.rstrip("/") + quote(path, safe="/:@")
        return f"{target}?{urlencode(query, doseq=True)}" if query else target

    def _ask(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Ask over the kept connection; when the server has closed it meanwhile, once more over a new one."""
        kept = self._kept is not None
        connection = self._kept = self._kept or self._connect()
        try:
            return self._send(connection, method, target, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            self.close()
            if not kept:
                raise self._unreachable(error) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error) from error
        return self._ask(method, target, body, headers)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> http.client.HTTPResponse:
        connection.request(method, target, body=body, headers={**self._headers, **headers})
        return connection.getresponse()

    def _connect(self) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, self._url.port or 80, timeout=TIMEOUT_S)
        if self._url.scheme != "https":
            raise Unreachable(f"error: the server {self.access.server} must be an http or https URL")
        if self._tls is None:
            self._tls = tls.context(self.access)
        return http.client.HTTPSConnection(host, self._url.port or 443, timeout=TIMEOUT_S, context=self._tls)

    def _unreachable(self, error: BaseException) -> Unreachable:
        if isinstance(error, ConnectionRefusedError):
            place = self._url.netloc
            return Unreachable(
                f"The connection to the server {place} was refused - did you specify the right host or port?"
            )
        if isinstance(error, ssl.SSLCertVerificationError):
            why = f"failed to verify certificate: {error.verify_message}"
            return Unreachable(f"Unable to connect to the server: tls: {why}")
        return Unreachable(f"Unable to connect to the server: {error or type(error).__name__}")


_PARAMETERS = {"label_selector": "labelSelector", "field_selector": "fieldSelector"}
