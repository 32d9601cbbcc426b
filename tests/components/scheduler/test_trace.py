"""Traces of decisions: what the scheduler knew, kept small, with the Event that tells of it."""

from __future__ import annotations

from typing import Any

from hyperpy.api import kinds
from hyperpy.components.scheduler import trace
from hyperpy.components.scheduler.trace import ANNOTATION, NODES_TOLD

from .world import World, untainted

GPU = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


def traced(play: Any, pod: Any) -> trace.Trace:
    found = trace.read(trace.write(trace.of(play.decide(pod), play.profile, attempts=2)))
    assert found is not None
    return found


def test_rejections_are_grouped_by_plugin_and_reason_the_commonest_first(make: Any, board: Any) -> None:
    play = board(make.node("a"), make.node("b"), make.node("c", taints=[GPU]))
    found = traced(play, make.pod(cpu="9"))
    assert (found.total, found.attempts, found.node) == (3, 2, "")
    assert [(each.plugin, list(each.reasons), each.count, list(each.nodes)) for each in found.refusals] == [
        ("NodeResourcesFit", ["Insufficient cpu"], 2, ["a", "b"]),
        ("TaintToleration", ["node(s) had untolerated taint {gpu: yes}"], 1, ["c"]),
    ]
    assert "TaintToleration" in found.filters


def test_of_many_nodes_only_some_are_named_and_all_are_counted(make: Any, board: Any) -> None:
    found = traced(board(*(make.node(f"n{number}") for number in range(300))), make.pod(cpu="9"))
    (refusal,) = found.refusals
    assert (refusal.count, len(refusal.nodes)) == (300, NODES_TOLD)


def test_the_scores_of_the_chosen_node_and_the_next_best_are_told(make: Any, board: Any) -> None:
    play = board(make.node("a"), make.node("b"))
    play.put(make.pod("big", cpu="3"), "b")
    found = traced(play, make.pod(cpu="100m"))
    assert (found.node, found.possible, found.second) == ("a", 2, "b")
    weights = {part.plugin: part.weight for part in found.parts}
    assert (
        weights["NodeResourcesFit"] == 1 and sum(part.score * part.weight for part in found.parts) > found.second_score
    )


def test_a_trace_of_another_make_is_none() -> None:
    assert trace.read("{") is None and trace.read('{"colour": 3}') is None and trace.read("[]") is None


async def test_events_of_the_scheduler_carry_the_trace(world: World) -> None:
    await world.node("n1")
    await world.schedule()
    await world.pod("fits", **untainted())
    await world.pod("huge", cpu="9", **untainted())
    await world.until(world.on("fits", "n1"))
    await world.until(world.told("huge", "Insufficient cpu"))

    async def written() -> Any:
        listed = await world.client.list(kinds.EVENT, namespace="default")
        found = {event["involvedObject"]["name"]: event for event in listed.items}
        return found if len(found) == 2 else None

    events = await world.until(written)
    told = {name: trace.read(event["metadata"]["annotations"][ANNOTATION]) for name, event in events.items()}
    assert told["fits"].node == "n1"
    assert [each.plugin for each in told["huge"].refusals] == ["NodeResourcesFit"]
