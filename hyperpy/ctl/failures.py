"""How a failure reads: kubectl's lines for what a server answers. Pure."""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors
from hyperpy.client.sync import Unreachable


def line(error: errors.StatusError, *, doing: str = "") -> str:
    """What to print for an error of the API server.

    Args:
        doing: what it happened at, `error when creating "pod.yaml"`.
    """
    if isinstance(error, Unreachable):
        return error.message
    if isinstance(error, errors.Unauthorized):
        return f"error: You must be logged in to the server ({error.message or 'Unauthorized'})"
    if isinstance(error, errors.Invalid) and error.details:
        return _invalid(error.details, error.message)
    return f"Error from server ({error.reason}): {doing}{': ' if doing else ''}{error.message}"


def _invalid(details: dict[str, Any], message: str) -> str:
    """`The Pod "web" is invalid: ...`, with a line for each cause when there are several."""
    subject = "The request is invalid"
    if details.get("kind"):
        subject = f'The {details["kind"]} "{details.get("name", "")}" is invalid'
    causes = [_cause(cause) for cause in details.get("causes") or ()]
    if not causes:
        return f"{subject}: {message}" if message else subject
    if len(causes) == 1:
        return f"{subject}: {causes[0]}"
    return "\n".join([f"{subject}: ", *(f"* {cause}" for cause in causes)])


def _cause(cause: dict[str, Any]) -> str:
    field, message = cause.get("field"), cause.get("message", "")
    return f"{field}: {message}" if field else str(message)
