"""delete and deletecollection: grace periods, finalizers, propagation, preconditions, namespaces."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import DeleteOptions

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


async def gone(cluster, path):
    with pytest.raises(errors.NotFound):
        await cluster.send("GET", path)
    return True


async def test_a_plain_object_goes_at_once_and_the_answer_is_a_status(cluster, make_config_map):
    made = await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    answer = await cluster.json("DELETE", f"{CONFIG_MAPS}/one")
    details = {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert (answer["status"], answer["details"]) == ("Success", details)
    assert await gone(cluster, f"{CONFIG_MAPS}/one")


async def test_a_running_pod_is_marked_and_ends_when_its_node_says_so(cluster, make_pod):
    await cluster.client.create(kinds.POD, make_pod("p", nodeName="n1"))
    answer = await cluster.json("DELETE", f"{PODS}/p")
    own = answer["metadata"]
    assert (own["deletionGracePeriodSeconds"], own["deletionTimestamp"]) == (30, "2023-11-14T22:13:50Z")
    again = await cluster.json("DELETE", f"{PODS}/p")
    assert again["metadata"]["resourceVersion"] == own["resourceVersion"]
    shorter = await cluster.json("DELETE", f"{PODS}/p?gracePeriodSeconds=5")
    assert shorter["metadata"]["deletionTimestamp"] == "2023-11-14T22:13:25Z"
    await cluster.client.delete(kinds.POD, "p", namespace="default", options=DeleteOptions(grace_s=0))
    assert await gone(cluster, f"{PODS}/p")


@pytest.mark.parametrize(
    ("spec", "phase"), [pytest.param({}, None, id="no node"), pytest.param({"nodeName": "n1"}, "Succeeded", id="over")]
)
async def test_a_pod_that_does_not_run_goes_at_once(cluster, make_pod, spec, phase):
    await cluster.client.create(kinds.POD, make_pod("p", **spec))
    if phase:
        await cluster.client.patch(
            kinds.POD, "p", {"status": {"phase": phase}}, namespace="default", subresource="status"
        )
    answer = await cluster.json("DELETE", f"{PODS}/p")
    assert answer["kind"] == "Pod"
    assert await gone(cluster, f"{PODS}/p")


async def test_a_finalizer_holds_the_object_until_it_is_taken_away(cluster, make_config_map):
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one", finalizers=["example.com/wait"]))
    marked = await cluster.json("DELETE", f"{CONFIG_MAPS}/one")
    assert marked["metadata"]["deletionTimestamp"]
    with pytest.raises(errors.Invalid, match="no new finalizers can be added"):
        more = {"metadata": {"finalizers": ["example.com/wait", "example.com/more"]}}
        await cluster.client.patch(kinds.CONFIG_MAP, "one", more, namespace="default")
    await cluster.client.patch(kinds.CONFIG_MAP, "one", {"metadata": {"finalizers": None}}, namespace="default")
    assert await gone(cluster, f"{CONFIG_MAPS}/one")


@pytest.mark.parametrize(("policy", "finalizers"), [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])])
async def test_propagation_leaves_work_for_the_garbage_collector(cluster, make_config_map, policy, finalizers):
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    marked = await cluster.json("DELETE", f"{CONFIG_MAPS}/one", {"propagationPolicy": policy})
    assert marked["metadata"]["finalizers"] == finalizers


async def test_a_replication_controller_orphans_unless_told_otherwise(cluster):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    controller = {"metadata": {"name": "rc", "namespace": "default"}, "spec": {"replicas": 0, "template": template}}
    path = "/api/v1/namespaces/default/replicationcontrollers"
    await cluster.send("POST", path, controller)
    assert (await cluster.json("DELETE", f"{path}/rc"))["metadata"]["finalizers"] == ["orphan"]
    await cluster.send("DELETE", f"{path}/rc?propagationPolicy=Background")
    assert await gone(cluster, f"{path}/rc")


async def test_preconditions_are_checked(cluster, make_config_map):
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    with pytest.raises(errors.Conflict, match="UID in precondition: other"):
        await cluster.send("DELETE", f"{CONFIG_MAPS}/one", {"preconditions": {"uid": "other"}})
    with pytest.raises(errors.Conflict, match="ResourceVersion in precondition: 1,"):
        await cluster.send("DELETE", f"{CONFIG_MAPS}/one", {"preconditions": {"resourceVersion": "1"}})


async def test_a_dry_run_deletes_nothing(cluster, make_config_map):
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    await cluster.send("DELETE", f"{CONFIG_MAPS}/one", {"dryRun": ["All"]})
    await cluster.send("DELETE", f"{CONFIG_MAPS}/one?dryRun=All")
    assert (await cluster.send("GET", f"{CONFIG_MAPS}/one")).status == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"propagationPolicy": "Sideways"}, id="unknown policy"),
        pytest.param({"propagationPolicy": "Orphan", "orphanDependents": True}, id="both forms"),
        pytest.param({"gracePeriodSeconds": "soon"}, id="type"),
        pytest.param({"kind": "Pod"}, id="kind"),
    ],
)
async def test_options_that_make_no_sense_are_refused(cluster, make_config_map, body):
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    with pytest.raises(errors.StatusError) as raised:
        await cluster.send("DELETE", f"{CONFIG_MAPS}/one", body)
    assert raised.value.code in (400, 422)


async def test_a_collection_is_deleted_by_selector(cluster, make_config_map):
    for name, color in (("a", "red"), ("b", "red"), ("c", "blue")):
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map(name, labels={"color": color}))
    answer = await cluster.json("DELETE", f"{CONFIG_MAPS}?labelSelector=color=red")
    assert [item["metadata"]["name"] for item in answer["items"]] == ["a", "b"]
    left = await cluster.client.list(kinds.CONFIG_MAP, namespace="default")
    assert [item["metadata"]["name"] for item in left.items] == ["c"]


class TestNamespaces:
    PATH = "/api/v1/namespaces/work"

    @pytest.fixture
    async def work(self, cluster):
        return await cluster.json("POST", "/api/v1/namespaces", {"metadata": {"name": "work"}})

    async def test_begin_active_with_a_finalizer_and_their_name_as_label(self, work):
        assert work["status"]["phase"] == "Active"
        assert work["spec"]["finalizers"] == ["kubernetes"]
        assert work["metadata"]["labels"] == {"kubernetes.io/metadata.name": "work"}

    async def test_end_when_finalized(self, cluster, work):
        marked = await cluster.json("DELETE", self.PATH)
        assert (marked["status"]["phase"], bool(marked["metadata"]["deletionTimestamp"])) == ("Terminating", True)
        with pytest.raises(errors.Conflict, match="automatically be purged"):
            await cluster.send("DELETE", self.PATH)
        finalized = await cluster.json("PUT", f"{self.PATH}/finalize", {**marked, "spec": {"finalizers": []}})
        assert finalized["spec"] == {"finalizers": []}
        assert await gone(cluster, self.PATH)

    async def test_take_nothing_new_when_they_end(self, cluster, work, make_config_map):
        await cluster.send("DELETE", self.PATH)
        with pytest.raises(errors.Forbidden, match="because it is being terminated"):
            await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one", "work"))

    async def test_must_be_there(self, cluster, make_config_map):
        with pytest.raises(errors.NotFound, match='namespaces "none" not found'):
            await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one", "none"))

    async def test_of_the_system_stay(self, cluster):
        with pytest.raises(errors.Forbidden, match="this namespace may not be deleted"):
            await cluster.send("DELETE", "/api/v1/namespaces/default")


async def test_a_collection_is_deleted_page_by_page(cluster, make_config_map):
    for name in "abc":
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map(name, labels={"page": "yes"}))
    path = "/api/v1/namespaces/default/configmaps?labelSelector=page=yes"
    answer = await cluster.json("DELETE", f"{path}&limit=2")
    assert [item["metadata"]["name"] for item in answer["items"]] == ["a", "b"]
    assert answer["metadata"]["continue"]
    dry = await cluster.json("DELETE", f"{path}&dryRun=All")
    assert [item["metadata"]["name"] for item in dry["items"]] == ["c"]
    assert [item["metadata"]["name"] for item in (await cluster.json("GET", path))["items"]] == ["c"]
