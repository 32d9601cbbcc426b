"""One try of a probe or hook handler: HTTP request, TCP connection, gRPC health check or command.

Source: the API reference of Probe and LifecycleHandler; messages are those of the kubelet's events.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from hyperpy.components.kubelet import grpc_health
from hyperpy.components.kubelet.run_command import run_command
from hyperpy.runtime.protocol import Runtime, RuntimeFailure

if TYPE_CHECKING:
    import aiohttp

Obj = dict[str, Any]

USER_AGENT = "kube-probe/1.34"
MAX_BODY = 10 * 1024
MAX_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Result:
    """`message` says what was wrong, or what an exec wrote."""

    success: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The container a handler is for. `ip` is the Pod's; `ports` its named ports."""

    container_id: str
    ip: str
    ports: Mapping[str, int]


class Handlers:
    """Runs handlers. One HTTP session for the node, made on first use, closed by `aclose`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._session: aiohttp.ClientSession | None = None

    async def run(self, handler: Obj, target: Target, *, timeout_s: float) -> Result:
        """Run one handler of a probe or hook; every failure is a result, never an exception."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._run(handler, target)
        except TimeoutError:
            return Result(False, f"command timed out after {timeout_s:g}s" if "exec" in handler else "timed out")
        except RuntimeFailure as error:
            return Result(False, str(error))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _run(self, handler: Obj, target: Target) -> Result:
        if "exec" in handler:
            done = await run_command(self._runtime, target.container_id, handler["exec"].get("command") or ())
            return Result(done.exit_code == 0, done.output)
        if "httpGet" in handler:
            return await self._http(handler["httpGet"], target)
        if "tcpSocket" in handler:
            action = handler["tcpSocket"]
            return await _tcp(action.get("host") or target.ip, port_number(action["port"], target.ports))
        if "grpc" in handler:
            action = handler["grpc"]
            problem = await grpc_health.check(target.ip, action["port"], service=action.get("service") or "")
            return Result(not problem, problem)
        if "sleep" in handler:
            await asyncio.sleep(handler["sleep"]["seconds"])
            return Result(True)
        return Result(False, f"handler {', '.join(handler) or '(none)'} is not supported")

    async def _http(self, action: Obj, target: Target) -> Result:
        import aiohttp

        host = action.get("host") or target.ip
        shown = f"[{host}]" if ":" in host else host
        port = port_number(action["port"], target.ports)
        path = action.get("path") or "/"
        url = (
            f"{(action.get('scheme') or 'HTTP').lower()}://{shown}:{port}{path if path.startswith('/') else '/' + path}"
        )
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*"}
        headers.update({header["name"]: header["value"] for header in action.get("httpHeaders") or ()})
        try:
            return await self._follow(url, headers)
        except (aiohttp.ClientError, OSError) as error:
            return Result(False, f'Get "{url}": {error}')

    async def _follow(self, url: str, headers: Mapping[str, str]) -> Result:
        """GET, following redirects on the same host; a redirect to another host counts as a success."""
        for _ in range(MAX_REDIRECTS):
            async with self._client().get(url, headers=headers, allow_redirects=False) as answer:
                location = answer.headers.get("Location")
                if answer.status not in (301, 302, 303, 307, 308) or location is None:
                    await answer.content.read(MAX_BODY)
                    good = 200 <= answer.status < 400
                    return Result(good, "" if good else f"HTTP probe failed with statuscode: {answer.status}")
                following = urljoin(url, location)
                if urlsplit(following).hostname != urlsplit(url).hostname:
                    return Result(True)
                url = following
        return Result(False, f'Get "{url}": stopped after {MAX_REDIRECTS} redirects')

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            unchecked = ssl.create_default_context()
            unchecked.check_hostname = False
            unchecked.verify_mode = ssl.CERT_NONE
            connector = aiohttp.TCPConnector(ssl=unchecked, force_close=True, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _tcp(host: str, port: int) -> Result:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return Result(False, f"dial tcp {host}:{port}: {error.strerror or error}")
    writer.close()
    return Result(True)


def port_number(port: int | str, ports: Mapping[str, int]) -> int:
    """A port by number or by the name a container gives it.

    Raises:
        RuntimeFailure: there is no port of that name.
    """
    if isinstance(port, int):
        return port
    if port in ports:
        return ports[port]
    if port.isdigit():
        return int(port)
    raise RuntimeFailure(f'the container has no port named "{port}"')


def named_ports(container: Obj) -> dict[str, int]:
    """A container's ports by name."""
    return {port["name"]: port["containerPort"] for port in container.get("ports") or () if port.get("name")}
