"""An index of the shared cache of Pods: which Pods use a claim."""

from __future__ import annotations

from hyperpy.api import volume_binding
from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Obj

_BY_CLAIM = "claim"


def index_by_claim(pods: Informer) -> None:
    """Find Pods by the claims that they name, and by those that are made for them."""
    pods.add_index(_BY_CLAIM, keys)


def users(pods: Informer, key: str) -> list[Obj]:
    """The Pods that use a claim."""
    return pods.by_index(_BY_CLAIM, key)


def keys(pod: Obj) -> list[str]:
    """Keys of the claims of a Pod."""
    return [f"{pod['metadata']['namespace']}/{claim.name}" for claim in volume_binding.claims_of(pod)]
