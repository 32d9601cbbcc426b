"""The ConfigMap that says since when this cluster notes which tokens of Secrets are used.

Source: "Managing Service Accounts" (legacy ServiceAccount token tracking).
"""

from __future__ import annotations

from hyperpy.api import meta
from hyperpy.api.kinds import CONFIG_MAP
from hyperpy.components.apiserver.bootstrap import ensure
from hyperpy.components.apiserver.bootstrap.ensure import Obj
from hyperpy.components.apiserver.core import Core

NAMESPACE, NAME = "kube-system", "kube-apiserver-legacy-service-account-token-tracking"


async def ensure_all(core: Core) -> None:
    """Make the ConfigMap there, with today's date when it has none. Raises StoreError."""
    data = {"since": meta.timestamp(core.clock.now())[:10]}
    wanted = {"metadata": {"name": NAME, "namespace": NAMESPACE}, "data": data}
    await ensure.one(core, CONFIG_MAP, wanted, mend=_dated)


def _dated(current: Obj, wanted: Obj) -> Obj:
    present = current.get("data") or {}
    try:
        meta.parse_time(f"{present.get('since')}T00:00:00Z")
    except ValueError:
        return {**current, "data": {**present, **wanted["data"]}}
    return current
