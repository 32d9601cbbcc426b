"""Events that are nearly the same become one, and a flood about one object ends."""

from __future__ import annotations

from typing import Any

from hyperpy.client.event_folding import ALLOWANCE, ALLOWED_EVERY_S, FOLDED, TEXTS, TEXTS_FOR_S, Folding


def event(message: str, *, reason: str = "SuccessfulCreate", name: str = "web") -> dict[str, Any]:
    about = {"kind": "ReplicaSet", "namespace": "ns", "name": name, "uid": f"uid-{name}"}
    return {"involvedObject": about, "type": "Normal", "reason": reason, "message": message}


def messages(folding: Folding, count: int, *, reason: str = "SuccessfulCreate", now: float = 0.0) -> list[str]:
    judged = [folding.judge(event(f"{reason} {number}", reason=reason), now=now) for number in range(count)]
    return [folded.event["message"] for folded in judged if folded is not None]


def test_the_same_again_is_the_same_event():
    folding = Folding()
    first, second = (folding.judge(event("Created pod: a"), now=0) for _ in range(2))
    assert first is not None and second is not None and first.identity == second.identity
    other = folding.judge(event("Created pod: b"), now=0)
    assert other is not None and other.identity != first.identity


def test_after_some_texts_of_one_reason_all_others_are_one_event():
    folding = Folding()
    judged = [folding.judge(event(f"Created pod: {number}"), now=0) for number in range(TEXTS + 2)]
    assert len({folded.identity for folded in judged if folded is not None}) == TEXTS
    assert judged[-1] is not None and judged[-1].event["message"] == f"{FOLDED}Created pod: {TEXTS + 1}"


def test_after_a_quiet_time_texts_are_told_as_they_are_again():
    folding = Folding()
    messages(folding, TEXTS)
    later = folding.judge(event("Created pod: z"), now=TEXTS_FOR_S + 1)
    assert later is not None and later.event["message"] == "Created pod: z"


def test_a_flood_about_one_object_ends_and_other_objects_are_still_told_of():
    folding = Folding()
    assert len(messages(folding, 1000)) == ALLOWANCE
    assert folding.judge(event("Created pod: x", name="api"), now=0) is not None
    assert len(messages(folding, 10, reason="Other", now=2 * ALLOWED_EVERY_S)) == 2
