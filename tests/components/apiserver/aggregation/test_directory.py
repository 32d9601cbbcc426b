"""Who answers which group and version."""

import pytest

from hyperpy.components.apiserver.aggregation.directory import Directory, available
from hyperpy.components.apiserver.bootstrap.priorities import Priority


class Informers:
    """One informer, told what happens."""

    def of(self, kind):
        return self

    def subscribe(self, callback):
        self.tell = callback
        return lambda: None


def service(group, version, *, remote=True, priority=(100, 10)):
    spec = {"group": group, "version": version, "groupPriorityMinimum": priority[0], "versionPriority": priority[1]}
    if remote:
        spec["service"] = {"namespace": "n", "name": "s", "port": 443}
    return {"metadata": {"name": f"{version}.{group}"}, "spec": spec}


@pytest.fixture
def informers():
    return Informers()


@pytest.fixture
def directory(informers):
    directory = Directory()
    directory.follow(informers)
    return directory


def test_remote_ones_are_found_while_they_are_there(directory, informers):
    obj = service("g", "v1")
    informers.tell("ADDED", None, obj)
    assert directory.remotes == {("g", "v1"): obj}
    assert directory.priority("g", "v1") == Priority(100, 10)
    informers.tell("DELETED", obj, None)
    assert directory.remotes == {}
    assert directory.priority("g", "v1") == Priority(1000, 100)


def test_one_that_becomes_local_is_ours_again(directory, informers):
    before, after = service("g", "v1"), service("g", "v1", remote=False)
    informers.tell("ADDED", None, before)
    informers.tell("MODIFIED", before, after)
    assert directory.remotes == {}


def test_the_aggregators_own_group_is_never_given_away(directory, informers):
    informers.tell("ADDED", None, service("apiregistration.k8s.io", "v1"))
    assert directory.remotes == {}


def test_built_in_groups_have_their_places(directory):
    order = [("apiregistration.k8s.io", "v1"), ("", "v1"), ("apps", "v1"), ("policy", "v1"), ("acme.example", "v1")]
    priorities = [directory.priority(*place).group for place in order]
    assert priorities == sorted(priorities, reverse=True)
    assert directory.priority("autoscaling", "v2").version > directory.priority("autoscaling", "v1").version


def test_what_is_discovered_stays_and_is_stale_when_the_server_does_not_answer(directory, informers):
    informers.tell("ADDED", None, service("g", "v1"))
    assert directory.discovered()["g", "v1"] == {"version": "v1", "resources": [], "freshness": "Stale"}
    current = {"version": "v1", "resources": [{"resource": "things"}], "freshness": "Current"}
    directory.note(("g", "v1"), current)
    assert directory.discovered()["g", "v1"] == current
    directory.note(("g", "v1"), None)
    assert directory.discovered()["g", "v1"] == {**current, "freshness": "Stale"}


def test_the_generation_tells_of_changes_and_of_nothing_else(directory, informers):
    seen = [directory.generation]

    def step(work):
        work()
        seen.append(directory.generation)
        return seen[-1] != seen[-2]

    first, moved = service("g", "v1"), service("g", "v1", priority=(7, 7))
    current = {"version": "v1", "resources": [], "freshness": "Current"}
    assert step(lambda: informers.tell("ADDED", None, first))
    assert not step(lambda: informers.tell("MODIFIED", first, first))
    assert step(lambda: informers.tell("MODIFIED", first, moved))
    assert step(lambda: directory.note(("g", "v1"), current))
    assert not step(lambda: directory.note(("g", "v1"), dict(current)))
    assert not step(lambda: directory.note(("other", "v1"), current))
    assert step(lambda: informers.tell("DELETED", moved, None))


@pytest.mark.parametrize(("status", "expected"), [("True", True), ("False", False), (None, False)])
def test_available(status, expected):
    conditions = [{"type": "Available", "status": status}] if status else []
    assert available({"status": {"conditions": conditions}}) is expected
