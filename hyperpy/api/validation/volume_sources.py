"""Rules of the sources that a pod's volumes and PersistentVolumes have in common: disks, shares, drivers."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "hostPath": ("path",), "gcePersistentDisk": ("pdName",), "awsElasticBlockStore": ("volumeID",),
    "glusterfs": ("endpoints", "path"), "flocker": (), "nfs": ("server", "path"), "rbd": ("monitors", "image"),
    "quobyte": ("registry", "volume"), "cephfs": ("monitors",), "iscsi": ("targetPortal", "iqn"),
    "cinder": ("volumeID",), "fc": (), "flexVolume": ("driver",), "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",), "photonPersistentDisk": ("pdID",), "portworxVolume": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"), "scaleIO": ("gateway", "system", "volumeName"), "storageos": (), "csi": (),
    "local": ("path",), "configMap": ("name",), "downwardAPI": (), "emptyDir": (),
    "ephemeral": ("volumeClaimTemplate",), "gitRepo": ("repository",), "image": (),
    "persistentVolumeClaim": ("claimName",), "projected": (), "secret": ("secretName",),
}  # fmt: skip
_ONLY_PERSISTENT = ("local",)
_ONLY_OF_PODS = (
    "configMap", "downwardAPI", "emptyDir", "ephemeral", "gitRepo", "image", "persistentVolumeClaim", "projected",
    "secret",
)  # fmt: skip
OF_PODS = tuple(name for name in _NEEDS if name not in _ONLY_PERSISTENT)
PERSISTENT = tuple(name for name in _NEEDS if name not in _ONLY_OF_PODS)

_HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_PARTITION = "must be between 1 and 255, inclusive"
_LUN = "must be between 0 and 255, inclusive"
_IQN = re.compile(r"iqn\.\d{4}-\d{2}\.[a-zA-Z0-9.-]+(:[^,;*&$|\s]+)?")
_EUI = re.compile(r"eui\.[0-9a-fA-F]{16}")
_NAA = re.compile(r"naa\.[0-9a-fA-F]{32}")
_MANAGED_DISK = "/subscriptions/{sub-id}/resourceGroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
MAX_DRIVER_NAME = 63


def only_one(holder: Obj, path: str, known: tuple[str, ...]) -> Generator[Cause, None, str | None]:
    """Exactly one source is given; returns its name."""
    chosen = [name for name in known if holder.get(name) is not None]
    if not chosen:
        yield cause.required(path, "must specify a volume type")
        return None
    for name in chosen[1:]:
        yield cause.forbidden(f"{path}.{name}", "may not specify more than 1 volume type")
    return chosen[0]


def check(name: str, source: Obj, path: str) -> Iterator[Cause]:
    """What a source needs, and its own rules."""
    for field in _NEEDS[name]:
        if not source.get(field):
            yield cause.required(f"{path}.{field}")
    rule = _RULES.get(name)
    if rule is not None:
        yield from rule(source, path)


def driver_name(path: str, name: str | None) -> Iterator[Cause]:
    """The name of a CSI driver."""
    if not name:
        yield cause.required(path)
        return
    if len(name) > MAX_DRIVER_NAME:
        yield cause.too_long(path, MAX_DRIVER_NAME)
    yield from rules.formed(path, name.lower(), names.subdomain_errors)


def _host_path(source: Obj, path: str) -> Iterator[Cause]:
    yield from rules.optional(f"{path}.path", source.get("path"), formats.no_backsteps)
    if (source.get("type") or "") not in _HOST_PATH_TYPES:
        yield cause.not_supported(f"{path}.type", source["type"], _HOST_PATH_TYPES)


def _local(source: Obj, path: str) -> Iterator[Cause]:
    yield from rules.optional(f"{path}.path", source.get("path"), formats.no_backsteps)


def _disk(source: Obj, path: str) -> Iterator[Cause]:
    partition = source.get("partition") or 0
    if not 0 <= partition <= 255:
        yield cause.invalid(f"{path}.partition", partition, _PARTITION)


def _nfs(source: Obj, path: str) -> Iterator[Cause]:
    if source.get("path") and not source["path"].startswith("/"):
        yield cause.invalid(f"{path}.path", source["path"], "must be an absolute path")


def _iscsi(source: Obj, path: str) -> Iterator[Cause]:
    iqn = source.get("iqn")
    if iqn:
        pattern = {"iqn": _IQN, "eui": _EUI, "naa": _NAA}.get(iqn[:3])
        if pattern is None:
            yield cause.invalid(f"{path}.iqn", iqn, "must be valid format starting with iqn, eui, or naa")
        elif not pattern.fullmatch(iqn):
            yield cause.invalid(f"{path}.iqn", iqn, "must be valid format")
    if not 0 <= (source.get("lun") or 0) <= 255:
        yield cause.invalid(f"{path}.lun", source["lun"], _LUN)
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        yield cause.required(f"{path}.secretRef")


def _fibre_channel(source: Obj, path: str) -> Iterator[Cause]:
    names_given, ids = source.get("targetWWNs") or [], source.get("wwids") or []
    if not names_given and not ids:
        yield cause.required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if names_given and ids:
        text = "targetWWNs and wwids can not be specified simultaneously"
        yield cause.invalid(f"{path}.targetWWNs", names_given, text)
    if names_given:
        lun = source.get("lun")
        if lun is None:
            yield cause.required(f"{path}.lun", "lun is required if targetWWNs is specified")
        elif not 0 <= lun <= 255:
            yield cause.invalid(f"{path}.lun", lun, _LUN)


def _flocker(source: Obj, path: str) -> Iterator[Cause]:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID") or ""
    if not name and not uuid:
        yield cause.required(path, "one of datasetName and datasetUUID is required")
    if name and uuid:
        yield cause.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in name:
        yield cause.invalid(f"{path}.datasetName", name, "must not contain '/'")


def _azure_disk(source: Obj, path: str) -> Iterator[Cause]:
    caching, kind, uri = source.get("cachingMode"), source.get("kind"), source.get("diskURI") or ""
    if caching not in ("None", "ReadOnly", "ReadWrite"):
        yield cause.not_supported(f"{path}.cachingMode", caching, ("None", "ReadOnly", "ReadWrite"))
    if kind not in ("Dedicated", "Managed", "Shared"):
        yield cause.not_supported(f"{path}.kind", kind, ("Dedicated", "Managed", "Shared"))
    if kind == "Managed" and uri and not uri.startswith("/subscriptions/"):
        yield cause.not_supported(f"{path}.diskURI", uri, (_MANAGED_DISK,))
    if kind != "Managed" and uri and not uri.startswith("https://"):
        yield cause.not_supported(f"{path}.diskURI", uri, (_BLOB_DISK,))


def _quobyte(source: Obj, path: str) -> Iterator[Cause]:
    registry = source.get("registry") or ""
    if registry and not all(":" in pair for pair in registry.split(",")):
        text = "must be a host:port pair or multiple pairs separated by commas"
        yield cause.invalid(f"{path}.registry", registry, text)
    if len(source.get("tenant") or "") >= 65:
        yield cause.required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")


def _storage_os(source: Obj, path: str) -> Iterator[Cause]:
    yield from rules.required(f"{path}.volumeName", source.get("volumeName"), formats.dns_label)
    yield from rules.optional(f"{path}.volumeNamespace", source.get("volumeNamespace"), formats.dns_label)


def _flex(source: Obj, path: str) -> Iterator[Cause]:
    for key in source.get("options") or ():
        domain = key.partition("/")[0] if "/" in key else ""
        if domain in ("kubernetes.io", "k8s.io") or domain.endswith((".kubernetes.io", ".k8s.io")):
            yield cause.invalid(f"{path}.options[{key}]", key, "kubernetes.io and k8s.io namespaces are reserved")


def _git(source: Obj, path: str) -> Iterator[Cause]:
    yield from rules.optional(f"{path}.directory", source.get("directory"), formats.file_path)


def _csi(source: Obj, path: str) -> Iterator[Cause]:
    yield from driver_name(f"{path}.driver", source.get("driver"))
    reference = source.get("nodePublishSecretRef")
    if reference is not None:
        yield from rules.required(f"{path}.nodePublishSecretRef.name", reference.get("name"), names.subdomain_errors)


_RULES: Mapping[str, Callable[[Obj, str], Iterator[Cause]]] = {
    "hostPath": _host_path, "local": _local, "gcePersistentDisk": _disk, "awsElasticBlockStore": _disk, "nfs": _nfs,
    "iscsi": _iscsi, "fc": _fibre_channel, "flocker": _flocker, "azureDisk": _azure_disk, "quobyte": _quobyte,
    "storageos": _storage_os, "flexVolume": _flex, "gitRepo": _git, "csi": _csi,
}  # fmt: skip
