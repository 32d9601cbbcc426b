"""Which volume a claim can have: the smallest that fits, the one that is kept for it, never one that somebody has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperpy.api import quantity, volume_binding

Obj = dict[str, Any]


def claim(name: str = "c", size: str = "1Gi", uid: str = "", **spec: Any) -> Obj:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return {"metadata": {"name": name, "namespace": "default", "uid": uid or f"uid-{name}"}, "spec": body}


def volume(name: str = "v", size: str = "1Gi", *, labels: Any = None, **spec: Any) -> Obj:
    body = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], **spec}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": body}


def kept(name: str, uid: str = "", namespace: str = "default") -> Obj:
    return {"namespace": namespace, "name": name, **({"uid": uid} if uid else {})}


@pytest.mark.parametrize(
    ("asked", "there", "chosen"),
    [
        pytest.param(claim(), [volume("big", "5Gi"), volume("small", "2Gi")], "small", id="smallest"),
        pytest.param(claim(), [volume("b"), volume("a")], "a", id="of-equals-the-first-by-name"),
        pytest.param(claim(size="3Gi"), [volume("v", "2Gi")], None, id="too-small"),
        pytest.param(claim(), [volume(storageClassName="fast")], None, id="another-class"),
        pytest.param(claim(storageClassName="fast"), [volume(storageClassName="fast")], "v", id="class"),
        pytest.param(claim(storageClassName=""), [volume()], "v", id="no-class"),
        pytest.param(claim(volumeMode="Block"), [volume()], None, id="mode"),
        pytest.param(claim(accessModes=["ReadWriteMany"]), [volume()], None, id="access-mode"),
        pytest.param(
            claim(), [volume("more", accessModes=["ReadWriteOnce", "ReadOnlyMany"]), volume("same", "2Gi")], "same",
            id="no-more-modes-than-needed",
        ),
        pytest.param(claim(selector={"matchLabels": {"a": "b"}}), [volume(labels={"a": "c"})], None, id="selector"),
        pytest.param(claim(selector={"matchLabels": {"a": "b"}}), [volume(labels={"a": "b"})], "v", id="selected"),
        pytest.param(claim(), [volume(claimRef=kept("other"))], None, id="kept-for-another"),
        pytest.param(claim(), [volume(claimRef=kept("c", "uid-before"))], None, id="of-a-claim-before"),
        pytest.param(claim(), [volume("a"), volume("k", "9Gi", claimRef=kept("c"))], "k", id="kept-comes-first"),
        pytest.param(
            claim(), [volume("k", claimRef=kept("c"), storageClassName="x")], "k", id="kept-whatever-its-class"
        ),
        pytest.param(claim(size="2Gi"), [volume("k", claimRef=kept("c"))], None, id="kept-but-too-small"),
        pytest.param(
            claim(), [{**volume(), "metadata": {"name": "v", "deletionTimestamp": "x"}}], None, id="leaving"
        ),
    ],
)  # fmt: skip
def test_the_volume_of_a_claim(asked: Obj, there: list[Obj], chosen: str | None) -> None:
    found = volume_binding.best(asked, there)
    assert (found and found["metadata"]["name"]) == chosen


def test_a_claim_that_waits_for_its_consumer_gets_only_what_is_kept_for_it() -> None:
    free, own = volume("free"), volume("own", claimRef=kept("c"))
    assert volume_binding.best(claim(), [free], kept_only=True) is None
    assert volume_binding.best(claim(), [free, own], kept_only=True) is own


def test_a_binding_says_who_made_it_and_is_undone_accordingly() -> None:
    bound = volume_binding.bound_volume(volume(), claim())
    assert bound["spec"]["claimRef"]["uid"] == "uid-c"
    assert bound["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert volume_binding.bound_volume(bound, claim()) is bound
    free = volume_binding.unbound_volume(bound)
    assert "claimRef" not in free["spec"] and free["metadata"]["annotations"] == {}

    own = volume_binding.bound_volume(volume(claimRef=kept("c")), claim())
    assert own["spec"]["claimRef"]["uid"] == "uid-c" and "annotations" not in own["metadata"]
    assert volume_binding.unbound_volume(own)["spec"]["claimRef"] == {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "default", "name": "c",
    }  # fmt: skip


def test_a_claim_says_that_it_was_bound() -> None:
    bound = volume_binding.bound_claim(claim(), volume())
    assert volume_binding.is_bound(bound) and bound["spec"]["volumeName"] == "v"
    assert volume_binding.annotation(bound, "pv.kubernetes.io/bound-by-controller") == "yes"
    chosen = volume_binding.bound_claim(claim(volumeName="v"), volume())
    assert chosen["metadata"]["annotations"] == {"pv.kubernetes.io/bind-completed": "yes"}
    assert volume_binding.bound_claim(bound, volume()) is bound


def test_a_pods_claims_are_those_it_names_and_those_made_for_it() -> None:
    volumes = [
        {"name": "a", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "b", "emptyDir": {}},
        {"name": "c", "ephemeral": {"volumeClaimTemplate": {}}},
    ]
    pod = {"metadata": {"name": "p", "namespace": "default", "uid": "1"}, "spec": {"volumes": volumes}}
    assert list(volume_binding.claims_of(pod)) == [("data", "a", False), ("p-c", "c", True)]
    assert volume_binding.not_for_pod(claim("p-c"), pod) == (
        "PVC default/p-c was not created for pod default/p (pod is not owner)"
    )
    own = claim("p-c")
    own["metadata"]["ownerReferences"] = [{"kind": "Pod", "name": "p", "uid": "1", "controller": True}]
    assert volume_binding.not_for_pod(own, pod) == ""


def test_hosts_are_known_only_where_every_term_names_them() -> None:
    def local(*terms: Any) -> Obj:
        return volume(nodeAffinity={"required": {"nodeSelectorTerms": [{"matchExpressions": list(t)} for t in terms]}})

    host = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}
    zone = {"key": "zone", "operator": "In", "values": ["a"]}
    assert volume_binding.hostnames(local([host, zone])) == {"n1"}
    assert volume_binding.hostnames(local([host], [zone])) is None
    assert volume_binding.hostnames(volume()) is None


SIZES = st.sampled_from(["1Gi", "2Gi", "3Gi", "4Gi"])
CLASSES = st.sampled_from(["", "fast"])
MODES = st.lists(st.sampled_from(["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"]), min_size=1, unique=True)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(SIZES, CLASSES, MODES), max_size=6),
    st.lists(st.tuples(SIZES, CLASSES, MODES), max_size=6),
    st.randoms(use_true_random=False),
)
def test_claims_and_volumes_pair_up_one_to_one_and_no_smaller_volume_would_have_done(
    asked: list[Any], there: list[Any], random: Any
) -> None:
    claims = [
        claim(f"c{n}", size, storageClassName=cls, accessModes=modes) for n, (size, cls, modes) in enumerate(asked)
    ]
    volumes = {
        f"v{n}": volume(f"v{n}", size, storageClassName=cls, accessModes=modes)
        for n, (size, cls, modes) in enumerate(there)
    }
    random.shuffle(claims)
    taken: dict[str, str] = {}
    for each in claims:
        free = {name: v for name, v in volumes.items() if "claimRef" not in v["spec"]}
        found = volume_binding.best(each, list(volumes.values()))
        fitting = [v for v in free.values() if not volume_binding.mismatch(v, each)]
        assert (found is None) == (not fitting)
        if found is None:
            continue
        name = found["metadata"]["name"]
        assert name in free and name not in taken
        for other in fitting:
            assert len(other["spec"]["accessModes"]) > len(found["spec"]["accessModes"]) or (
                len(other["spec"]["accessModes"]) == len(found["spec"]["accessModes"])
                and quantity.compare(volume_binding.capacity(other), volume_binding.capacity(found)) >= 0
            )
        taken[name] = each["metadata"]["name"]
        volumes[name] = volume_binding.bound_volume(found, each)
        assert volume_binding.best(each, list(volumes.values()))["metadata"]["name"] == name
