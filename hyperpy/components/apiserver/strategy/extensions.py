"""CustomResourceDefinitions, which count the versions that objects may be stored in; and the objects of custom kinds.

Source: behaviour of the registries of apiextensions-apiserver (`customresourcedefinition` and `customresource`).
"""

from __future__ import annotations

from hyperpy.components.apiserver.strategy.base import Obj, Strategy


def _create(crd: Obj) -> None:
    stored = [entry["name"] for entry in _versions(crd) if entry.get("storage")]
    names = {"kind": "", "plural": ""}
    crd["status"] = {"conditions": [], "acceptedNames": names, "storedVersions": stored}


def _update(new: Obj, old: Obj) -> None:
    """A new storage version is noted: objects may be kept in it from now on."""
    status = new.setdefault("status", {})
    stored = list(status.get("storedVersions") or ())
    for entry in _versions(new):
        if entry.get("storage") and entry.get("name") not in stored:
            stored.append(entry["name"])
    status["storedVersions"] = stored


def _versions(crd: Obj) -> list[Obj]:
    return crd["spec"].get("versions") or []


def _keep_metadata(new: Obj, old: Obj) -> None:
    """A status write changes nothing else, not even labels."""
    kept = dict(old["metadata"])
    if "managedFields" in new["metadata"]:
        kept["managedFields"] = new["metadata"]["managedFields"]
    new["metadata"] = kept


DEFINITION = Strategy(create=_create, update=_update, generation=True)
CUSTOM = Strategy(update_status=_keep_metadata, generation=True)
CUSTOM_WITHOUT_STATUS = Strategy(generation=True, counts_status=True)
