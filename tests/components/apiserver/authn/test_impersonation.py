"""Impersonation headers."""

import pytest

from hyperpy.api import errors
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.authn import impersonation
from hyperpy.components.apiserver.authz.authorization import AlwaysAllow, Decision

ADMIN = UserInfo("admin", ("system:masters",))


class Only:
    """Allows what it was told, and notes what was asked."""

    def __init__(self, *allowed):
        self.allowed = allowed
        self.asked = []

    def decide(self, user, asked):
        self.asked.append((asked.combined, asked.name, asked.namespace))
        return Decision(asked.combined in self.allowed)


def acting(*headers, authorizer=None):
    return impersonation.user(ADMIN, headers, authorizer or AlwaysAllow())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([("Impersonate-User", "bob")], UserInfo("bob", ("system:authenticated",)), id="user"),
        pytest.param(
            [("Impersonate-User", "bob"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b")],
            UserInfo("bob", ("a", "b", "system:authenticated")),
            id="groups",
        ),
        pytest.param(
            [("Impersonate-User", "bob"), ("Impersonate-Uid", "7"), ("Impersonate-Extra-Acme.com%2fX", "y")],
            UserInfo("bob", ("system:authenticated",), "7", {"acme.com/x": ("y",)}),
            id="uid and extra",
        ),
        pytest.param(
            [("Impersonate-User", "system:serviceaccount:d:robot")],
            UserInfo(
                "system:serviceaccount:d:robot",
                ("system:serviceaccounts", "system:serviceaccounts:d", "system:authenticated"),
            ),
            id="service account",
        ),
        pytest.param(
            [("Impersonate-User", "system:anonymous")],
            UserInfo("system:anonymous", ("system:unauthenticated",)),
            id="nobody",
        ),
    ],
)
def test_who_is_impersonated(headers, expected):
    assert acting(*headers) == expected


def test_everything_named_must_be_allowed():
    authorizer = Only("users", "groups", "uids", "userextras/scope")
    acting(
        ("Impersonate-User", "bob"), ("Impersonate-Group", "g"), ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-Scope", "s"), authorizer=authorizer,
    )  # fmt: skip
    assert authorizer.asked == [
        ("users", "bob", ""),
        ("groups", "g", ""),
        ("uids", "7", ""),
        ("userextras/scope", "s", ""),
    ]


def test_a_service_account_is_asked_for_as_one():
    authorizer = Only("serviceaccounts")
    acting(("Impersonate-User", "system:serviceaccount:d:robot"), authorizer=authorizer)
    assert authorizer.asked == [("serviceaccounts", "robot", "d")]


def test_what_is_not_allowed_is_forbidden():
    with pytest.raises(errors.Forbidden, match='User "admin" cannot impersonate resource "groups"'):
        acting(("Impersonate-User", "bob"), ("Impersonate-Group", "system:masters"), authorizer=Only("users"))


def test_groups_without_a_user_are_refused():
    with pytest.raises(errors.BadRequest, match="without impersonating a user"):
        acting(("Impersonate-Group", "g"))
