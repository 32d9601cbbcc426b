"""OpenAPI v3 documents, one per group-version: what `kubectl explain` and client-side checks read; and v2 of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import hyperpy
from hyperpy.api.kinds import Kind
from hyperpy.api.schema.openapi import components, custom, paths, protobuf, swagger

__all__ = ["document", "protobuf", "swagger"]


def document(group: str, version: str, kinds: Iterable[Kind]) -> dict[str, Any]:
    """The whole document of a group-version; made anew at each call (some ms), to be kept encoded by the caller.

    Args:
        group: "" for the core group.
        kinds: the kinds that are served; those of other group-versions are left out.
    """
    served = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
    items = paths.of_group_version(group, version, served)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": hyperpy.KUBERNETES_VERSION},
        "paths": items,
        "components": {"schemas": components.schemas(components.references(items), custom.components(served))},
    }
