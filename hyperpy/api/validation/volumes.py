"""Rules of a pod's volumes: unique names, exactly one source each, what each source needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hyperpy.api import names, quantity
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import environment, formats, rules
from hyperpy.api.validation.container import PULL_POLICIES

Obj = dict[str, Any]

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "awsElasticBlockStore": ("volumeID",), "azureDisk": ("diskName", "diskURI"),
    "azureFile": ("secretName", "shareName"), "cephfs": ("monitors",), "cinder": ("volumeID",),
    "configMap": ("name",), "csi": ("driver",), "downwardAPI": (), "emptyDir": (),
    "ephemeral": ("volumeClaimTemplate",), "fc": (), "flexVolume": ("driver",), "flocker": (),
    "gcePersistentDisk": ("pdName",), "gitRepo": ("repository",), "glusterfs": ("endpoints", "path"),
    "hostPath": ("path",), "image": (), "iscsi": ("targetPortal", "iqn"), "nfs": ("server", "path"),
    "persistentVolumeClaim": ("claimName",), "photonPersistentDisk": ("pdID",), "portworxVolume": ("volumeID",),
    "projected": (), "quobyte": ("registry", "volume"), "rbd": ("monitors", "image"),
    "scaleIO": ("gateway", "system", "volumeName"), "secret": ("secretName",), "storageos": (),
    "vsphereVolume": ("volumePath",),
}  # fmt: skip
_HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_MIN_TOKEN_S, _MAX_TOKEN_S = 600, 1 << 32


def of_pod(volumes: Sequence[Obj], path: str, *, pod_name: str) -> Iterator[Cause]:
    """The list of volumes; `pod_name` is "" in templates."""
    claims = {f"{pod_name}-{volume.get('name')}" for volume in volumes if pod_name and "ephemeral" in volume}
    for i, volume in enumerate(volumes):
        place = f"{path}[{i}]"
        yield from _source(volume, place, is_pod=bool(pod_name))
        yield from rules.required(f"{place}.name", volume.get("name"), formats.dns_label)
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in claims:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            yield cause.invalid(f"{place}.persistentVolumeClaim.claimName", claim, text)
    yield from rules.unique(path, [volume.get("name") for volume in volumes], field="name")


def _source(volume: Obj, path: str, *, is_pod: bool) -> Iterator[Cause]:
    chosen = [name for name in _NEEDS if volume.get(name) is not None]
    if not chosen:
        yield cause.required(path, "must specify a volume type")
        return
    for name in chosen[1:]:
        yield cause.forbidden(f"{path}.{name}", "may not specify more than 1 volume type")
    name = chosen[0]
    source, place = volume[name], f"{path}.{name}"
    for field in _NEEDS[name]:
        if not source.get(field):
            yield cause.required(f"{place}.{field}")
    yield from rules.file_mode(f"{place}.defaultMode", source.get("defaultMode"))
    match name:
        case "emptyDir":
            if quantity.parse(source.get("sizeLimit") or "0") < 0:
                yield cause.forbidden(f"{place}.sizeLimit", "SizeLimit field must be a valid resource quantity")
        case "hostPath":
            yield from rules.optional(f"{place}.path", source.get("path"), formats.no_backsteps)
            if (source.get("type") or "") not in _HOST_PATH_TYPES:
                yield cause.not_supported(f"{place}.type", source["type"], _HOST_PATH_TYPES)
        case "secret" | "configMap":
            yield from _items(source, place)
        case "downwardAPI":
            for file in source.get("items") or ():
                yield from _downward_file(file, place)
        case "projected":
            yield from _projected(source, place)
        case "nfs":
            if source.get("path") and not source["path"].startswith("/"):
                yield cause.invalid(f"{place}.path", source["path"], "must be an absolute path")
        case "image":
            yield from _image(source, place, is_pod=is_pod)


def _image(source: Obj, path: str, *, is_pod: bool) -> Iterator[Cause]:
    if is_pod and not source.get("reference"):
        yield cause.required(f"{path}.reference")
    yield from rules.one_of(f"{path}.pullPolicy", source.get("pullPolicy"), PULL_POLICIES)


def _items(source: Obj, path: str) -> Iterator[Cause]:
    for i, item in enumerate(source.get("items") or ()):
        place = f"{path}.items[{i}]"
        for field in ("key", "path"):
            if not item.get(field):
                yield cause.required(f"{place}.{field}")
        yield from rules.formed(f"{place}.path", item.get("path") or "", formats.file_path)
        yield from rules.file_mode(f"{place}.mode", item.get("mode"))


def _downward_file(file: Obj, path: str) -> Iterator[Cause]:
    if not file.get("path"):
        yield cause.required(f"{path}.path")
    yield from rules.formed(f"{path}.path", file.get("path") or "", formats.file_path)
    if file.get("fieldRef") is not None:
        yield from environment.field_reference(
            file["fieldRef"], f"{path}.fieldRef", supported=environment.VOLUME_FIELDS
        )
        if file.get("resourceFieldRef") is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            yield cause.invalid(path, "resource", text)
    elif file.get("resourceFieldRef") is not None:
        place = f"{path}.resourceFieldRef"
        yield from environment.resource_reference(file["resourceFieldRef"], place, in_volume=True)
    else:
        yield cause.required(path, "one of fieldRef and resourceFieldRef is required")
    yield from rules.file_mode(f"{path}.mode", file.get("mode"))


def _projected(source: Obj, path: str) -> Iterator[Cause]:
    files: set[str] = set()
    kinds = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate")
    for i, projection in enumerate(source.get("sources") or ()):
        place = f"{path}.sources[{i}]"
        chosen = [kind for kind in kinds if projection.get(kind) is not None]
        if not chosen:
            yield cause.required(place, f"must specify one of: {', '.join(f'`{kind}`' for kind in kinds)}")
        for kind in chosen[1:]:
            yield cause.forbidden(f"{place}.{kind}", "may not specify more than 1 volume type")
        for kind in chosen[:1]:
            yield from _projection(kind, projection[kind], path, place)
            for file in projection[kind].get("items") or ():
                name = file.get("path")
                if name and name in files:
                    yield cause.invalid(path, projection[kind].get("name") or name, "conflicting duplicate paths")
                files.add(name)


def _projection(kind: str, projection: Obj, path: str, place: str) -> Iterator[Cause]:
    if kind in ("secret", "configMap"):
        yield from rules.required(f"{place}.{kind}.name", projection.get("name"))
        yield from _items(projection, f"{place}.{kind}")
    elif kind == "downwardAPI":
        for file in projection.get("items") or ():
            yield from _downward_file(file, f"{place}.{kind}")
    elif kind == "serviceAccountToken":
        yield from _token(projection, path, f"{place}.{kind}")
    elif kind == "clusterTrustBundle":
        yield from rules.optional(f"{place}.{kind}.name", projection.get("name"), names.subdomain_errors)


def _token(projection: Obj, path: str, place: str) -> Iterator[Cause]:
    seconds = projection.get("expirationSeconds") or 0
    if seconds < _MIN_TOKEN_S:
        yield cause.invalid(f"{place}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds > _MAX_TOKEN_S:
        text = "may not specify a duration larger than 2^32 seconds"
        yield cause.invalid(f"{place}.expirationSeconds", seconds, text)
    yield from rules.required(f"{path}.path", projection.get("path"), formats.file_path)
