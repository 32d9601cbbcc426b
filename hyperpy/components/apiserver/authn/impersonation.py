"""Impersonation: `kubectl --as` and its headers, when the user who asks may act as the one who is named.

Source: "User impersonation" in the authentication reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from hyperpy.api import errors
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.authn.authentication import ANONYMOUS, AUTHENTICATED, account_groups
from hyperpy.components.apiserver.authz import authorization, rbac
from hyperpy.components.apiserver.authz.rbac import Attributes

_USER = "impersonate-user"
_GROUP = "impersonate-group"
_UID = "impersonate-uid"
#: One of these is there when somebody is to be impersonated.
HEADERS = (_USER, _GROUP, _UID)
_EXTRA = "impersonate-extra-"


def user(asking: UserInfo, headers: Iterable[tuple[str, str]], authorizer: authorization.Authorizer) -> UserInfo | None:
    """Whom the headers name, or None when they name nobody.

    Args:
        headers: every header, repeated ones too.
    Raises:
        BadRequest: groups, a UID or extras without a user.
        Forbidden: `asking` may not impersonate one of them.
    """
    name, uid, groups = "", "", []
    extra: dict[str, tuple[str, ...]] = {}
    for header, value in headers:
        key = header.lower()
        if key == _USER:
            name = value
        elif key == _GROUP:
            groups.append(value)
        elif key == _UID:
            uid = value
        elif key.startswith(_EXTRA):
            field = unquote(key.removeprefix(_EXTRA))
            extra[field] = (*extra.get(field, ()), value)
    if not name:
        if groups or uid or extra:
            raise errors.BadRequest("requested impersonation of groups, a UID or extras without impersonating a user")
        return None
    for asked in _questions(name, uid, groups, extra):
        decision = authorizer.decide(asking, asked)
        if not decision.allowed:
            raise authorization.forbidden(asking, asked, decision)
    return UserInfo(name, _groups(name, groups), uid, extra)


def _questions(name: str, uid: str, groups: list[str], extra: dict[str, tuple[str, ...]]) -> Iterable[Attributes]:
    """What must be allowed."""
    reviews = "authentication.k8s.io"
    account = name.removeprefix(rbac.SERVICE_ACCOUNT_PREFIX)
    if account != name and ":" in account:
        namespace, _, account = account.partition(":")
        yield Attributes("impersonate", "", "serviceaccounts", namespace=namespace, name=account)
    else:
        yield Attributes("impersonate", "", "users", name=name)
    for group in groups:
        yield Attributes("impersonate", "", "groups", name=group)
    if uid:
        yield Attributes("impersonate", reviews, "uids", name=uid)
    for field, values in extra.items():
        for value in values:
            yield Attributes("impersonate", reviews, "userextras", subresource=field, name=value)


def _groups(name: str, groups: list[str]) -> tuple[str, ...]:
    found = groups or list(account_groups(name))
    if name == ANONYMOUS.name:
        return tuple(dict.fromkeys((*found, *ANONYMOUS.groups)))
    return tuple(dict.fromkeys((*found, AUTHENTICATED)))
