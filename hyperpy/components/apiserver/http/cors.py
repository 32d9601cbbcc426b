"""CORS: which pages from elsewhere a browser lets ask this server (`--cors-allowed-origins`).

Source: kube-apiserver's CORS filter. A pattern is a regular expression that must be anchored, as Kubernetes demands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hyperpy.components.supervisor import StartFailure

_FLAG = "--cors-allowed-origins"
_ALLOWED = {
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE, PATCH",
    "Access-Control-Allow-Headers": "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, "
    "X-Requested-With, If-Modified-Since",
    "Access-Control-Expose-Headers": "Date",
    "Access-Control-Allow-Credentials": "true",
}


class Cors:
    """The allowed origins.

    Args:
        patterns: regular expressions.
    Raises:
        StartFailure: one is none, or does not say where a host begins and ends.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [_compiled(pattern) for pattern in patterns]

    def headers(self, origin: str) -> dict[str, str] | None:
        """What a browser is told about this origin; None when it may not ask."""
        if not origin.isascii() or not any(pattern.search(origin) for pattern in self._patterns):
            return None
        return {"Access-Control-Allow-Origin": origin, **_ALLOWED}


def _compiled(pattern: str) -> re.Pattern[str]:
    if not pattern.startswith(("^", "//")) or not pattern.endswith(("$", ":")):
        raise StartFailure(
            f"{_FLAG} {pattern}: regular expression does not pin the start and end of the host; begin it with '^' or "
            "'//' and end it with '$' or ':'"
        )
    try:
        return re.compile(pattern)
    except re.error as error:
        raise StartFailure(f"{_FLAG} {pattern}: {error}") from error
