"""What a plugin may use beside the Pod and the cluster state that it is given: the API, caches, time."""

from __future__ import annotations

from dataclasses import dataclass

from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client


@dataclass(frozen=True, slots=True)
class Handle:
    """The surroundings of a profile's plugins.

    Args:
        client: under the scheduler's identity and rights. A filter or a score must not wait for it; the asynchronous
            points (Permit, PreBind, Bind) may.
        informers: shared caches; `informers.of(kind)` has the objects of a kind without asking the API.
        clock: time, as the scheduler sees it.
    """

    client: Client
    informers: Informers
    clock: Clock
