"""What a refusal by the API server means for a controller. Pure."""

from __future__ import annotations

from hyperpy.api import errors


def namespace_is_leaving(error: errors.StatusError) -> bool:
    """The namespace is being deleted: nothing new can be made there, and trying again is no use."""
    causes = error.details.get("causes") or ()
    return isinstance(error, errors.Forbidden) and any(
        cause.get("reason") == "NamespaceTerminating" for cause in causes
    )
