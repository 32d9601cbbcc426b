"""Rules of probes and life cycle hooks: one way to act, sensible times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

_TIMES = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_IN_PROBES = ("exec", "httpGet", "tcpSocket", "grpc")
_IN_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")
_SCHEMES = ("HTTP", "HTTPS")
_WINDOWS_SIGNALS = frozenset(("SIGKILL", "SIGTERM"))
_SIGNALS = frozenset((
    "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO",
    "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV", "SIGSTKFLT", "SIGSTOP",
    "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM",
    "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGRTMIN", *(f"SIGRTMIN+{number}" for number in range(1, 16)), "SIGRTMAX",
    *(f"SIGRTMAX-{number}" for number in range(1, 15)),
))  # fmt: skip


def probe(given: Obj, path: str, *, kind: str) -> Iterator[Cause]:
    """One probe; `kind` is the field it stands in."""
    yield from _handler(given, path, allowed=_IN_PROBES, grace_s=None)
    yield from rules.not_negative(given, path, *_TIMES)
    grace = given.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield cause.invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")
    if kind == "readinessProbe":
        if grace is not None:
            text = "must not be set for readinessProbes"
            yield cause.invalid(f"{path}.terminationGracePeriodSeconds", grace, text)
    elif given.get("successThreshold") != 1:
        yield cause.invalid(f"{path}.successThreshold", given.get("successThreshold") or 0, "must be 1")


def lifecycle(given: Obj, path: str, *, grace_s: int | None, os: str) -> Iterator[Cause]:
    """Both hooks of a container, and the signal that stops it; `os` is the pod's, "" when it does not say."""
    for name in ("postStart", "preStop"):
        if given.get(name) is not None:
            yield from _handler(given[name], f"{path}.{name}", allowed=_IN_HOOKS, grace_s=grace_s)
    signal = given.get("stopSignal")
    if signal is None:
        return
    if not os:
        yield cause.forbidden(f"{path}.stopSignal", "may not be set for containers with empty `spec.os.name`")
    elif signal not in (_WINDOWS_SIGNALS if os == "windows" else _SIGNALS):
        supported = _WINDOWS_SIGNALS if os == "windows" else _SIGNALS
        yield cause.not_supported(f"{path}.stopSignal", signal, supported)


def _handler(given: Obj, path: str, *, allowed: tuple[str, ...], grace_s: int | None) -> Iterator[Cause]:
    chosen = [name for name in allowed if given.get(name) is not None]
    if not chosen:
        yield cause.required(path, "must specify a handler type")
        return
    for name in chosen[1:]:
        yield cause.forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    action, place = given[chosen[0]], f"{path}.{chosen[0]}"
    match chosen[0]:
        case "exec":
            if not action.get("command"):
                yield cause.required(f"{place}.command")
        case "httpGet":
            yield from _http_get(action, place)
        case "sleep":
            seconds = action.get("seconds") or 0
            if grace_s is not None and not 0 <= seconds <= grace_s:
                text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_s})"
                yield cause.invalid(place, seconds, text)
        case _:
            yield from rules.formed(f"{place}.port", action.get("port", 0), formats.port)


def _http_get(action: Obj, path: str) -> Iterator[Cause]:
    if not action.get("path"):
        yield cause.required(f"{path}.path")
    yield from rules.formed(f"{path}.port", action.get("port", 0), formats.port)
    if action.get("scheme") not in _SCHEMES:
        yield cause.not_supported(f"{path}.scheme", action.get("scheme") or "", _SCHEMES)
    for header in action.get("httpHeaders") or ():
        yield from rules.formed(f"{path}.httpHeaders", header.get("name") or "", formats.header_name)
