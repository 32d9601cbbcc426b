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
from hyperpy.api import errors
from hyperpy.api.wire import Request, Response
from hyperpy.components.instruments import Instruments

log = logging.getLogger(__name__)

CHECK_S = 5.0

#: Answers nothing when well, else what is wrong.
Check = Callable[[], Awaitable[str | None]]


class Health:
    """Answers the health paths.

    Args:
        live: checks of all three paths.
        ready: checks of /readyz besides.
        slis: where the results are counted, for /metrics/slis.
    """

    def __init__(self, live: Mapping[str, Check], ready: Mapping[str, Check], slis: Instruments | None = None) -> None:
        self._checks = {"healthz": dict(live), "livez": dict(live), "readyz": {**live, **ready}}
        self._results = Results(slis or Instruments())

    @property
    def paths(self) -> list[str]:
        """Every path that is answered."""
        below = [f"/{root}/{name}" for root, checks in self._checks.items() for name in checks]
        return [*(f"/{root}" for root in self._checks), *below, "/version"]

    async def answer(self, request: Request) -> Response | None:
        """The answer to a request for /healthz, /livez, /readyz, one of their checks, or /version; else None.

        Raises:
            MethodNotAllowed: it is not only read.
        """
        root, _, name = request.path.strip("/").partition("/")
        if root == "version" and not name:
            _only_read(request)
            return Response(200, version())
        checks = self._checks.get(root)
        if checks is None:
            return None
        _only_read(request)
        if name:
            if name not in checks:
                return None
            problem = await self._run(root, name, checks[name])
            return _text(500, f"internal server error: {problem}\n") if problem else _text(200, "ok")
        return await self._all(request, root, checks)

    async def _all(self, request: Request, root: str, checks: Mapping[str, Check]) -> Response:
        excluded = set(request.query.get("exclude", ()))
        lines, failed = [], False
        for name, check in checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
            elif problem := await self._run(root, name, check):
                failed = True
                lines.append(f"[-]{name} failed: {problem}")
            else:
                lines.append(f"[+]{name} ok")
        unknown = sorted(excluded - checks.keys())
        if unknown:
            named = ",".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {named}")
        if failed:
            return _text(500, "\n".join((*lines, f"{root} check failed\n")))
        if "verbose" in request.query:
            return _text(200, "\n".join((*lines, f"{root} check passed\n")))
        return _text(200, "ok")

    async def _run(self, root: str, name: str, check: Check) -> str | None:
        """What is wrong, without detail: these paths answer without credentials, so the detail goes to the log."""
        try:
            async with asyncio.timeout(CHECK_S):
                problem = await check()
        except TimeoutError:
            problem = f"no answer within {CHECK_S:.0f} s"
        self._results.note(root, name, well=not problem)
        if problem:
            log.warning("health check %s failed: %s", name, problem)
            return "reason withheld"
        return None


class Results:
    """Counts results of checks, as Kubernetes' `kubernetes_healthcheck` metrics do."""

    def __init__(self, slis: Instruments) -> None:
        self._now = slis.gauge(
            "kubernetes_healthcheck", "This metric records the result of a single healthcheck.", ("name", "type")
        )
        self._total = slis.counter(
            "kubernetes_healthchecks_total",
            "This metric records the results of all healthcheck.",
            ("name", "type", "status"),
        )

    def note(self, root: str, name: str, *, well: bool) -> None:
        """A check was run."""
        self._now.child(name, root).set(float(well))
        self._total.child(name, root, "success" if well else "error").inc()


def _only_read(request: Request) -> None:
    if request.method not in ("GET", "HEAD"):
        raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")


def _text(status: int, text: str) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
    return Response(status, text.encode(), "text/plain; charset=utf-8", headers)


def version() -> bytes:
    """The body of /version. It emulates and is compatible with no other version than its own."""
    told = build_info()
    major, minor = told["major"], told["minor"]
    compatible = {
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": minor,
    }
    order = ("major", "minor", *compatible, "gitVersion")
    told |= compatible
    return orjson.dumps({**{name: told[name] for name in order}, **told}, option=orjson.OPT_INDENT_2)


def build_info() -> dict[str, str]:
    """What this server is, in the words of /version."""
    major, minor = hyperpy.KUBERNETES_VERSION.removeprefix("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": hyperpy.KUBERNETES_VERSION,
        "gitCommit": f"hyperpy-{hyperpy.__version__}",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"none (Python {platform.python_version()})",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system().lower()}/{_architecture()}",
    }


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
