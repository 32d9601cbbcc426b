"""Kinds that are served in two forms: every verb shows the form of the URL, and both are one object."""

from __future__ import annotations

import orjson

V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
CORE = "/api/v1/namespaces/default/events"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


def hpa_v1(name: str = "web", target: int = 80):
    scale = {"kind": "Deployment", "name": name, "apiVersion": "apps/v1"}
    spec = {"maxReplicas": 3, "scaleTargetRef": scale, "targetCPUUtilizationPercentage": target}
    return {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": spec}


def event(name: str = "e", of: str = "web"):
    involved = {"kind": "Pod", "namespace": "default", "name": of}
    return {
        "metadata": {"name": name},
        "involvedObject": involved,
        "reason": "Made",
        "message": "it is",
        "type": "Normal",
    }


async def test_what_was_made_as_v1_is_read_as_v2_and_as_v1(cluster):
    made = await cluster.json("POST", V1, hpa_v1())
    assert made["apiVersion"] == "autoscaling/v1"
    assert made["spec"]["targetCPUUtilizationPercentage"] == 80
    as_v2 = await cluster.json("GET", f"{V2}/web")
    assert as_v2["apiVersion"] == "autoscaling/v2"
    assert as_v2["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
    assert await cluster.json("GET", f"{V1}/web") == made
    assert as_v2["metadata"]["uid"] == made["metadata"]["uid"]


async def test_lists_watches_updates_and_patches_speak_the_version_of_the_url(cluster):
    made = await cluster.json("POST", V1, hpa_v1())
    revision = made["metadata"]["resourceVersion"]
    watch = await cluster.lines(f"{V1}?watch=1&resourceVersion={revision}")
    other = await cluster.lines(f"{V2}?watch=1&resourceVersion={revision}")
    made["spec"]["targetCPUUtilizationPercentage"] = 60
    updated = await cluster.json("PUT", f"{V1}/web", made)
    assert updated["spec"]["targetCPUUtilizationPercentage"] == 60
    seen, seen_v2 = await watch.next(), await other.next()
    assert (seen["type"], seen["object"]) == ("MODIFIED", updated)
    assert seen_v2["object"]["apiVersion"] == "autoscaling/v2"
    patch = {"spec": {"targetCPUUtilizationPercentage": 40}}
    patched = await cluster.json("PATCH", f"{V1}/web", patch, content_type="application/merge-patch+json")
    assert patched["apiVersion"] == "autoscaling/v1"
    listed = await cluster.json("GET", f"{V1}?limit=5")
    assert (listed["apiVersion"], listed["items"]) == ("autoscaling/v1", [patched])
    for stream in (watch, other):
        await stream.aclose()


async def test_an_update_that_changes_nothing_writes_nothing_whatever_the_version(cluster):
    made = await cluster.json("POST", V1, hpa_v1())
    before = await cluster.store.revision()
    again = await cluster.json("PUT", f"{V1}/web", made)
    assert again == made
    assert await cluster.store.revision() == before


async def test_an_object_deleted_in_one_version_is_gone_in_the_other(cluster):
    await cluster.json("POST", V1, hpa_v1())
    watch = await cluster.lines(f"{V1}?watch=1&resourceVersion={await cluster.store.revision()}")
    await cluster.json("DELETE", f"{V2}/web")
    gone = await watch.next()
    assert (gone["type"], gone["object"]["apiVersion"]) == ("DELETED", "autoscaling/v1")
    assert (await cluster.json("GET", V1))["items"] == []
    await watch.aclose()


async def test_events_are_selected_by_the_names_of_their_own_form(cluster):
    await cluster.json("POST", CORE, event("a", "web"))
    await cluster.json("POST", CORE, event("b", "db"))
    found = await cluster.json("GET", f"{EVENTS}?fieldSelector=regarding.name%3Ddb".replace("%3D", "="))
    assert [(each["metadata"]["name"], each["note"]) for each in found["items"]] == [("b", "it is")]
    for each in found["items"]:
        assert each["metadata"].pop("managedFields")[0]["apiVersion"] == "v1"
    assert orjson.dumps(found).count(b"involvedObject") == 0
    assert [each["metadata"]["name"] for each in (await cluster.json("GET", CORE))["items"]] == ["a", "b"]
