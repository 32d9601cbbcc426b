"""The error tree: every failure that crosses the API is one of these, and each is one Kubernetes Status.

StatusError
├── BadRequest 400            ├── Gone 410 (reason Gone)
├── Unauthorized 401          │   └── Expired 410 (a resourceVersion or continue token is too old)
├── Forbidden 403             ├── RequestEntityTooLarge 413
├── NotFound 404              ├── UnsupportedMediaType 415
├── MethodNotAllowed 405      ├── Invalid 422
├── NotAcceptable 406         ├── TooManyRequests 429
├── AlreadyExists 409         ├── InternalError 500
├── Conflict 409              ├── ServiceUnavailable 503
└── Timeout 504

Source of reasons and codes: the API reference, "Status" (meta/v1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StatusError(Exception):
    """A failure with a place in the Kubernetes API.

    Args:
        message: what was wrong, where, and what to do.
        details: `Status.details` (name, group, kind, causes, ...), or None.
        retry_after_s: seconds after which a retry may help, or None.

    `warnings` are texts for the client that came up before the failure, for Warning headers.
    """

    code = 500
    reason = "InternalError"
    warnings: Sequence[str] = ()

    def __init__(
        self, message: str, *, details: dict[str, Any] | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
        if retry_after_s is not None:
            self.details["retryAfterSeconds"] = retry_after_s

    @property
    def retry_after_s(self) -> int | None:
        """Seconds to wait before a retry, or None when a retry will not help."""
        return self.details.get("retryAfterSeconds")

    def status(self) -> dict[str, Any]:
        """The error as a `Status` object, ready to be sent."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = {name: value for name, value in self.details.items() if value != ""}
        return status


class BadRequest(StatusError):
    code, reason = 400, "BadRequest"


class Unauthorized(StatusError):
    code, reason = 401, "Unauthorized"


class Forbidden(StatusError):
    code, reason = 403, "Forbidden"


class NotFound(StatusError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(StatusError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(StatusError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(StatusError):
    code, reason = 409, "AlreadyExists"


class Conflict(StatusError):
    code, reason = 409, "Conflict"


class Gone(StatusError):
    code, reason = 410, "Gone"


class Expired(Gone):
    code, reason = 410, "Expired"


class RequestEntityTooLarge(StatusError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(StatusError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(StatusError):
    code, reason = 422, "Invalid"


class TooManyRequests(StatusError):
    code, reason = 429, "TooManyRequests"


class InternalError(StatusError):
    code, reason = 500, "InternalError"


class ServiceUnavailable(StatusError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(StatusError):
    code, reason = 504, "Timeout"


_CLASSES: tuple[type[StatusError], ...] = (
    BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Conflict, AlreadyExists, Gone,
    Expired, RequestEntityTooLarge, UnsupportedMediaType, Invalid, TooManyRequests, InternalError, ServiceUnavailable,
    Timeout,
)  # fmt: skip
_BY_REASON = {cls.reason: cls for cls in _CLASSES}
_BY_CODE = {cls.code: cls for cls in reversed(_CLASSES)}


def from_status(status: dict[str, Any], *, code: int | None = None) -> StatusError:
    """The error that a received `Status` object stands for.

    Args:
        status: the body; anything that is not a Status gives the class of `code`.
        code: the HTTP status code it came with.
    """
    reason, number = status.get("reason"), status.get("code") or code or 500
    cls = _BY_REASON.get(str(reason)) or _BY_CODE.get(number) or StatusError
    error = cls(str(status.get("message") or f"the server answered {number}"), details=status.get("details"))
    if error.code != number:
        error.code = number
    return error


def not_found(group: str, plural: str, name: str) -> NotFound:
    """`pods "web" not found`, with the details kubectl reads."""
    qualified = f"{plural}.{group}" if group else plural
    return NotFound(f'{qualified} "{name}" not found', details={"name": name, "group": group, "kind": plural})


def already_exists(group: str, plural: str, name: str) -> AlreadyExists:
    """`pods "web" already exists`."""
    qualified = f"{plural}.{group}" if group else plural
    return AlreadyExists(f'{qualified} "{name}" already exists', details={"name": name, "group": group, "kind": plural})


def conflict(group: str, plural: str, name: str, why: str) -> Conflict:
    """`Operation cannot be fulfilled on pods "web": why`."""
    qualified = f"{plural}.{group}" if group else plural
    return Conflict(
        f'Operation cannot be fulfilled on {qualified} "{name}": {why}',
        details={"name": name, "group": group, "kind": plural},
    )
