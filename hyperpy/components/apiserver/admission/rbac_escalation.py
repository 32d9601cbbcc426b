"""Nobody hands out more than they have: writes of roles and bindings, unless `escalate` or `bind` allows it.

No flag switches this off. Source: "Using RBAC Authorization", "Privilege escalation prevention and bootstrapping".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy.api import errors
from hyperpy.api.kinds import CLUSTER_ROLE, ROLE, Kind
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, refusal
from hyperpy.components.apiserver.authz import rbac_coverage
from hyperpy.components.apiserver.authz.authorization import MASTERS, Authorizer
from hyperpy.components.apiserver.authz.rbac import Attributes as Question
from hyperpy.components.apiserver.authz.rbac import Rule
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

Obj = dict[str, Any]

_GROUP = "rbac.authorization.k8s.io"
_ROLES = ("roles", "clusterroles")
_BINDINGS = ("rolebindings", "clusterrolebindings")
#: What the garbage collector changes; who changes only that hands out nothing.
_COLLECTED = ("ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation")


class RbacEscalation:
    def __init__(self, objects: Objects, authorizer: Authorizer) -> None:
        self._objects = objects
        self._authorizer = authorizer

    def concerns(self, kind: Kind) -> bool:
        return kind.group == _GROUP

    async def validate(self, attributes: Attributes) -> None:
        user, obj = attributes.user, attributes.obj
        if user is None or obj is None or MASTERS in user.groups or attributes.operation not in (CREATE, UPDATE):
            return
        if attributes.old is not None and _for_collector_only(obj, attributes.old):
            return
        if attributes.kind.plural in _ROLES:
            self._role(attributes, user, obj)
        elif attributes.kind.plural in _BINDINGS:
            await self._binding(attributes, user, obj)

    def _role(self, attributes: Attributes, user: UserInfo, obj: Obj) -> None:
        name = attributes.name if attributes.operation == UPDATE else ""
        if self._may(user, "escalate", attributes.kind.plural, attributes.namespace, name):
            return
        self._check(attributes, user, obj.get("rules") or ())
        if obj.get("aggregationRule") or (attributes.old or {}).get("aggregationRule"):
            held = self._authorizer.rules(user, "")
            if rbac_coverage.missing(held, rbac_coverage.EVERYTHING):
                raise refusal(attributes, "must have cluster-admin privileges to use the aggregationRule")

    async def _binding(self, attributes: Attributes, user: UserInfo, obj: Obj) -> None:
        reference, namespace = obj["roleRef"], attributes.namespace
        kind = ROLE if reference.get("kind") == "Role" else CLUSTER_ROLE
        if self._may(user, "bind", kind.plural, namespace, reference["name"]):
            return
        kv = await self._objects.find(kind, namespace if kind is ROLE else None, reference["name"])
        if kv is None:
            raise errors.not_found(kind.group, kind.plural, reference["name"])
        self._check(attributes, user, form.decoded(kv).get("rules") or ())

    def _may(self, user: UserInfo, verb: str, resource: str, namespace: str | None, name: str) -> bool:
        asked = Question(verb, _GROUP, resource, "", namespace or "", name)
        return self._authorizer.decide(user, asked).allowed

    def _check(self, attributes: Attributes, user: UserInfo, rules: Sequence[Rule]) -> None:
        lacking = rbac_coverage.missing(self._authorizer.rules(user, attributes.namespace or ""), rules)
        if lacking:
            raise refusal(attributes, rbac_coverage.escalation(user, lacking))


def _for_collector_only(new: Obj, old: Obj) -> bool:
    """Whether an update changes nothing but what the garbage collector does, and does change that."""
    return _without(new) == _without(old) and new != old


def _without(obj: Obj) -> Obj:
    kept = {name: value for name, value in obj["metadata"].items() if name not in _COLLECTED}
    return {**obj, "metadata": kept}
