"""PersistentVolumes and claims: their first status, and a claim's data source in its two fields.

Source: Concepts, "Persistent Volumes", "Volume populators and data sources".
"""

from __future__ import annotations

from hyperpy.components.apiserver.strategy.base import Obj, Strategy

#: What the older field `dataSource` can name; anything else in it is dropped.
_OLD_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def _create_volume(volume: Obj) -> None:
    volume["status"] = {"phase": "Pending", "lastPhaseTransitionTime": volume["metadata"]["creationTimestamp"]}


def _note_phase(new: Obj, old: Obj, now: str) -> None:
    """When the phase changed, unless the writer says so itself."""
    status, before = new.get("status") or {}, old.get("status") or {}
    known = before.get("lastPhaseTransitionTime")
    if status.get("phase") != before.get("phase") and status.get("lastPhaseTransitionTime") in (None, known):
        new["status"] = {**status, "lastPhaseTransitionTime": now}


def _create_claim(claim: Obj) -> None:
    claim["status"] = {"phase": "Pending"}
    spec = claim.setdefault("spec", {})
    source = spec.get("dataSource")
    if source is not None and not _is_old(source):
        del spec["dataSource"]
    _mirror_source(spec)


def _update_claim(new: Obj, old: Obj) -> None:
    _mirror_source(new.setdefault("spec", {}))


def _mirror_source(spec: Obj) -> None:
    """`dataSource` and `dataSourceRef` say the same, where the first can."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace") and _is_old(reference):
        spec["dataSource"] = dict(reference)


def _is_old(source: Obj) -> bool:
    return (source.get("apiGroup") or "", source.get("kind") or "") in _OLD_SOURCES


STRATEGIES: dict[tuple[str, str], Strategy] = {
    ("", "persistentvolumes"): Strategy(create=_create_volume, note_times=_note_phase, returns_deleted=True),
    ("", "persistentvolumeclaims"): Strategy(create=_create_claim, update=_update_claim, returns_deleted=True),
}
