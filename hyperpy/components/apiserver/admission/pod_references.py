"""What other objects a Pod names: service accounts, secrets, config maps, claims. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Obj = dict[str, Any]


def first(spec: Obj) -> str:
    """The first kind of object that a Pod names, in the plural form of messages; "" when it names none."""
    if spec.get("serviceAccountName"):
        return "a service account"
    for title, found in (
        ("secrets", secrets(spec)),
        ("configmaps", config_maps(spec)),
        ("clustertrustbundles", _projected(spec, "clusterTrustBundle")),
        ("persistentvolumeclaims", _claims(spec)),
        ("resourceclaims", iter(spec.get("resourceClaims") or ())),
    ):
        if next(iter(found), None) is not None:
            return title
    return ""


def secrets(spec: Obj) -> Iterator[Obj]:
    """References to Secrets: of images, volumes and variables."""
    yield from spec.get("imagePullSecrets") or ()
    yield from _of_containers(spec, "secretRef", "secretKeyRef")
    for volume in spec.get("volumes") or ():
        if volume.get("secret") is not None:
            yield volume["secret"]
        for source in volume.values():
            if isinstance(source, dict) and source.get("secretRef") is not None:
                yield source["secretRef"]
    yield from _projected(spec, "secret")


def config_maps(spec: Obj) -> Iterator[Obj]:
    """References to ConfigMaps: of volumes and variables."""
    yield from _of_containers(spec, "configMapRef", "configMapKeyRef")
    for volume in spec.get("volumes") or ():
        if volume.get("configMap") is not None:
            yield volume["configMap"]
    yield from _projected(spec, "configMap")


def containers(spec: Obj) -> Iterator[tuple[str, Obj]]:
    """Every container, and how messages call its kind."""
    for field, title in (
        ("initContainers", "init container"),
        ("containers", "container"),
        ("ephemeralContainers", "ephemeral container"),
    ):
        for container in spec.get(field) or ():
            yield title, container


def _of_containers(spec: Obj, whole: str, single: str) -> Iterator[Obj]:
    for _, container in containers(spec):
        for source in container.get("envFrom") or ():
            if source.get(whole) is not None:
                yield source[whole]
        for variable in container.get("env") or ():
            found = (variable.get("valueFrom") or {}).get(single)
            if found is not None:
                yield found


def _projected(spec: Obj, name: str) -> Iterator[Obj]:
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get(name) is not None:
                yield source[name]


def _claims(spec: Obj) -> Iterator[Obj]:
    for volume in spec.get("volumes") or ():
        if volume.get("persistentVolumeClaim") is not None:
            yield volume["persistentVolumeClaim"]
