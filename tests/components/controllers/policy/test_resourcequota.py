"""Quotas know their limits and what is used of them, also after objects have gone."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import DeleteOptions
from hyperpy.components.controllers.policy.resourcequota import plan


def quota(**hard):
    return {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": hard}}


def test_a_quota_in_step_is_left_alone():
    current = {**quota(pods="2"), "status": {"hard": {"pods": "2"}, "used": {"pods": "0"}}}
    assert plan(current, {("", "pods"): []}, now=0) is None
    assert plan(None, {}, now=0) is None


@pytest.fixture
async def running(world):
    await world.start("resourcequota-controller")
    return world


async def status(world):
    return (await world.client.get(kinds.RESOURCE_QUOTA, "q", namespace="default")).get("status") or {}


async def test_a_new_quota_is_counted(running, make):
    await running.client.create(kinds.POD, make.pod("a"))
    await running.client.create(kinds.RESOURCE_QUOTA, quota(pods="2", **{"count/secrets": "9"}))
    found = await running.until(lambda: status(running))
    assert found == {"hard": {"pods": "2", "count/secrets": "9"}, "used": {"pods": "1", "count/secrets": "0"}}


async def test_what_has_gone_is_given_back(running, make):
    await running.client.create(kinds.RESOURCE_QUOTA, quota(pods="1"))
    await running.until(lambda: status(running))
    await running.client.create(kinds.POD, make.pod("a"))
    with pytest.raises(errors.Forbidden, match="exceeded quota"):
        await running.client.create(kinds.POD, make.pod("b"))
    await running.client.delete(kinds.POD, "a", namespace="default")

    async def free():
        return (await status(running))["used"] == {"pods": "0"}

    await running.until(free)
    await running.client.create(kinds.POD, make.pod("b"))


async def test_what_was_charged_for_nothing_is_given_back(running, make):
    await running.client.create(kinds.POD, make.pod("a"))
    await running.client.create(kinds.RESOURCE_QUOTA, quota(pods="3"))
    await running.until(lambda: status(running))
    with pytest.raises(errors.AlreadyExists):
        await running.client.create(kinds.POD, make.pod("a"))
    assert (await status(running))["used"] == {"pods": "2"}

    async def right():
        return (await status(running))["used"] == {"pods": "1"}

    await running.until(right)


async def test_new_limits_count_at_once(running):
    made = await running.client.create(kinds.RESOURCE_QUOTA, quota(pods="1"))
    await running.until(lambda: status(running))
    await running.client.patch(
        kinds.RESOURCE_QUOTA, "q", {"spec": {"hard": {"pods": "7"}}}, namespace=made["metadata"]["namespace"]
    )

    async def right():
        return (await status(running))["hard"] == {"pods": "7"}

    await running.until(right)


async def test_a_pod_that_outlived_its_grace_is_given_back_when_it_goes(running, make):
    await running.client.create(kinds.RESOURCE_QUOTA, quota(pods="1"))
    await running.until(lambda: status(running))
    await running.client.create(kinds.POD, make.pod("a", nodeName="n"))
    await running.clock.advance(10)
    await running.client.delete(kinds.POD, "a", namespace="default", options=DeleteOptions(grace_s=1))
    await running.clock.advance(10)
    assert (await status(running))["used"] == {"pods": "1"}
    await running.client.delete(kinds.POD, "a", namespace="default", options=DeleteOptions(grace_s=0))

    async def free():
        return (await status(running))["used"] == {"pods": "0"}

    await running.until(free)


async def test_a_pod_that_leaves_a_scope_is_given_back(running, make):
    limits = quota(pods="3")
    limits["spec"]["scopes"] = ["NotTerminating"]
    await running.client.create(kinds.RESOURCE_QUOTA, limits)
    await running.client.create(kinds.POD, make.pod("a"))

    def used(count):
        async def holds():
            return (await status(running)).get("used") == {"pods": count}

        return holds

    await running.until(used("1"))
    await running.client.patch(kinds.POD, "a", {"spec": {"activeDeadlineSeconds": 60}}, namespace="default")
    await running.until(used("0"))
