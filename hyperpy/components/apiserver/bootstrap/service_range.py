"""The ServiceCIDR `kubernetes`: the range from which this server gives out Service addresses.

Source: Concepts, "Service", "ServiceCIDR objects"; KEP-1880.
"""

from __future__ import annotations

from hyperpy.api import meta
from hyperpy.api.kinds import SERVICE_CIDR
from hyperpy.components.apiserver.admission.service_addresses import RANGE
from hyperpy.components.apiserver.bootstrap import ensure as objects
from hyperpy.components.apiserver.bootstrap.ensure import Obj
from hyperpy.components.apiserver.core import Core

_FINALIZER = "networking.k8s.io/service-cidr-finalizer"


async def ensure(core: Core) -> None:
    """Make the object there and right: a server that was given another range says so."""
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "",
        "message": "Kubernetes Service CIDR is ready",
        "lastTransitionTime": meta.timestamp(core.clock.now()),
    }
    wanted: Obj = {
        "metadata": {"name": RANGE, "finalizers": [_FINALIZER]},
        "spec": {"cidrs": [core.config.service_cidr]},
        "status": {"conditions": [ready]},
    }
    await objects.one(core, SERVICE_CIDR, wanted, mend=_mend)


def _mend(current: Obj, wanted: Obj) -> Obj:
    return current if current.get("spec") == wanted["spec"] else {**current, "spec": wanted["spec"]}
