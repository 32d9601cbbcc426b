"""Who answers the `authorizer` of expressions: the API server's own authorizer, about the request's user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hyperpy.api.cel import Access, Answer
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.admission.dynamic.request import Shown
from hyperpy.components.apiserver.authz import rbac
from hyperpy.components.apiserver.authz.authorization import Authorizer

_ANONYMOUS = UserInfo("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Authority:
    """`ask` answers questions of access; `own` is what the request itself is about, but for the verb."""

    ask: Callable[[Access], Answer]
    own: Access


def authority(authorizer: Authorizer, shown: Shown) -> Authority:
    """For one request."""
    user = shown.attributes.user or _ANONYMOUS

    def ask(access: Access) -> Answer:
        asked = rbac.Attributes(
            verb=access.verb,
            group=access.group,
            resource=access.resource,
            subresource=access.subresource,
            namespace=access.namespace,
            name=access.name,
            path=access.path,
        )
        decision = authorizer.decide(_account(access.service_account) if access.service_account else user, asked)
        return Answer(decision.allowed, decision.reason)

    attributes = shown.attributes
    own = Access(
        verb="",
        group=attributes.kind.group,
        resource=attributes.kind.plural,
        subresource=attributes.subresource,
        namespace=attributes.namespace or "",
        name=attributes.name,
    )
    return Authority(ask, own)


def _account(account: tuple[str, str]) -> UserInfo:
    namespace, name = account
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return UserInfo(f"{rbac.SERVICE_ACCOUNT_PREFIX}{namespace}:{name}", groups)
