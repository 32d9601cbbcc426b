"""Workloads: which of them count annotations, keep labels from status writers or leave their Pods behind.

Source: the API reference of apps/v1; of DaemonSets, the annotation of the older field `templateGeneration`.
"""

from __future__ import annotations

from hyperpy.api.validation.equality import same
from hyperpy.components.apiserver.strategy.base import Obj, Strategy

_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _keep_labels(new: Obj, old: Obj) -> None:
    """A status write leaves the labels alone."""
    labels = old["metadata"].get("labels")
    if labels is None:
        new["metadata"].pop("labels", None)
    else:
        new["metadata"]["labels"] = labels


def _create_daemon_set(obj: Obj) -> None:
    own = obj["metadata"]
    given = (own.get("annotations") or {}).get(_TEMPLATE_GENERATION) or ""
    _set_template_generation(obj, max(int(given), 1) if given.isascii() and given.isdigit() else 1)


def _update_daemon_set(new: Obj, old: Obj) -> None:
    """The template has a generation of its own, which nobody else sets."""
    given = (old["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION) or ""
    known = int(given) if given.isascii() and given.isdigit() else 1
    templates = [(each.get("spec") or {}).get("template") for each in (new, old)]
    _set_template_generation(new, known if same(*templates) else known + 1)


def _set_template_generation(obj: Obj, number: int) -> None:
    own = obj["metadata"]
    own["annotations"] = {**(own.get("annotations") or {}), _TEMPLATE_GENERATION: str(number)}


_COUNTED = Strategy(generation=True)
STRATEGIES: dict[tuple[str, str], Strategy] = {
    ("", "replicationcontrollers"): Strategy(generation=True, orphans=True),
    ("", "podtemplates"): Strategy(generation=True, returns_deleted=True),
    ("apps", "deployments"): Strategy(generation=True, counted_annotations=True, update_status=_keep_labels),
    ("apps", "replicasets"): _COUNTED,
    ("apps", "statefulsets"): _COUNTED,
    ("apps", "daemonsets"): Strategy(create=_create_daemon_set, update=_update_daemon_set, generation=True),
}
