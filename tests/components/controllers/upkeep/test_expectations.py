"""Expectations hold a controller back until its cache shows its own writes."""

from __future__ import annotations

from typing import Any

from hyperpy.components.controllers.upkeep.expectations import VERIFY_AFTER_S, Expectations


def obj(name: str, uid: str = "u", **meta: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name, "uid": uid, **meta}}


class Api:
    """Answers lookups from a table."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects = {each["metadata"]["name"]: each for each in objects}

    async def __call__(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get(name)


async def test_a_creation_is_met_by_its_event_even_before_the_answer() -> None:
    expected = Expectations()
    expected.created("ns/rs", namespace="ns", name="a", now=0)
    assert expected.pending("ns/rs")
    expected.observe("ADDED", obj("a"))
    assert not expected.pending("ns/rs")


async def test_a_refused_creation_is_not_waited_for() -> None:
    expected = Expectations()
    expected.created("ns/rs", namespace="ns", name="a", now=0)
    expected.failed(namespace="ns", name="a")
    assert await expected.wait_s("ns/rs", now=0, lookup=Api()) is None


async def test_a_graceful_deletion_is_met_when_it_begins() -> None:
    expected = Expectations()
    expected.deleted("ns/rs", obj("a"), now=0)
    expected.observe("MODIFIED", obj("a"))
    assert expected.pending("ns/rs")
    expected.observe("MODIFIED", obj("a", deletionTimestamp="t"))
    assert not expected.pending("ns/rs")


async def test_a_creation_whose_pod_is_gone_again_is_found_out() -> None:
    expected = Expectations()
    expected.created("ns/rs", namespace="ns", name="a", now=0)
    assert await expected.wait_s("ns/rs", now=1, lookup=Api()) == VERIFY_AFTER_S
    assert await expected.wait_s("ns/rs", now=VERIFY_AFTER_S, lookup=Api()) is None


async def test_a_creation_that_the_api_has_and_the_cache_not_stays_expected() -> None:
    expected = Expectations()
    expected.created("ns/rs", namespace="ns", name="a", now=0)
    assert await expected.wait_s("ns/rs", now=20, lookup=Api(obj("a"))) == VERIFY_AFTER_S


async def test_a_deletion_stays_expected_while_the_cache_is_behind() -> None:
    expected = Expectations()
    expected.deleted("ns/rs", obj("a"), now=0)
    assert await expected.wait_s("ns/rs", now=20, lookup=Api()) is not None
    expected.observe("DELETED", obj("a"))
    assert await expected.wait_s("ns/rs", now=21, lookup=Api()) is None


async def test_a_deletion_that_never_arrived_is_given_up() -> None:
    expected = Expectations()
    expected.deleted("ns/rs", obj("a"), now=0)
    assert await expected.wait_s("ns/rs", now=20, lookup=Api(obj("a"))) is None


async def test_keys_do_not_hold_each_other_and_a_gone_owner_is_forgotten() -> None:
    expected = Expectations()
    expected.created("ns/one", namespace="ns", name="a", now=0)
    assert not expected.pending("ns/two")
    expected.forget("ns/one")
    assert not expected.pending("ns/one")
    expected.observe("ADDED", obj("a"))
