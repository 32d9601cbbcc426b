"""The 422 for options of a request (ListOptions, CreateOptions, ...) that break a rule."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import errors
from hyperpy.api.schema.cause import Cause


def invalid(kind: str, causes: Sequence[Cause]) -> errors.Invalid:
    """`ListOptions.meta.k8s.io "" is invalid: ...`, with the causes."""
    texts = [str(cause) for cause in causes]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {"group": "meta.k8s.io", "kind": kind, "causes": [cause.detail() for cause in causes]}
    return errors.Invalid(f'{kind}.meta.k8s.io "" is invalid: {joined}', details=details)
