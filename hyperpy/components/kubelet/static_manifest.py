"""A manifest file as a static Pod: checked and defaulted like one from the API, with the node's name in its own. Pure.

Source: "Create static Pods".
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any

import orjson

from hyperpy.api import defaults, manifest, meta, schema, validation
from hyperpy.api.kinds import POD
from hyperpy.components.kubelet.pod_workers import MIRROR, SOURCE

Obj = dict[str, Any]

HASH = "kubernetes.io/config.hash"
SEEN = "kubernetes.io/config.seen"


class BadManifest(Exception):
    """A file holds no Pod that can run; the message says why."""


def read(data: bytes, *, path: str, node_name: str, now: float) -> Obj:
    """The Pod in a manifest file. The same file on the same node always gives the same uid.

    Raises:
        BadManifest: it does not parse, or is not a valid Pod.
    """
    try:
        pod = manifest.load(data)
    except manifest.ManifestError as error:
        raise BadManifest(str(error)) from error
    if not isinstance(pod, dict) or pod.get("kind") != "Pod" or pod.get("apiVersion") != "v1":
        raise BadManifest("it does not hold a v1 Pod")
    uid = hashlib.md5(orjson.dumps([node_name, path, pod]), usedforsecurity=False).hexdigest()
    about = pod.setdefault("metadata", {})
    if not about.get("name"):
        raise BadManifest("metadata.name is missing")
    about["name"] = f"{about['name']}-{node_name.lower()}"
    about.setdefault("namespace", "default")
    notes = {**(about.get("annotations") or {}), HASH: uid, SOURCE: "file", SEEN: meta.timestamp(now)}
    about |= {"uid": uid, "annotations": notes}
    _check(pod)
    pod["spec"]["nodeName"] = node_name
    pod["spec"].setdefault("tolerations", []).append({"operator": "Exists", "effect": "NoExecute"})
    pod["status"] = {}
    return pod


def _check(pod: Obj) -> None:
    pod.setdefault("spec", {})
    decoded = schema.of(POD).decode(pod)
    problems = [str(cause) for cause in decoded.causes] + [f'unknown field "{path}"' for path in decoded.unknown]
    if not problems:
        defaults.apply(POD, pod)
        problems = [str(cause) for cause in validation.on_create(POD, pod)]
    if problems:
        raise BadManifest("; ".join(problems))


def mirror(pod: Obj, node: Obj) -> Obj:
    """What the API is to show of a static Pod.

    Args:
        node: the Node object, which owns the mirror.
    """
    about = copy.deepcopy(pod["metadata"])
    del about["uid"]
    about["annotations"][MIRROR] = about["annotations"][HASH]
    owner = {
        "apiVersion": "v1", "kind": "Node", "name": node["metadata"]["name"], "uid": node["metadata"]["uid"],
        "controller": True,
    }  # fmt: skip
    about["ownerReferences"] = [owner]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": copy.deepcopy(pod["spec"])}


def is_mirror_of(found: Obj, pod: Obj) -> bool:
    """Whether a mirror shows this very static Pod."""
    notes = found["metadata"].get("annotations") or {}
    return bool(notes.get(MIRROR) == pod["metadata"]["annotations"][HASH]) and not meta.is_deleting(found)
