"""Which requests are logged."""

import pytest

from hyperpy.api import paths
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.audit.policy import GroupResources, Level, Policy, Rule

ANN = UserInfo("ann", ("devs", "system:authenticated"))
META = Level.METADATA


def asked(url, method="GET"):
    return paths.parse(method, url, {})


POD = asked("/api/v1/namespaces/d/pods/x")
LOG = asked("/api/v1/namespaces/d/pods/x/log")
SCALE = asked("/apis/apps/v1/namespaces/d/deployments/y/scale")
NODES = asked("/api/v1/nodes")
HEALTH = asked("/healthz/ping")


def core(*resources, names=()):
    return (GroupResources("", resources, names),)


@pytest.mark.parametrize(
    ("rule", "info", "matches"),
    [
        (Rule(META), HEALTH, True),
        (Rule(META, users=("ann",)), POD, True),
        (Rule(META, users=("bob",)), POD, False),
        (Rule(META, groups=("devs",)), POD, True),
        (Rule(META, groups=("ops",)), POD, False),
        (Rule(META, verbs=("get",)), POD, True),
        (Rule(META, verbs=("watch",)), POD, False),
        (Rule(META, namespaces=("d",)), POD, True),
        (Rule(META, namespaces=("e",)), POD, False),
        (Rule(META, namespaces=("",)), NODES, True),
        (Rule(META, namespaces=("d",)), HEALTH, False),
        (Rule(META, resources=core()), POD, True),
        (Rule(META, resources=core()), SCALE, False),
        (Rule(META, resources=core("pods")), POD, True),
        (Rule(META, resources=core("pods")), LOG, False),
        (Rule(META, resources=core("pods/log")), LOG, True),
        (Rule(META, resources=core("pods/*")), LOG, True),
        (Rule(META, resources=core("pods/*")), POD, True),  # as kube-apiserver does, whatever its reference says
        (Rule(META, resources=core("*")), LOG, True),
        (Rule(META, resources=(GroupResources("apps", ("*/scale",)),)), SCALE, True),
        (Rule(META, resources=core("*/scale")), SCALE, False),
        (Rule(META, resources=core("pods", names=("x",))), POD, True),
        (Rule(META, resources=core("pods", names=("y",))), POD, False),
        (Rule(META, urls=("/healthz*",)), HEALTH, True),
        (Rule(META, urls=("/healthz",)), HEALTH, False),
        (Rule(META, urls=("*",)), HEALTH, True),
        (Rule(META, urls=("*",)), POD, False),
    ],
)
def test_a_rule_matches(rule, info, matches):
    assert rule.matches(ANN, info) is matches


@pytest.mark.parametrize("rule", [Rule(META, users=("ann",)), Rule(META, groups=("devs",))], ids=["user", "group"])
def test_nobody_is_no_user(rule):
    assert not rule.matches(None, POD)


def test_the_first_rule_that_matches_decides():
    policy = Policy((Rule(Level.NONE, resources=core("pods")), Rule(Level.REQUEST)))
    assert policy.decide(ANN, POD).level == Level.NONE
    assert policy.decide(ANN, NODES).level == Level.REQUEST


def test_without_a_rule_nothing_is_logged():
    assert Policy((Rule(META, users=("bob",)),)).decide(ANN, POD).level == Level.NONE


def test_stages_are_left_out_by_the_policy_and_by_the_rule():
    policy = Policy((Rule(META, omit_stages=("Panic",)),), ("RequestReceived",))
    assert policy.decide(ANN, POD).omit_stages == {"RequestReceived", "Panic"}


@pytest.mark.parametrize(("rule", "whole", "expected"), [(None, True, True), (False, True, False), (True, False, True)])
def test_a_rule_has_the_last_word_on_managed_fields(rule, whole, expected):
    policy = Policy((Rule(META, omit_managed_fields=rule),), (), whole)
    assert policy.decide(ANN, POD).omit_managed_fields is expected
