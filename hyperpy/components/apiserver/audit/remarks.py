"""The request that is worked on in this task, for whoever has something to say about it, far down in the call.

An admission plugin annotates the audit event; what waits for another server says how long. Without a request (the API
server's own work) nothing happens.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Request(Protocol):
    """A request on its way."""

    audit_id: str

    def annotate(self, key: str, value: str) -> None: ...

    def waited(self, seconds: float) -> None: ...


#: How keys begin whose values are parts of the object.
PATCHES = "patch.webhook.admission.k8s.io/"

_current: ContextVar[Request | None] = ContextVar("request", default=None)


def add(key: str, value: str) -> None:
    """Annotate the audit event of the request that is worked on. The first value of a key stays.

    Args:
        key: names its author, such as `pod-security.kubernetes.io/enforce-policy`.
    """
    request = _current.get()
    if request is not None:
        request.annotate(key, value)


def waited(seconds: float) -> None:
    """Tell that the request has waited for webhooks: this time is not ours."""
    request = _current.get()
    if request is not None:
        request.waited(seconds)


def audit_id() -> str:
    """The audit id of the request that is worked on, "" without one."""
    request = _current.get()
    return request.audit_id if request is not None else ""


def current() -> Request | None:
    """The request that is worked on."""
    return _current.get()


def open_for(request: Request | None) -> None:
    """From now on this task and its children work on `request`."""
    _current.set(request)
