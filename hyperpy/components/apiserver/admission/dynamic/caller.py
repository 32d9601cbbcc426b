"""Calls webhooks over HTTPS: the one file here that knows aiohttp. Failures are told in the words of Go's client.

One session keeps connections open between calls; `aclose` ends them. A call ends with its timeout.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from hyperpy.api import errors
from hyperpy.components.apiserver.admission.dynamic.service import Endpoint

if TYPE_CHECKING:
    import aiohttp

#: Longest answer of a webhook that is read.
MAX_ANSWER = 3 * 1024 * 1024
#: Seconds in which a connection must be open, whatever time the webhook has.
_CONNECT_S = 30.0
#: Trusted authorities kept ready; beyond, all are made anew.
_MAX_CONTEXTS = 64

_UNKNOWN_AUTHORITY = frozenset((18, 19, 20, 21))
_EXPIRED = frozenset((9, 10))
_WRONG_HOST = 62


class CallFailed(Exception):
    """No answer could be had; the message says why, `code` is the HTTP status for it."""

    def __init__(self, message: str, *, code: int = 503) -> None:
        super().__init__(message)
        self.code = code


class Caller:
    """Sends a question to a webhook and brings back its answer."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[bytes | None, ssl.SSLContext] = {}

    async def call(self, endpoint: Endpoint, body: dict[str, Any], *, timeout_s: float) -> Any:
        """Post an object and return the object in the answer.

        Raises:
            CallFailed: there was none.
        """
        import aiohttp

        context = self._context(endpoint.trusted)
        content = orjson.dumps(body)
        try:
            async with asyncio.timeout(timeout_s):
                try:
                    status, answer = await self._post(endpoint, content, context)
                except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                    # The connection had waited in the pool and was closed meanwhile: once more on a new one.
                    status, answer = await self._post(endpoint, content, context)
        except TimeoutError as error:
            raise CallFailed(f'Post "{endpoint.url}": context deadline exceeded') from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallFailed(f'Post "{endpoint.url}": {_why(error, endpoint)}') from error
        return _decoded(status, answer)

    async def _post(self, endpoint: Endpoint, content: bytes, context: ssl.SSLContext) -> tuple[int, bytes]:
        """The status and the body of the answer, of which no more is read than is taken."""
        import yarl

        parts = urlsplit(endpoint.url)
        authority = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
        target = f"https://{authority}:{endpoint.port}{parts.path or '/'}?{parts.query}"
        async with self._open().post(
            yarl.URL(target, encoded=True),
            data=content,
            headers={"Host": parts.netloc, "Content-Type": "application/json", "Accept": "application/json"},
            ssl=context,
            server_hostname=endpoint.host,
            allow_redirects=False,
        ) as response:
            answer = await response.content.read(MAX_ANSWER + 1)
            while len(answer) <= MAX_ANSWER and not response.content.at_eof():
                answer += await response.content.read(MAX_ANSWER + 1 - len(answer))
            return response.status, answer

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
                auto_decompress=True,
                headers={"User-Agent": "kube-apiserver-admission"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _context(self, trusted: bytes | None) -> ssl.SSLContext:
        context = self._contexts.get(trusted)
        if context is None:
            context = _trusting(trusted)
            if len(self._contexts) >= _MAX_CONTEXTS:
                self._contexts.clear()
            self._contexts[trusted] = context
        return context


def _trusting(trusted: bytes | None) -> ssl.SSLContext:
    """Raises CallFailed when the authorities cannot be read."""
    try:
        return ssl.create_default_context(cadata=None if trusted is None else trusted.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError) as error:
        why = "unable to load root certificates: unable to parse bytes as PEM block"
        raise CallFailed(why, code=500) from error


def _why(error: Exception, endpoint: Endpoint) -> str:
    certificate = _certificate_error(error)
    if certificate is not None:
        return f"tls: failed to verify certificate: {_x509(certificate, endpoint)}"
    where = f"dial tcp {endpoint.address}:{endpoint.port}"
    number = getattr(error, "errno", None) or getattr(getattr(error, "os_error", None), "errno", None)
    if number == errno.ECONNREFUSED or isinstance(error, ConnectionRefusedError):
        return f"{where}: connect: connection refused"
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {endpoint.address}: no such host"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{where}: connect: {error.os_error.strerror or error.os_error}".lower()
    return str(error) or type(error).__name__


def _certificate_error(error: Exception) -> ssl.SSLCertVerificationError | None:
    """The ssl module's own error, which aiohttp wraps into one of the same class but without its attributes."""
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    return inner if isinstance(inner, ssl.SSLCertVerificationError) and hasattr(inner, "verify_code") else None


def _x509(error: ssl.SSLCertVerificationError, endpoint: Endpoint) -> str:
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return "x509: certificate signed by unknown authority"
    if error.verify_code in _EXPIRED:
        return "x509: certificate has expired or is not yet valid"
    if error.verify_code == _WRONG_HOST:
        return f"x509: certificate is not valid for {endpoint.host}"
    return f"x509: {error.verify_message}"


def _decoded(status: int, content: bytes) -> Any:
    try:
        body = orjson.loads(content) if len(content) <= MAX_ANSWER else None
    except orjson.JSONDecodeError as error:
        body, problem = None, str(error)
    else:
        problem = f"it is longer than {MAX_ANSWER} bytes"
    if 200 <= status < 300:
        if body is None:
            raise CallFailed(f"couldn't get version/kind; json parse error: {problem}")
        return body
    if isinstance(body, dict) and body.get("kind") == "Status":
        raise CallFailed(errors.from_status(body, code=status).message, code=status)
    raise CallFailed(_words(status, content), code=status)


def _words(status: int, content: bytes) -> str:
    """What Go's client says of an HTTP status without a Status."""
    if status == 404:
        return "the server could not find the requested resource"
    if status == 401:
        return "the server has asked for the client to provide credentials"
    if status == 403:
        return "the server does not allow access to the requested resource"
    if status >= 500:
        text = content[:2048].decode(errors="replace").strip() or "unknown"
        return f'an error on the server ("{text}") has prevented the request from succeeding'
    return "the server rejected our request for an unknown reason"
