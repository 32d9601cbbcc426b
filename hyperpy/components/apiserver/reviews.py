"""Reviews: questions to the API server about users and rights, answered and never stored.

TokenReview, SelfSubjectReview (who), SubjectAccessReview, LocalSubjectAccessReview, SelfSubjectAccessReview and
SelfSubjectRulesReview (may they). Source: API reference, authentication.k8s.io/v1 and authorization.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hyperpy.api import errors, kinds, validation
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.components.apiserver import rendering
from hyperpy.components.apiserver.authn.authentication import AccountTokens, account_user
from hyperpy.components.apiserver.authn.tokens import InvalidToken
from hyperpy.components.apiserver.authz.authorization import Authorizer
from hyperpy.components.apiserver.authz.rbac import Attributes
from hyperpy.components.apiserver.content import negotiation
from hyperpy.components.apiserver.verbs import posted

Obj = dict[str, Any]
_Answer = Callable[[UserInfo, Obj, str], Awaitable[Obj]]

_RESOURCE_FIELDS = ("verb", "group", "resource", "subresource", "namespace", "name")


class Reviews:
    """Answers reviews.

    Args:
        tokens: the static tokens.
        audiences: of this server, for tokens that name none to be checked against.
    """

    def __init__(
        self,
        authorizer: Authorizer,
        *,
        tokens: Mapping[str, UserInfo],
        accounts: AccountTokens,
        audiences: tuple[str, ...],
    ) -> None:
        self._authorizer = authorizer
        self._tokens = tokens
        self._accounts = accounts
        self._audiences = audiences
        self._answers: dict[tuple[str, str], tuple[Kind, _Answer]] = {
            (kind.group, kind.plural): (kind, answer)
            for kind, answer in (
                (kinds.TOKEN_REVIEW, self._token),
                (kinds.SELF_SUBJECT_REVIEW, self._self),
                (kinds.SUBJECT_ACCESS_REVIEW, self._access),
                (kinds.LOCAL_SUBJECT_ACCESS_REVIEW, self._local_access),
                (kinds.SELF_SUBJECT_ACCESS_REVIEW, self._self_access),
                (kinds.SELF_SUBJECT_RULES_REVIEW, self._self_rules),
            )
        }

    def is_review(self, group: str, resource: str) -> bool:
        """Whether a resource is one of these."""
        return (group, resource) in self._answers

    async def create(self, request: Request, *, group: str, resource: str, namespace: str) -> Response:
        """Answer the review in the body of `request`.

        Raises:
            errors.StatusError: the review is not complete.
        """
        kind, answer = self._answers[group, resource]
        if request.method != "POST":
            raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
        form = negotiation.accepted(request)
        found = posted.decode(request, kind)
        review, own = found.obj, found.obj["metadata"]
        if kind.namespaced:
            own["namespace"] = own.get("namespace") or namespace
        causes = validation.on_create(kind, review)
        if causes:
            raise validation.invalid(kind, "", causes)
        assert request.user is not None, "authentication comes before routing"
        review["status"] = await answer(request.user, review.get("spec") or {}, namespace)
        review["metadata"] = {**own, "creationTimestamp": None}
        return rendering.plain(review, status=201, warnings=found.warnings, media_type=form.media_type)

    async def _token(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        token = spec.get("token")
        if not token:
            raise errors.BadRequest("token is required for TokenReview in authentication")
        wanted = tuple(spec.get("audiences") or self._audiences)
        static = self._tokens.get(token)
        if static is not None:
            shared = [audience for audience in wanted if audience in self._audiences]
            return _authenticated(static, shared) if shared else {"error": "the token is for other audiences"}
        try:
            claims = await self._accounts.claims(token, audiences=wanted)
        except InvalidToken as error:
            return {"user": {}, "error": str(error)}
        return _authenticated(account_user(claims), [name for name in wanted if name in claims.audiences])

    async def _self(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        return {"userInfo": _user_info(asking)}

    async def _access(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        user = _subject(spec)
        return self._decide(user, _question(spec))

    async def _local_access(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        return self._decide(_subject(spec), _question(spec))

    async def _self_access(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        return self._decide(asking, _question(spec))

    async def _self_rules(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        where = spec.get("namespace")
        if not where:
            raise errors.BadRequest("no namespace on request")
        rules = self._authorizer.rules(asking, where)
        return {
            "resourceRules": [
                {key: rule[key] for key in ("verbs", "apiGroups", "resources", "resourceNames") if rule.get(key)}
                for rule in rules
                if rule.get("resources")
            ],
            "nonResourceRules": [
                {key: rule.get(key) or [] for key in ("verbs", "nonResourceURLs")}
                for rule in rules
                if rule.get("nonResourceURLs")
            ],
            "incomplete": False,
        }

    def _decide(self, user: UserInfo, asked: Attributes) -> Obj:
        decision = self._authorizer.decide(user, asked)
        return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


def _question(spec: Obj) -> Attributes:
    """What a valid review asks: about a resource or about a path."""
    resource = spec.get("resourceAttributes")
    if resource is not None:
        return Attributes(**{field: resource.get(field) or "" for field in _RESOURCE_FIELDS})
    other = spec["nonResourceAttributes"]
    return Attributes(other.get("verb") or "", path=other.get("path") or "/")


def _subject(spec: Obj) -> UserInfo:
    return UserInfo(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "")


def _authenticated(user: UserInfo, audiences: list[str]) -> Obj:
    return {"authenticated": True, "user": _user_info(user), "audiences": audiences}


def _user_info(user: UserInfo) -> Obj:
    info: Obj = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info
