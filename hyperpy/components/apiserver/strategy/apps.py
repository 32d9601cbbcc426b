"""Workloads: which of them count annotations, keep labels from status writers or leave their Pods behind."""

from __future__ import annotations

from hyperpy.components.apiserver.strategy.base import Obj, Strategy


def _keep_labels(new: Obj, old: Obj) -> None:
    """A status write leaves the labels alone."""
    labels = old["metadata"].get("labels")
    if labels is None:
        new["metadata"].pop("labels", None)
    else:
        new["metadata"]["labels"] = labels


REPLICATION_CONTROLLER = Strategy(generation=True, orphans=True)
DEPLOYMENT = Strategy(generation=True, counted_annotations=True, update_status=_keep_labels)
