"""Which rules cover which, and how those that are lacking are told."""

from __future__ import annotations

import pytest

from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.authz import rbac_coverage


def rule(verbs, resources, *names, groups=("",)):
    made = {"verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources)}
    return {**made, "resourceNames": list(names)} if names else made


def urls(*paths, verbs=("get",)):
    return {"verbs": list(verbs), "nonResourceURLs": list(paths)}


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        pytest.param(rule(["get", "list"], ["pods", "secrets"]), rule(["list"], ["pods"]), id="part"),
        pytest.param(rule("*", "*", groups="*"), rule(["get"], ["a"], "b", groups=["c"]), id="everything"),
        pytest.param(rule(["get"], ["*/scale"]), rule(["get"], ["a/scale"]), id="subresource"),
        pytest.param(rule(["get"], ["a"], "x", "y"), rule(["get"], ["a"], "y"), id="name"),
        pytest.param(urls("/healthz/*"), urls("/healthz/etcd"), id="url"),
        pytest.param(urls("/a*"), urls("/a"), id="prefix"),
    ],
)
def test_what_is_held_covers_less(held, wanted):
    assert rbac_coverage.missing([held], [wanted]) == []


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        pytest.param(rule(["get"], ["pods"]), rule(["list"], ["pods"]), id="verb"),
        pytest.param(rule(["get"], ["pods"]), rule(["get"], ["pods/log"]), id="subresource"),
        pytest.param(rule(["get"], ["pods"], "a"), rule(["get"], ["pods"]), id="one name is not all"),
        pytest.param(rule(["get"], ["pods"], groups=["apps"]), rule(["get"], ["pods"]), id="group"),
        pytest.param(rule(["get"], ["pods"]), rule(["*"], ["pods"]), id="star"),
        pytest.param(urls("/a"), urls("/a/b"), id="url"),
    ],
)
def test_what_is_held_does_not_cover_more(held, wanted):
    assert rbac_coverage.missing([held], [wanted]) == [wanted]


def test_several_rules_together_cover_one():
    held = [rule(["get"], ["pods"]), rule(["list"], ["pods"])]
    assert rbac_coverage.missing(held, [rule(["get", "list"], ["pods"])]) == []


def test_what_is_lacking_is_told_in_the_words_of_the_api_server():
    wanted = [rule(["get", "list"], ["secrets"]), urls("/a"), rule(["get"], ["b"], "c")]
    lacking = rbac_coverage.missing([rule(["watch"], ["secrets"])], wanted)
    assert rbac_coverage.escalation(UserInfo("ann", ("dev", "system:authenticated")), lacking) == (
        'user "ann" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently '
        'held:\n{APIGroups:[""], Resources:["b"], ResourceNames:["c"], Verbs:["get"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}\n{NonResourceURLs:["/a"], Verbs:["get"]}'
    )
