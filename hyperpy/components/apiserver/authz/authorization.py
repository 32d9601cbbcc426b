"""Authorization: decides who may do what, by the RBAC objects in the cluster, and words the refusals.

Watches: Role, RoleBinding, ClusterRole, ClusterRoleBinding.

Decisions are kept per user and question until any of these objects changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from hyperpy.api import errors, kinds
from hyperpy.api.wire import UserInfo
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver.authz import rbac
from hyperpy.components.apiserver.authz.rbac import Attributes

MASTERS = "system:masters"
#: Decisions kept; beyond, all are forgotten and learned again.
MAX_DECISIONS = 8192

_SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, and why (for reviews)."""

    allowed: bool
    reason: str = ""


class Authorizer(Protocol):
    def decide(self, user: UserInfo, asked: Attributes) -> Decision:
        """Whether `user` may do it."""

    def rules(self, user: UserInfo, namespace: str) -> list[rbac.Rule]:
        """The rules that hold for `user` in `namespace`, for SelfSubjectRulesReview."""

    async def synced(self) -> None:
        """Wait until decisions can be made."""


class AlwaysAllow:
    """`--authorization-mode=AlwaysAllow`."""

    def decide(self, user: UserInfo, asked: Attributes) -> Decision:
        return Decision(True, "AlwaysAllow")

    def rules(self, user: UserInfo, namespace: str) -> list[rbac.Rule]:
        return list(_EVERYTHING)

    async def synced(self) -> None:
        return None


class RbacAuthorizer:
    """`--authorization-mode=RBAC`: members of `system:masters` may do everything, others what bindings grant."""

    def __init__(self, informers: Informers) -> None:
        self._roles = informers.of(kinds.ROLE)
        self._cluster_roles = informers.of(kinds.CLUSTER_ROLE)
        self._bindings = informers.of(kinds.ROLE_BINDING)
        self._cluster_bindings = informers.of(kinds.CLUSTER_ROLE_BINDING)
        self._learned: dict[tuple[object, ...], _Learned] = {}
        for bindings in (self._bindings, self._cluster_bindings):
            bindings.add_index(_SUBJECT, rbac.subject_keys)
        self._informers = (self._roles, self._cluster_roles, self._bindings, self._cluster_bindings)
        for informer in self._informers:
            informer.subscribe(self._forget)

    def decide(self, user: UserInfo, asked: Attributes) -> Decision:
        if MASTERS in user.groups:
            return _MASTER
        key = (
            user.name, user.groups, asked.verb, asked.group, asked.resource, asked.subresource, asked.namespace,
            asked.path,
        )  # fmt: skip
        learned = self._learned.get(key)
        if learned is None:
            learned = self._learn(user, asked)
            if len(self._learned) >= MAX_DECISIONS:
                self._learned.clear()
            self._learned[key] = learned
        if learned.everything is not None:
            return learned.everything
        return learned.by_name.get(asked.name) or learned.otherwise

    def rules(self, user: UserInfo, namespace: str) -> list[rbac.Rule]:
        if MASTERS in user.groups:
            return list(_EVERYTHING)
        return [rule for grant in self._grants(user, namespace, []) for rule in grant.rules]

    async def synced(self) -> None:
        for informer in self._informers:
            await informer.synced()

    def _learn(self, user: UserInfo, asked: Attributes) -> _Learned:
        problems: list[str] = []
        by_name: dict[str, Decision] = {}
        for grant in self._grants(user, asked.namespace, problems):
            for rule in grant.rules:
                scope = rbac.scope(rule, asked)
                if scope is None:
                    continue
                allowed = Decision(True, f"RBAC: allowed by {grant.by}")
                if scope.names is None:
                    return _Learned(allowed, {}, _NO)
                for name in scope.names:
                    by_name.setdefault(name, allowed)
        why = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        return _Learned(None, by_name, Decision(False, f"RBAC: {why}") if problems else _NO)

    def _grants(self, user: UserInfo, namespace: str, problems: list[str]) -> Iterator[_Grant]:
        """What the user's bindings give, those of the cluster first; roles that are missing go to `problems`."""
        keys = rbac.user_keys(user)
        for binding in _each(self._cluster_bindings.by_index, keys):
            yield self._grant(binding, "", problems)
        if namespace:
            for binding in _each(self._bindings.by_index, keys):
                if binding["metadata"]["namespace"] == namespace:
                    yield self._grant(binding, namespace, problems)

    def _grant(self, binding: dict[str, Any], namespace: str, problems: list[str]) -> _Grant:
        reference = binding["roleRef"]
        kind, name = reference["kind"], reference["name"]
        local = kind == "Role"
        role = self._roles.get(name, namespace) if local else self._cluster_roles.get(name)
        if role is None:
            problems.append(f'{kind.lower()}.rbac.authorization.k8s.io "{name}" not found')
        what = "RoleBinding" if namespace else "ClusterRoleBinding"
        title = f"{binding['metadata']['name']}/{namespace}" if namespace else binding["metadata"]["name"]
        return _Grant(f'{what} "{title}" of {kind} "{name}"', (role.get("rules") or []) if role else [])

    def _forget(self, event: str, old: object, new: object) -> None:
        self._learned.clear()


@dataclass(frozen=True, slots=True)
class _Learned:
    """The answer to a question: `everything` for any object, or by name, or `otherwise`."""

    everything: Decision | None
    by_name: dict[str, Decision]
    otherwise: Decision


@dataclass(frozen=True, slots=True)
class _Grant:
    by: str
    rules: list[rbac.Rule]


_MASTER = Decision(True, "system:masters")
_NO = Decision(False)
_EVERYTHING: tuple[rbac.Rule, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


def _each(lookup: Any, keys: list[str]) -> Iterator[dict[str, Any]]:
    """Every object under any of the keys, once."""
    seen: set[int] = set()
    for key in keys:
        for obj in lookup(_SUBJECT, key):
            if id(obj) not in seen:
                seen.add(id(obj))
                yield obj


def forbidden(user: UserInfo, asked: Attributes, decision: Decision) -> errors.Forbidden:
    """The refusal in Kubernetes' words (apiserver's `forbiddenMessage` and `NewForbidden`)."""
    why = f": {decision.reason}" if decision.reason else ""
    if asked.path:
        return errors.Forbidden(f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"{why}')
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    what = f'{qualified} "{asked.name}"' if asked.name else qualified
    return errors.Forbidden(
        f'{what} is forbidden: User "{user.name}" cannot {asked.verb} resource "{asked.combined}" '
        f'in API group "{asked.group}" {where}{why}',
        details={"group": asked.group, "kind": asked.resource, **({"name": asked.name} if asked.name else {})},
    )
