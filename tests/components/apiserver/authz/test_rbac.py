"""RBAC rules: the matching of verbs, groups, resources, names and URLs."""

import pytest

from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.authz import rbac
from hyperpy.components.apiserver.authz.rbac import Attributes, Scope

PODS = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}
ALL = Scope(None)


@pytest.mark.parametrize(
    ("rule", "asked", "expected"),
    [
        pytest.param(PODS, Attributes("get", "", "pods"), ALL, id="plain"),
        pytest.param(PODS, Attributes("delete", "", "pods"), None, id="other verb"),
        pytest.param(PODS, Attributes("get", "apps", "pods"), None, id="other group"),
        pytest.param(PODS, Attributes("get", "", "pods", "log"), None, id="subresources are named apart"),
        pytest.param({**PODS, "resources": ["pods/log"]}, Attributes("get", "", "pods", "log"), ALL, id="subresource"),
        pytest.param({**PODS, "resources": ["*/log"]}, Attributes("get", "", "pods", "log"), ALL, id="any parent"),
        pytest.param({**PODS, "resources": ["*/log"]}, Attributes("get", "", "pods"), None, id="not the parent"),
        pytest.param({**PODS, "resources": ["*"]}, Attributes("get", "", "pods", "log"), ALL, id="every resource"),
        pytest.param({**PODS, "apiGroups": ["*"]}, Attributes("get", "x", "pods"), ALL, id="every group"),
        pytest.param({**PODS, "verbs": ["*"]}, Attributes("zap", "", "pods"), ALL, id="every verb"),
        pytest.param(
            {**PODS, "resourceNames": ["a"]}, Attributes("get", "", "pods"), Scope(frozenset(["a"])), id="names"
        ),
        pytest.param({**PODS, "resourceNames": []}, Attributes("get", "", "pods"), ALL, id="no names is every name"),
        pytest.param(PODS, Attributes("get", path="/metrics"), None, id="a path is no resource"),
        pytest.param(
            {"verbs": ["get"], "nonResourceURLs": ["/api/*"]}, Attributes("get", path="/api/v1"), ALL, id="path prefix"
        ),
        pytest.param(
            {"verbs": ["get"], "nonResourceURLs": ["/api"]}, Attributes("get", path="/api/v1"), None, id="whole path"
        ),
        pytest.param({"verbs": ["get"], "nonResourceURLs": ["*"]}, Attributes("get", path="/x"), ALL, id="every path"),
        pytest.param({"verbs": ["get"], "nonResourceURLs": ["*"]}, Attributes("get", "", "pods"), None, id="no path"),
    ],
)
def test_scope(rule, asked, expected):
    assert rbac.scope(rule, asked) == expected


def test_subjects_and_users_meet_under_the_same_keys():
    binding = {
        "metadata": {"name": "b", "namespace": "d"},
        "subjects": [
            {"kind": "User", "name": "ann"},
            {"kind": "Group", "name": "g"},
            {"kind": "ServiceAccount", "name": "robot", "namespace": "n"},
            {"kind": "ServiceAccount", "name": "local"},
            {"kind": "Other", "name": "x"},
        ],
    }
    keys = set(rbac.subject_keys(binding))
    assert keys == {"u:ann", "g:g", "u:system:serviceaccount:n:robot", "u:system:serviceaccount:d:local"}
    assert keys & set(rbac.user_keys(UserInfo("bob", ("g",))))
    assert keys & set(rbac.user_keys(UserInfo("system:serviceaccount:n:robot")))
    assert not keys & set(rbac.user_keys(UserInfo("g", ("ann",))))
