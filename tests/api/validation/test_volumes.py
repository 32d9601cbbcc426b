"""Rules of PersistentVolumes, PersistentVolumeClaims and of the sources that volumes of pods share with them."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]

NODES = {
    "required": {
        "nodeSelectorTerms": [
            {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}]}
        ]
    }
}


def volume(**spec: Any) -> Obj:
    given = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}, **spec}
    return {"spec": {name: value for name, value in given.items() if value is not None}}


SOURCES = [
    pytest.param({"nfs": {"server": "s", "path": "rel"}}, ['nfs.path: Invalid value: "rel": must be an absolute path'], id="nfs"),
    pytest.param({"hostPath": {"path": "/a/../b", "type": "Some"}}, ["hostPath.path: Invalid value: \"/a/../b\": must not contain '..'", 'hostPath.type: Unsupported value: "Some": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"'], id="host path"),
    pytest.param({"iscsi": {"targetPortal": "p", "iqn": "iqn.bad", "lun": 256}}, ['iscsi.iqn: Invalid value: "iqn.bad": must be valid format', "iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive"], id="iscsi"),
    pytest.param({"iscsi": {"targetPortal": "p", "iqn": "x", "chapAuthSession": True}}, ['iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa', "iscsi.secretRef: Required value"], id="iscsi secret"),
    pytest.param({"fc": {}}, ["fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"], id="fc"),
    pytest.param({"fc": {"targetWWNs": ["a"]}}, ["fc.lun: Required value: lun is required if targetWWNs is specified"], id="fc lun"),
    pytest.param({"gcePersistentDisk": {"pdName": "a", "partition": 256}}, ["gcePersistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive"], id="disk"),
    pytest.param({"flocker": {"datasetName": "a/b", "datasetUUID": "c"}}, ['flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously', 'flocker.datasetName: Invalid value: "a/b": must not contain \'/\''], id="flocker"),
    pytest.param({"azureDisk": {"diskName": "a", "diskURI": "https://a", "kind": "Managed", "cachingMode": "Some"}}, ['azureDisk.cachingMode: Unsupported value: "Some": supported values: "None", "ReadOnly", "ReadWrite"', 'azureDisk.diskURI: Unsupported value: "https://a": supported values: "/subscriptions/{sub-id}/resourceGroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"'], id="azure disk"),
    pytest.param({"quobyte": {"registry": "a", "volume": "v"}}, ['quobyte.registry: Invalid value: "a": must be a host:port pair or multiple pairs separated by commas'], id="quobyte"),
    pytest.param({"csi": {"driver": "a_b", "volumeHandle": "h"}}, ["csi.driver: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"], id="csi"),
    pytest.param({"flexVolume": {"driver": "d", "options": {"kubernetes.io/x": "y"}}}, ['flexVolume.options[kubernetes.io/x]: Invalid value: "kubernetes.io/x": kubernetes.io and k8s.io namespaces are reserved'], id="flex"),
    pytest.param({"glusterfs": {}}, ["glusterfs.endpoints: Required value", "glusterfs.path: Required value"], id="gluster"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_rules_of_a_source_hold_in_both_places(source: Obj, expected: list[str], complaints: Any) -> None:
    found = complaints(kinds.PERSISTENT_VOLUME, volume(**{"hostPath": None, **source}))
    assert found == [f"spec.{text}" for text in expected]
    in_pod = {name: {key: v for key, v in value.items() if key != "volumeHandle"} for name, value in source.items()}
    pod = {"spec": {"containers": [{"name": "c", "image": "i"}], "volumes": [{"name": "v", **in_pod}]}}
    assert complaints(kinds.POD, pod) == [f"spec.volumes[0].{text}" for text in expected]


VOLUME = [
    pytest.param(volume(), [], id="ordinary"),
    pytest.param(volume(hostPath=None), ["spec: Required value: must specify a volume type"], id="no source"),
    pytest.param(volume(nfs={"server": "s", "path": "/"}), ["spec.nfs: Forbidden: may not specify more than 1 volume type"], id="two sources"),
    pytest.param(volume(accessModes=None), ["spec.accessModes: Required value"], id="no modes"),
    pytest.param(volume(accessModes=["Some", "ReadWriteOncePod", "ReadOnlyMany"]), ['spec.accessModes: Unsupported value: "Some": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"', "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"], id="modes"),
    pytest.param(volume(capacity=None), ["spec.capacity: Required value", 'spec.capacity: Unsupported value: {}: supported values: "storage"'], id="no capacity"),
    pytest.param(volume(capacity={"storage": "0"}), ['spec.capacity[storage]: Invalid value: "0": must be greater than zero'], id="nothing"),
    pytest.param(volume(persistentVolumeReclaimPolicy="Some"), ['spec.persistentVolumeReclaimPolicy: Unsupported value: "Some": supported values: "Delete", "Recycle", "Retain"'], id="reclaim"),
    pytest.param(volume(hostPath={"path": "//"}, persistentVolumeReclaimPolicy="Recycle"), [], id="recycle"),
    pytest.param(volume(hostPath={"path": "/"}, persistentVolumeReclaimPolicy="Recycle"), ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"], id="recycle all"),
    pytest.param(volume(hostPath=None, local={"path": "/a"}), ["spec.nodeAffinity: Required value: Local volume requires node affinity"], id="local"),
    pytest.param(volume(hostPath=None, local={"path": "/a"}, nodeAffinity=NODES), [], id="local somewhere"),
    pytest.param(volume(nodeAffinity={}), ["spec.nodeAffinity.required: Required value: must specify required node constraints"], id="affinity"),
    pytest.param(volume(volumeMode="Some"), ['spec.volumeMode: Unsupported value: "Some": supported values: "Block", "Filesystem"'], id="volume mode"),
    pytest.param(volume(volumeAttributesClassName="fast"), ["spec.csi: Required value: has to be specified when using volumeAttributesClassName"], id="attributes"),
    pytest.param(volume(hostPath=None, csi={"driver": "a.b", "nodeStageSecretRef": {}}), ["spec.csi.volumeHandle: Required value", "spec.csi.nodeStageSecretRef.name: Required value", "spec.csi.nodeStageSecretRef.namespace: Required value"], id="csi"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), VOLUME)
def test_rules_of_a_volume(obj: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.PERSISTENT_VOLUME, obj) == expected


def test_what_a_volume_is_made_of_stays(change_complaints: Any) -> None:
    kind = kinds.PERSISTENT_VOLUME
    assert change_complaints(kind, volume(capacity={"storage": "2Gi"}, storageClassName="b"), volume()) == []
    assert change_complaints(kind, volume(hostPath={"path": "/b"}), volume()) == [
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n"
        '- hostPath: {"path":"/data","type":""}\n+ hostPath: {"path":"/b","type":""}'
    ]
    assert change_complaints(kind, volume(volumeMode="Block"), volume()) == [
        'volumeMode: Invalid value: "Block": field is immutable'
    ]
    assert change_complaints(kind, volume(nodeAffinity=NODES), volume()) == []
    assert change_complaints(kind, volume(), volume(nodeAffinity=NODES)) == [
        "nodeAffinity: Invalid value: null: field is immutable, except for updating from beta label to GA"
    ]


def claim(size: str | None = "1Gi", phase: str = "Pending", **spec: Any) -> Obj:
    wanted = {"resources": {"requests": {"storage": size}}} if size else {}
    return {"spec": {"accessModes": ["ReadWriteOnce"], **wanted, **spec}, "status": {"phase": phase}}


SNAPSHOT = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}

CLAIM = [
    pytest.param(claim(), [], id="ordinary"),
    pytest.param(claim(accessModes=[]), ["spec.accessModes: Required value: at least 1 access mode is required"], id="no modes"),
    pytest.param(claim(None), ["spec.resources[storage]: Required value"], id="no size"),
    pytest.param(claim("0"), ['spec.resources[storage]: Invalid value: "0": must be greater than zero'], id="nothing"),
    pytest.param(claim(volumeMode="Some"), ['spec.volumeMode: Unsupported value: "Some": supported values: "Block", "Filesystem"'], id="mode"),
    pytest.param(claim(dataSource={"kind": "Pod", "name": "p"}), ['spec.dataSource: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup'], id="source"),
    pytest.param(claim(dataSource=SNAPSHOT, dataSourceRef={**SNAPSHOT, "name": "t"}), ['spec: Invalid value: "spec.dataSource": must match dataSourceRef'], id="two sources"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), CLAIM)
def test_rules_of_a_claim(obj: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.PERSISTENT_VOLUME_CLAIM, obj) == expected


FROZEN = "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param(claim("2Gi", "Bound"), claim("1Gi", "Bound"), [], id="grow"),
        pytest.param(claim("2Gi"), claim("1Gi"), [FROZEN], id="grow unbound"),
        pytest.param(claim("1Gi", "Bound"), {**claim("2Gi", "Bound"), "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}}, ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"], id="shrink"),
        pytest.param(claim("2Gi", "Bound"), {**claim("3Gi", "Bound"), "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}, [], id="take back"),
        pytest.param(claim(volumeName="v"), claim(), [], id="volume"),
        pytest.param(claim(volumeName="w"), claim(volumeName="v"), [FROZEN], id="other volume"),
        pytest.param(claim(storageClassName="a"), claim(), [], id="class of one without"),
        pytest.param(claim(storageClassName="b"), claim(storageClassName="a"), [FROZEN], id="class"),
        pytest.param(claim(accessModes=["ReadOnlyMany"]), claim(), [FROZEN], id="modes"),
        pytest.param(claim(phase="Bound", volumeAttributesClassName="b"), claim(phase="Bound"), [], id="attributes"),
        pytest.param(claim(phase="Bound"), {**claim(volumeAttributesClassName="a"), "status": {"phase": "Bound", "currentVolumeAttributesClassName": "a"}}, ["spec.volumeAttributesClassName: Forbidden: update to nil is forbidden when status.currentVolumeAttributesClassName is not nil"], id="no attributes"),
    ],
)  # fmt: skip
def test_changes_of_a_claim(new: Obj, old: Obj, expected: list[str], change_complaints: Any) -> None:
    found = change_complaints(kinds.PERSISTENT_VOLUME_CLAIM, new, old)
    assert len(found) == len(expected), found
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


def test_a_claim_names_states_that_there_are(status_complaints: Any) -> None:
    status = {"capacity": {"storage": "-1"}, "allocatedResourceStatuses": {"cpu": "Done"}}
    assert [
        text.split(": ")[0]
        for text in status_complaints(kinds.PERSISTENT_VOLUME_CLAIM, {**claim(), "status": status}, claim())
    ] == [
        "status.capacity[storage]",
        "status.allocatedResourceStatuses",
        "status.allocatedResourceStatuses",
    ]


def test_the_claim_that_is_made_for_a_pod_is_one(complaints: Any) -> None:
    template = {"metadata": {"labels": {"a": "b"}, "name": "x"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    pod = {
        "spec": {
            "containers": [{"name": "c", "image": "i"}],
            "volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": template}}],
        }
    }
    place = "spec.volumes[0].ephemeral.volumeClaimTemplate"
    assert complaints(kinds.POD, pod) == [
        f"{place}.metadata.name: Forbidden: cannot be set",
        f"{place}.spec.resources[storage]: Required value",
    ]
