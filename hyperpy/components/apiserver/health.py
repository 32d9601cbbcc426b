"""/healthz, /livez, /readyz with their named checks, and /version.

Source: "Kubernetes API health endpoints" for paths, options and texts.
"""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import Awaitable, Callable, Mapping

import orjson

import hyperpy
from hyperpy.api.wire import Request, Response

log = logging.getLogger(__name__)

CHECK_S = 5.0

#: Answers nothing when well, else what is wrong.
Check = Callable[[], Awaitable[str | None]]


class Health:
    """Answers the health paths.

    Args:
        live: checks of all three paths.
        ready: checks of /readyz besides.
    """

    def __init__(self, live: Mapping[str, Check], ready: Mapping[str, Check]) -> None:
        self._checks = {"healthz": dict(live), "livez": dict(live), "readyz": {**live, **ready}}

    async def answer(self, request: Request) -> Response | None:
        """The answer to a request for /healthz, /livez, /readyz, one of their checks, or /version; else None."""
        root, _, name = request.path.strip("/").partition("/")
        if root == "version" and not name:
            return Response(200, version())
        checks = self._checks.get(root)
        if checks is None:
            return None
        if name:
            if name not in checks:
                return None
            problem = await _run(name, checks[name])
            return _text(500, f"internal server error: {problem}") if problem else _text(200, "ok")
        return await _all(request, root, checks)


async def _all(request: Request, root: str, checks: Mapping[str, Check]) -> Response:
    excluded = set(request.query.get("exclude", ()))
    lines, failed = [], False
    for name, check in checks.items():
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok")
        elif problem := await _run(name, check):
            failed = True
            lines.append(f"[-]{name} failed: {problem}")
        else:
            lines.append(f"[+]{name} ok")
    unknown = sorted(excluded - checks.keys())
    if unknown:
        named = ",".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {named}")
    if failed:
        return _text(500, "\n".join((*lines, f"{root} check failed")))
    if "verbose" in request.query:
        return _text(200, "\n".join((*lines, f"{root} check passed")))
    return _text(200, "ok")


async def _run(name: str, check: Check) -> str | None:
    """What is wrong, without detail: these paths answer without credentials, so the detail goes to the log."""
    try:
        async with asyncio.timeout(CHECK_S):
            problem = await check()
    except TimeoutError:
        problem = f"no answer within {CHECK_S:.0f} s"
    if problem:
        log.warning("health check %s failed: %s", name, problem)
        return "reason withheld"
    return None


def _text(status: int, text: str) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
    return Response(status, text.encode() + (b"\n" if "\n" in text else b""), "text/plain; charset=utf-8", headers)


def version() -> bytes:
    """The body of /version."""
    major, minor = hyperpy.KUBERNETES_VERSION.removeprefix("v").split(".")[:2]
    return orjson.dumps(
        {
            "major": major,
            "minor": minor,
            "gitVersion": hyperpy.KUBERNETES_VERSION,
            "gitCommit": f"hyperpy-{hyperpy.__version__}",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": f"none (Python {platform.python_version()})",
            "compiler": platform.python_implementation(),
            "platform": f"{platform.system().lower()}/{_architecture()}",
        },
        option=orjson.OPT_INDENT_2,
    )


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
