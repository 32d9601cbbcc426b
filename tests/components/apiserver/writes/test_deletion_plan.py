"""The pure part of deleting."""

from __future__ import annotations

import pytest

from hyperpy.components.apiserver.content.deletion_options import DeleteOptions
from hyperpy.components.apiserver.strategy import Strategy
from hyperpy.components.apiserver.strategy.pod import POD
from hyperpy.components.apiserver.writes import deletion_plan

NOW = 1_700_000_000.0
AT_NOW, IN_30, IN_5 = "2023-11-14T22:13:20Z", "2023-11-14T22:13:50Z", "2023-11-14T22:13:25Z"


def pod(*, node="n1", phase="Running", **metadata):
    return {
        "metadata": {"name": "p", "generation": 1, **metadata},
        "spec": {"nodeName": node},
        "status": {"phase": phase},
    }


ENDING = pod(deletionTimestamp=IN_30, deletionGracePeriodSeconds=30)


@pytest.mark.parametrize(
    ("obj", "options", "expected"),
    [
        pytest.param(pod(), DeleteOptions(), (False, IN_30, 30), id="default grace"),
        pytest.param(pod(), DeleteOptions(grace_s=5), (False, IN_5, 5), id="asked for"),
        pytest.param(pod(), DeleteOptions(grace_s=0), (True, AT_NOW, 0), id="forced"),
        pytest.param(pod(node=""), DeleteOptions(), (True, AT_NOW, 0), id="not scheduled"),
        pytest.param(pod(phase="Failed"), DeleteOptions(), (True, AT_NOW, 0), id="over"),
        pytest.param(
            ENDING,
            DeleteOptions(),
            (False, IN_30, 30),
            id="pending",
        ),
        pytest.param(
            ENDING,
            DeleteOptions(grace_s=60),
            (False, IN_30, 30),
            id="never longer",
        ),
        pytest.param(
            ENDING,
            DeleteOptions(grace_s=5),
            (False, IN_5, 5),
            id="shorter",
        ),
        pytest.param(
            pod(deletionTimestamp=IN_30, deletionGracePeriodSeconds=0), DeleteOptions(), (True, IN_30, 0), id="ended"
        ),
        pytest.param(pod(finalizers=["x"]), DeleteOptions(grace_s=0), (False, AT_NOW, 0), id="finalizer"),
    ],
)
def test_how_a_pod_ends(obj, options, expected):
    plan = deletion_plan.plan(obj, options, strategy=POD, now=NOW)
    own = plan.obj["metadata"]
    assert (plan.gone, own["deletionTimestamp"], own["deletionGracePeriodSeconds"]) == expected
    assert obj["metadata"].get("deletionTimestamp") in (None, IN_30), "the stored object is not changed"


@pytest.mark.parametrize(
    ("current", "options", "orphans", "expected"),
    [
        pytest.param([], DeleteOptions(), False, [], id="background"),
        pytest.param([], DeleteOptions(), True, ["orphan"], id="orphans by default"),
        pytest.param([], DeleteOptions(propagation="Background"), True, [], id="background asked for"),
        pytest.param([], DeleteOptions(orphan_dependents=True), False, ["orphan"], id="older form"),
        pytest.param([], DeleteOptions(propagation="Foreground"), False, ["foregroundDeletion"], id="foreground"),
        pytest.param(["orphan"], DeleteOptions(), False, ["orphan"], id="said before"),
        pytest.param(["orphan", "x"], DeleteOptions(propagation="Background"), False, ["x"], id="taken back"),
    ],
)
def test_what_waits_for_the_garbage_collector(current, options, orphans, expected):
    obj = {"metadata": {"name": "a", "finalizers": current}}
    plan = deletion_plan.plan(obj, options, strategy=Strategy(orphans=orphans), now=NOW)
    assert plan.obj["metadata"].get("finalizers", []) == expected
    assert plan.gone is not bool(expected)


def test_a_deletion_counts_as_a_change_once():
    marked = deletion_plan.plan(pod(), DeleteOptions(), strategy=POD, now=NOW).obj
    assert marked["metadata"]["generation"] == 2
    again = deletion_plan.plan(marked, DeleteOptions(grace_s=1), strategy=POD, now=NOW).obj
    assert again["metadata"]["generation"] == 2
