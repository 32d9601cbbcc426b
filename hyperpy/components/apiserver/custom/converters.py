"""How the versions of a custom kind convert: by name only, or by asking the webhook that its definition names."""

from __future__ import annotations

from hyperpy.api.custom.definition import Convert, rename
from hyperpy.components.apiserver.registry.form import Obj


def of(crd: Obj) -> Convert:
    """What converts between the versions of a definition."""
    return rename
