"""Jobs: the selector and labels that the API server makes, and pods that outlive a Job unless a delete says otherwise.

Source: Concepts, "Jobs", "Pod selector"; the API reference, "Job".
"""

from __future__ import annotations

from hyperpy.api.validation.jobs import NAME_LABEL, OLD_NAME_LABEL, OLD_UID_LABEL, UID_LABEL
from hyperpy.components.apiserver.strategy.base import Obj, Strategy

_KEPT = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or "
    "set propagationPolicy=Orphan to suppress this warning"
)


def _create_job(job: Obj) -> None:
    """A Job selects its pods by its own uid; labels that a user has set by hand are left to validation."""
    spec, own = job.setdefault("spec", {}), job["metadata"]
    if spec.get("manualSelector"):
        return
    template = spec.setdefault("template", {})
    meta = template.get("metadata") or {}
    given = meta.get("labels") or {}
    made = {NAME_LABEL: own.get("name") or "", OLD_NAME_LABEL: own.get("name") or ""}
    made |= {UID_LABEL: own.get("uid") or "", OLD_UID_LABEL: own.get("uid") or ""}
    template["metadata"] = {**meta, "labels": {**made, **given}}
    # Labels of the Job that are its template's, by defaulting, go on being so.
    if (own.get("labels") or {}) in ({}, given):
        own["labels"] = dict(template["metadata"]["labels"])
    selector = spec.get("selector") or {}
    spec["selector"] = {**selector, "matchLabels": {UID_LABEL: made[UID_LABEL], **(selector.get("matchLabels") or {})}}


STRATEGIES: dict[tuple[str, str], Strategy] = {
    ("batch", "jobs"): Strategy(create=_create_job, generation=True, orphans=True, warns_of_orphans=_KEPT),
    ("batch", "cronjobs"): Strategy(generation=True),
}
