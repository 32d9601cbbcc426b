"""An HTTP answer that is an error, as the error it stands for."""

from __future__ import annotations

import orjson

from hyperpy.api import errors


def refusal(status: int, body: bytes, what: str) -> errors.StatusError:
    """The error behind a status of 400 or more.

    Args:
        status: of the answer.
        body: a Status object, or any text.
        what: the request, for a body that is no Status: `GET /api/v1/pods`.
    """
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        decoded = None
    if isinstance(decoded, dict) and decoded.get("kind") == "Status":
        return errors.from_status(decoded, code=status)
    text = body[:200].decode(errors="replace").strip()
    return errors.from_status({"message": f"{what}: {status} {text}"}, code=status)
