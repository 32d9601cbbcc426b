"""Reviews: questions to the API server about users and rights, answered and never stored.

TokenReview, SelfSubjectReview (who), SubjectAccessReview, LocalSubjectAccessReview, SelfSubjectAccessReview and
SelfSubjectRulesReview (may they). Source: API reference, authentication.k8s.io/v1 and authorization.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.components.apiserver import negotiation, posted, rendering
from hyperpy.components.apiserver.authentication import AccountTokens, account_user
from hyperpy.components.apiserver.authorization import Authorizer
from hyperpy.components.apiserver.rbac import Attributes
from hyperpy.components.apiserver.tokens import InvalidToken

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
        review = posted.decode(request, api_version=kind.api_version, kind=kind.kind)
        assert request.user is not None, "authentication comes before routing"
        review["status"] = await answer(request.user, review.get("spec") or {}, namespace)
        review.setdefault("metadata", {"creationTimestamp": None})
        return rendering.plain(review, status=201, media_type=form.media_type)

    async def _token(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        token = spec.get("token")
        if not isinstance(token, str) or not token:
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
        asked = _question(spec)
        if asked.path:
            raise _invalid(
                "LocalSubjectAccessReview", "spec.nonResourceAttributes", "disallowed on this kind of request"
            )
        if asked.namespace != namespace:
            raise _invalid(
                "LocalSubjectAccessReview",
                "spec.resourceAttributes.namespace",
                f'"{asked.namespace}" must be the namespace of the request, "{namespace}"',
            )
        return self._decide(_subject(spec), asked)

    async def _self_access(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        return self._decide(asking, _question(spec))

    async def _self_rules(self, asking: UserInfo, spec: Obj, namespace: str) -> Obj:
        where = spec.get("namespace")
        if not where:
            raise errors.BadRequest("no namespace on request")
        rules = self._authorizer.rules(asking, str(where))
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
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if isinstance(resource, dict) == isinstance(other, dict):
        raise _invalid(
            "SubjectAccessReview",
            "spec.resourceAttributes",
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )
    if isinstance(resource, dict):
        return Attributes(**{field: str(resource.get(field) or "") for field in _RESOURCE_FIELDS})
    assert isinstance(other, dict)
    return Attributes(str(other.get("verb") or ""), path=str(other.get("path") or "/"))


def _subject(spec: Obj) -> UserInfo:
    user, groups = str(spec.get("user") or ""), tuple(map(str, spec.get("groups") or ()))
    if not user and not groups:
        raise _invalid("SubjectAccessReview", "spec.user", "at least one of user or group must be specified")
    return UserInfo(user, groups, str(spec.get("uid") or ""))


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


def _invalid(kind: str, field: str, why: str) -> errors.Invalid:
    return errors.Invalid(
        f'{kind}.authorization.k8s.io "" is invalid: {field}: Invalid value: {why}',
        details={
            "group": "authorization.k8s.io",
            "kind": kind,
            "causes": [{"reason": "FieldValueInvalid", "message": f"Invalid value: {why}", "field": field}],
        },
    )
