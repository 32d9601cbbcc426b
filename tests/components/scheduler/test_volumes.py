"""Pods with volumes: which nodes can have them, what their unbound claims get there, and how they are told."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.components.scheduler import binding
from hyperpy.components.scheduler.framework import Change, Event
from hyperpy.components.scheduler.pod_info import PodInfo

Obj = dict[str, Any]

HOST = "kubernetes.io/hostname"


def on(**values: str) -> Obj:
    """A volume's node affinity."""
    names = {"host": HOST, "zone": "zone"}
    rules = [{"key": names[key], "operator": "In", "values": [value]} for key, value in values.items()]
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": rules}]}}


class Storage:
    """Claims, volumes and classes as the caches show them."""

    def __init__(self, board: Any) -> None:
        self.state = board.cluster.volumes
        self._version = 0

    def _about(self, name: str, **more: Any) -> Obj:
        self._version += 1
        return {"name": name, "uid": f"uid-{name}", "resourceVersion": str(self._version), **more}

    def storage_class(self, name: str, provisioner: str = "kubernetes.io/no-provisioner", **more: Any) -> None:
        body = {"provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer", **more}
        self.state.classes[name] = {"metadata": self._about(name), **body}

    def claim(self, name: str, size: str = "1Gi", *, cls: str = "local", to: str = "", **more: Any) -> None:
        annotations = more.pop("annotations", {})
        phase = more.pop("phase", "Bound" if to else "Pending")
        about = more.pop("metadata", {})
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **more}
        spec["storageClassName"] = cls
        if to:
            spec["volumeName"] = to
            annotations = annotations | {"pv.kubernetes.io/bind-completed": "yes"}
        metadata = self._about(name, namespace="default", annotations=annotations, **about)
        self.state.put_claim({"metadata": metadata, "spec": spec, "status": {"phase": phase}})

    def volume(self, name: str, size: str = "1Gi", *, cls: str = "local", labels: Any = None, **more: Any) -> None:
        spec = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": cls, **more}
        self.state.put_volume({"metadata": self._about(name, labels=labels or {}), "spec": spec}, None)

    def csi(self, node: str, driver: str, count: int) -> None:
        spec = {"drivers": [{"name": driver, "nodeID": node, "allocatable": {"count": count}}]}
        self.state.csi_nodes[node] = {"metadata": self._about(node), "spec": spec}


def using(make: Any, *claims: str, name: str = "p", **spec: Any) -> Obj:
    volumes = [{"name": f"v{n}", "persistentVolumeClaim": {"claimName": each}} for n, each in enumerate(claims)]
    return make.pod(name, volumes=volumes, **spec)


@pytest.fixture
def play(make: Any, board: Any) -> Any:
    """Two nodes in two zones, and a class whose volumes are there already."""
    made = board(make.node("a", zone="east"), make.node("b", zone="west"))
    made.storage = Storage(made)
    made.storage.storage_class("local")
    return made


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        pytest.param(None, 'persistentvolumeclaim "c" not found', id="missing"),
        pytest.param({"cls": ""}, "pod has unbound immediate PersistentVolumeClaims", id="no-class"),
        pytest.param({"cls": "unknown"}, "pod has unbound immediate PersistentVolumeClaims", id="unknown-class"),
        pytest.param(
            {"to": "v", "phase": "Lost"}, 'persistentvolumeclaim "c" bound to non-existent persistentvolume "v"',
            id="lost",
        ),
        pytest.param(
            {"metadata": {"deletionTimestamp": "x"}}, 'persistentvolumeclaim "c" is being deleted', id="leaving"
        ),
        pytest.param({}, "2 node(s) didn't find available persistent volumes to bind", id="nothing-to-bind"),
        pytest.param(
            {"to": "v"}, "2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)", id="volume-gone"
        ),
    ],
)  # fmt: skip
def test_a_pod_whose_claims_cannot_be_had_is_told_why(make: Any, play: Any, claim: Any, told: str) -> None:
    if claim is not None:
        play.storage.claim("c", **claim)
    assert play.why(using(make, "c")) == f"0/2 nodes are available: {told}."


def test_an_ephemeral_volume_waits_for_its_claim_and_takes_no_foreign_one(make: Any, play: Any) -> None:
    pod = make.pod("p", volumes=[{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}])
    waits = 'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch"'
    assert waits in play.why(pod)
    play.storage.claim("p-scratch")
    assert "PVC default/p-scratch was not created for pod default/p (pod is not owner)" in play.why(pod)


def test_a_pod_goes_where_its_bound_volume_is(make: Any, play: Any) -> None:
    play.storage.volume("v", nodeAffinity=on(zone="west"))
    play.storage.claim("c", to="v")
    assert play.decide(using(make, "c")).node == "b"
    play.storage.volume("w", nodeAffinity=on(host="elsewhere"))
    play.storage.claim("d", to="w")
    assert play.why(using(make, "d")) == "0/2 nodes are available: 2 node(s) had volume node affinity conflict."


def test_an_unbound_claim_draws_its_pod_to_a_node_with_a_volume(make: Any, play: Any) -> None:
    play.storage.volume("v", nodeAffinity=on(host="b"))
    play.storage.claim("c")
    assert play.decide(using(make, "c")).node == "b"


def test_two_claims_of_one_pod_never_share_a_volume(make: Any, play: Any) -> None:
    play.storage.claim("c")
    play.storage.claim("d")
    play.storage.volume("one", nodeAffinity=on(host="b"))
    assert "2 node(s) didn't find available" in play.why(using(make, "c", "d"))
    play.storage.volume("two", nodeAffinity=on(zone="west"))
    assert play.decide(using(make, "c", "d")).node == "b"


def test_a_claim_with_a_selected_node_goes_there_or_nowhere(make: Any, play: Any) -> None:
    play.storage.storage_class("made", "example.com/disk")
    play.storage.claim("c", cls="made", annotations={"volume.kubernetes.io/selected-node": "b"})
    assert play.decide(using(make, "c")).node == "b"
    assert "didn't find available persistent volumes" in play.why(using(make, "c", nodeSelector={"zone": "east"}))


def test_a_class_can_be_for_some_nodes_only(make: Any, play: Any) -> None:
    terms = [{"matchLabelExpressions": [{"key": "zone", "values": ["west"]}]}]
    play.storage.storage_class("made", "example.com/disk", allowedTopologies=terms)
    play.storage.claim("c", cls="made")
    assert play.decide(using(make, "c")).node == "b"


def test_a_driver_that_tells_its_room_is_believed(make: Any, play: Any) -> None:
    play.storage.storage_class("made", "example.com/disk")
    play.storage.claim("c", "5Gi", cls="made")
    play.storage.state.drivers["example.com/disk"] = {"spec": {"storageCapacity": True}}
    assert "2 node(s) did not have enough free storage" in play.why(using(make, "c"))
    for zone, size in (("east", "4Gi"), ("west", "6Gi")):
        play.storage.state.capacities[zone] = {
            "storageClassName": "made", "capacity": size, "nodeTopology": {"matchLabels": {"zone": zone}},
        }  # fmt: skip
    assert play.decide(using(make, "c")).node == "b"


def test_a_claim_for_one_pod_has_one_pod_in_the_cluster(make: Any, play: Any) -> None:
    play.storage.volume("v")
    play.storage.claim("c", to="v", accessModes=["ReadWriteOncePod"])
    assert play.schedule(using(make, "c", name="first")) is not None
    told = "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by"
    assert play.why(using(make, "c", name="second")) == f"0/2 nodes are available: 2 {told} another pod."
    play.cluster.remove_pod("first")
    assert play.decide(using(make, "c", name="second")).node is not None


def test_labels_of_a_volume_name_its_zone(make: Any, board: Any) -> None:
    zone = "topology.kubernetes.io/zone"
    play = board(make.node("a", labels={zone: "east"}), make.node("b", labels={zone: "west"}))
    play.storage = Storage(play)
    play.storage.volume("v", labels={"failure-domain.beta.kubernetes.io/zone": "south__west"})
    play.storage.claim("c", to="v")
    assert play.decide(using(make, "c")).node == "b"
    play.storage.volume("w", labels={zone: "north"})
    play.storage.claim("d", to="w")
    assert play.why(using(make, "d")) == "0/2 nodes are available: 2 node(s) had no available volume zone."


def test_a_node_takes_as_many_volumes_of_a_driver_as_it_says(make: Any, play: Any) -> None:
    for node in ("a", "b"):
        play.storage.csi(node, "example.com/disk", 1)
    for name in ("one", "two", "three"):
        play.storage.volume(name, csi={"driver": "example.com/disk", "volumeHandle": name})
        play.storage.claim(name, to=name)
    assert {play.schedule(using(make, each, name=each)) for each in ("one", "two")} == {"a", "b"}
    assert play.why(using(make, "three")) == "0/2 nodes are available: 2 node(s) exceed max volume count."
    assert play.decide(using(make, "one", name="again")).node == next(
        iter(play.cluster.claim_users["default/one"].values())
    )


def test_what_one_pod_was_promised_another_does_not_get_until_it_is_given_back(make: Any, play: Any) -> None:
    play.storage.volume("v", nodeAffinity=on(host="b"))
    play.storage.claim("c")
    play.storage.claim("d")
    first = PodInfo(using(make, "c", name="first"))
    assert play.decide(first.obj).node == "b"
    assert binding.reserve(first, "b", play.profile) is None
    assert "didn't find available persistent volumes" in play.why(using(make, "d"))
    binding.unreserve(first, "b", play.profile)
    assert play.decide(using(make, "d")).node == "b"


def test_of_two_nodes_the_one_with_the_tighter_volume_is_taken(make: Any, play: Any) -> None:
    play.storage.volume("huge", "100Gi", nodeAffinity=on(host="a"))
    play.storage.volume("tight", "2Gi", nodeAffinity=on(host="b"))
    play.storage.claim("c")
    assert play.decide(using(make, "c")).node == "b"


@pytest.mark.parametrize(
    ("change", "obj", "helps"),
    [
        pytest.param(Change.CLAIM, {"metadata": {"namespace": "default", "name": "c"}}, True, id="its-claim"),
        pytest.param(Change.CLAIM, {"metadata": {"namespace": "default", "name": "d"}}, False, id="another-claim"),
        pytest.param(Change.VOLUME, {"metadata": {}, "spec": {"storageClassName": "local"}}, True, id="its-class"),
        pytest.param(Change.VOLUME, {"metadata": {}, "spec": {"storageClassName": "x"}}, False, id="another-class"),
        pytest.param(
            Change.VOLUME, {"metadata": {}, "spec": {"claimRef": {"namespace": "default", "name": "c"}}}, True,
            id="kept-for-its-claim",
        ),
        pytest.param(
            Change.VOLUME, {"metadata": {}, "spec": {"claimRef": {"namespace": "a", "name": "c"}}}, False, id="taken"
        ),
        pytest.param(Change.STORAGE_CLASS, {"metadata": {"name": "x"}}, True, id="class"),
        pytest.param(Change.CSI_NODE, {"metadata": {"name": "a"}}, False, id="csi-node"),
    ],
)  # fmt: skip
def test_only_changes_of_storage_that_may_help_wake_a_pod(
    make: Any, play: Any, change: Change, obj: Obj, helps: bool
) -> None:
    play.storage.claim("c")
    pod = using(make, "c")
    assert "didn't find available" in play.why(pod)
    event = Event(change, obj=obj)
    assert play.profile.may_help(PodInfo(pod), frozenset(["VolumeBinding"]), event) is helps
    assert play.profile.may_help(PodInfo(make.pod()), frozenset(["VolumeBinding"]), event) is False


def test_pods_without_claims_are_not_asked_for_volumes(make: Any, play: Any) -> None:
    pod = PodInfo(make.pod(volumes=[{"name": "v", "emptyDir": {}}]))
    names = {"VolumeBinding", "VolumeRestrictions", "VolumeZone", "NodeVolumeLimits"}
    volume_plugins = [each for each in play.profile.filters if each.name in names]
    assert len(volume_plugins) == 4
    assert all(each.pre_filter(pod, play.cluster) is None for each in volume_plugins)
