"""Profiles, and the extension points that no built-in plugin uses yet: a plugin is a plain class with their methods."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hyperpy.components.scheduler import binding
from hyperpy.components.scheduler.framework import Rejection, Scoring
from hyperpy.components.scheduler.permits import Permits
from hyperpy.components.scheduler.plugins.default_binder import DefaultBinder
from hyperpy.components.scheduler.plugins.priority_sort import PrioritySort
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile, Use, default_plugins
from hyperpy.testing.clock import ManualClock


class Recorder:
    """Takes part in everything around binding, and refuses where it is told to."""

    name = "Recorder"

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse
        self.calls: list[str] = []

    def _say(self, point: str) -> Rejection | None:
        self.calls.append(point)
        return Rejection(self.name, ("no",)) if point == self.refuse else None

    def reserve(self, pod: PodInfo, node: str) -> Rejection | None:
        return self._say("reserve")

    def unreserve(self, pod: PodInfo, node: str) -> None:
        self._say("unreserve")

    async def permit(self, pod: PodInfo, node: str) -> Rejection | None:
        return self._say("permit")

    async def pre_bind(self, pod: PodInfo, node: str, client: Any) -> None:
        self._say("pre_bind")

    async def bind(self, pod: PodInfo, node: str, client: Any) -> bool:
        return self._say("bind") is None

    def post_bind(self, pod: PodInfo, node: str) -> None:
        self._say("post_bind")


class Alphabetical:
    """Scores the node whose name comes last highest."""

    name = "Alphabetical"

    def pre_score(self, pod: PodInfo, cluster: Any, nodes: Any) -> Scoring:
        return Scoring(lambda node: float(ord(node.name[0])))


class Waits:
    """Permits when it is told so."""

    name = "Waits"
    permit_timeout_s = 30.0

    def __init__(self, answer: asyncio.Future[str]) -> None:
        self._answer = answer

    async def permit(self, pod: PodInfo, node: str) -> Rejection | None:
        await self._answer
        return None


def profile(recorder: Recorder) -> Profile:
    return Profile("mine", [Use(PrioritySort()), Use(recorder)])


def place() -> binding.BindingPlace:
    return binding.BindingPlace(asyncio.Semaphore(0))


class Patient:
    """Waits for others before a Pod is bound."""

    name = "Patient"

    def __init__(self, answer: asyncio.Future[str]) -> None:
        self._answer = answer

    def waiting(self, pod: PodInfo, node: str) -> asyncio.Future[str]:
        return self._answer


async def test_a_plugin_is_asked_at_every_point_it_has_a_method_for(make: Any) -> None:
    recorder, pod = Recorder(), PodInfo(make.pod())
    assert binding.reserve(pod, "n", profile(recorder)) is None
    assert await Permits(ManualClock()).ask(pod, "n", profile(recorder)) is None
    await binding.bind(pod, "n", profile(recorder), None, clock=ManualClock(), place=place())  # type: ignore[arg-type]
    binding.bound(pod, "n", profile(recorder))
    assert recorder.calls == ["reserve", "permit", "pre_bind", "bind", "post_bind"]


async def test_a_pod_that_waits_gives_its_place_to_others_and_takes_one_again(make: Any) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    places, recorder = asyncio.Semaphore(0), Recorder()
    patient = Profile("mine", [Use(PrioritySort()), Use(recorder), Use(Patient(answer))])
    work = binding.bind(
        PodInfo(make.pod()), "n", patient, None, clock=ManualClock(), place=binding.BindingPlace(places)
    )  # type: ignore[arg-type]
    task = asyncio.create_task(work)
    await places.acquire()
    assert recorder.calls == ["pre_bind"]
    answer.set_result("")
    await asyncio.sleep(0)
    assert "bind" not in recorder.calls
    places.release()
    await task
    assert recorder.calls[-1] == "bind" and places.locked()


async def test_a_wait_in_vain_says_why(make: Any) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    answer.set_result("the disk is gone")
    patient = Profile("mine", [Use(PrioritySort()), Use(Patient(answer))])
    with pytest.raises(binding.NotBound, match='running PreBind plugin "Patient": the disk is gone'):
        await binding.bind(PodInfo(make.pod()), "n", patient, None, clock=ManualClock(), place=place())  # type: ignore[arg-type]


async def test_the_first_permit_that_refuses_decides(make: Any) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    recorder, waits = Recorder("permit"), Waits(answer)
    uses = [Use(PrioritySort()), Use(waits), Use(recorder)]
    rejection = await Permits(ManualClock()).ask(PodInfo(make.pod()), "n", Profile("mine", uses))
    assert rejection is not None and rejection.plugin == "Recorder"
    assert answer.cancelled(), "nobody asks the others any more"


async def test_a_permit_that_takes_too_long_is_a_refusal(make: Any) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    clock = ManualClock()
    profile_ = Profile("mine", [Use(PrioritySort()), Use(Waits(answer))])
    task = asyncio.create_task(Permits(clock).ask(PodInfo(make.pod()), "n", profile_))
    await clock.advance(29)
    assert not task.done()
    await clock.advance(1)
    rejection = await task
    assert rejection is not None
    assert rejection.reasons == ("rejected due to timeout after waiting 30s at plugin Waits",)


async def test_a_waiting_pod_can_be_preempted(make: Any) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    permits, pod = Permits(ManualClock()), PodInfo(make.pod())
    reason = Rejection("DefaultPreemption", ("preempted",))
    assert not permits.reject(pod.uid, reason)
    profile_ = Profile("mine", [Use(PrioritySort()), Use(Waits(answer))])
    task = asyncio.create_task(permits.ask(pod, "n", profile_))
    await asyncio.sleep(0)
    assert permits.reject(pod.uid, reason)
    assert await task is reason


def test_a_refused_reservation_is_given_back(make: Any) -> None:
    recorder = Recorder("reserve")
    assert binding.reserve(PodInfo(make.pod()), "n", profile(recorder)) is not None
    assert recorder.calls == ["reserve", "unreserve"]


async def test_a_pod_that_no_bind_plugin_takes_is_not_bound(make: Any) -> None:
    with pytest.raises(binding.NotBound, match="no Bind plugin"):
        await binding.bind(
            PodInfo(make.pod()), "n", profile(Recorder("bind")), None, clock=ManualClock(), place=place()
        )  # type: ignore[arg-type]


def test_a_weight_decides_between_plugins(make: Any, board: Any) -> None:
    play = board(make.node("a"), make.node("z"))
    play.put(make.pod("big", cpu="3"), "z")
    assert play.decide(make.pod(cpu="100m")).node == "a"
    play.profile = Profile("mine", [*default_plugins(), Use(Alphabetical(), 100)])
    assert play.decide(make.pod(cpu="100m")).node == "z"


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        pytest.param([Use(PrioritySort()), Use(DefaultBinder()), Use(DefaultBinder())], "the same name", id="twice"),
        pytest.param([Use(DefaultBinder())], "exactly one plugin must sort the queue, not 0", id="no-order"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(uses: list[Use], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Profile("mine", uses)
