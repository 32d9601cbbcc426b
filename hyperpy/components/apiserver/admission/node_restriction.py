"""NodeRestriction: a kubelet changes its own Node, its own lease and the Pods on it, and nothing of other nodes.

It speaks of users `system:node:NAME` in the group `system:nodes` only.
Source: the admission controllers reference, "NodeRestriction"; "Using Node Authorization".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hyperpy.api.kinds import NODE, POD, Kind
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.admission import node_labels, pod_references
from hyperpy.components.apiserver.admission.chain import CONNECT, CREATE, DELETE, UPDATE, Attributes, Obj, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

USER_PREFIX, GROUP = "system:node:", "system:nodes"
LEASE_NAMESPACE = "kube-node-lease"
MIRROR = "kubernetes.io/config.mirror"

_Check = Callable[["NodeRestriction", Attributes, str], Awaitable[None]]


class NodeRestriction:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        """The kinds of which a node may change some objects."""
        return (kind.group, kind.plural) in _CHECKS

    async def admit(self, attributes: Attributes) -> None:
        user = attributes.user
        if user is None or GROUP not in user.groups or attributes.operation == CONNECT:
            return
        if not user.name.startswith(USER_PREFIX):
            return
        node = _node_of(attributes, user)
        await _CHECKS[attributes.kind.group, attributes.kind.plural](self, attributes, node)

    async def _pod(self, attributes: Attributes, node: str) -> None:
        if attributes.subresource == "eviction":
            await self._eviction(attributes, node)
        elif attributes.subresource == "status":
            _check_pod_status(attributes, node)
        elif attributes.subresource:
            why = f"unexpected pod subresource \"{attributes.subresource}\", only 'status' and 'eviction' are allowed"
            raise refusal(attributes, why)
        elif attributes.operation == CREATE:
            await self._mirror(attributes, node)
        elif attributes.operation != DELETE:
            raise refusal(attributes, f'unexpected operation "{attributes.operation}", node "{node}" can only create '
                          'and delete mirror pods')  # fmt: skip
        elif _bound_to(attributes.old) != node:
            raise refusal(attributes, f'node "{node}" can only delete pods with spec.nodeName set to itself')

    async def _eviction(self, attributes: Attributes, node: str) -> None:
        pod = attributes.old
        if pod is None:
            pod = form.decoded(await self._objects.get(POD, attributes.namespace, attributes.name))
        if _bound_to(pod) != node:
            raise refusal(attributes, f"node {node} can only evict pods with spec.nodeName set to itself")

    async def _mirror(self, attributes: Attributes, node: str) -> None:
        pod = attributes.obj or {}
        own = pod["metadata"]
        if MIRROR not in (own.get("annotations") or {}):
            raise refusal(
                attributes, f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
            )
        if _bound_to(pod) != node:
            raise refusal(attributes, f'node "{node}" can only create pods with spec.nodeName set to itself')
        owners = own.get("ownerReferences") or []
        if len(owners) > 1:
            why = f'node "{node}" can only create pods with a single owner reference set to itself'
            raise refusal(attributes, why)
        owner = owners[0] if owners else {}
        if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
            raise refusal(attributes, f'node "{node}" can only create pods with an owner reference set to itself')
        if not owner.get("controller"):
            why = f'node "{node}" can only create pods with a controller owner reference set to itself'
            raise refusal(attributes, why)
        if owner.get("blockOwnerDeletion"):
            raise refusal(attributes, f'node "{node}" must not set blockOwnerDeletion on an owner reference')
        await self._check_uid(attributes, node, owner.get("uid") or "")
        found = pod_references.first(pod.get("spec") or {})
        if found:
            raise refusal(attributes, f'node "{node}" can not create pods that reference {found}')

    async def _check_uid(self, attributes: Attributes, node: str, uid: str) -> None:
        there = form.decoded(await self._objects.get(NODE, None, node))["metadata"]["uid"]
        if uid != there:
            raise refusal(attributes, f"node {node} UID mismatch: expected {uid} got {there}")

    async def _node(self, attributes: Attributes, node: str) -> None:
        name = attributes.name or (attributes.obj or {"metadata": {}})["metadata"].get("name")
        if name != node:
            raise refusal(attributes, f'node "{node}" is not allowed to modify node "{name}"')
        new, old = attributes.obj, attributes.old
        if new is None or attributes.operation not in (CREATE, UPDATE):
            return
        bad = node_labels.forbidden(new["metadata"].get("labels"), (old or {"metadata": {}})["metadata"].get("labels"))
        if attributes.operation == CREATE:
            if bad:
                why = f'node "{node}" is not allowed to set the following labels: {", ".join(bad)}'
                raise refusal(attributes, why)
            return
        if old is not None and (_taints(new) != _taints(old)):
            raise refusal(attributes, f'node "{node}" is not allowed to modify taints')
        if bad:
            raise refusal(attributes, f"is not allowed to modify labels: {', '.join(bad)}")

    async def _claim(self, attributes: Attributes, node: str) -> None:
        if attributes.subresource != "status":
            raise refusal(attributes, "may only update PVC status")
        if _without_status_of_nodes(attributes.obj) != _without_status_of_nodes(attributes.old):
            raise refusal(
                attributes,
                f'node "{node}" is not allowed to update fields other than status.capacity and status.conditions',
            )

    async def _account(self, attributes: Attributes, node: str) -> None:
        if attributes.operation != CREATE or attributes.subresource != "token":
            return
        reference = ((attributes.obj or {}).get("spec") or {}).get("boundObjectRef") or {}
        if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod") or not reference.get("name"):
            raise refusal(attributes, "node requested token not bound to a pod")
        if not reference.get("uid"):
            raise refusal(attributes, "node requested token with a pod binding without a uid")
        pod = form.decoded(await self._objects.get(POD, attributes.namespace, reference["name"]))
        if reference["uid"] != pod["metadata"]["uid"]:
            raise refusal(
                attributes,
                f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
                "The object might have been deleted and then recreated",
            )
        if _bound_to(pod) != node:
            raise refusal(attributes, "node requested token bound to a pod scheduled on a different node")

    async def _lease(self, attributes: Attributes, node: str) -> None:
        if attributes.namespace != LEASE_NAMESPACE:
            raise refusal(attributes, f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
        _check_own_name(attributes, node, "can only access node lease with the same name as the requesting node")

    async def _csi_node(self, attributes: Attributes, node: str) -> None:
        _check_own_name(attributes, node, "can only access CSINode with the same name as the requesting node")

    async def _slice(self, attributes: Attributes, node: str) -> None:
        of = attributes.obj or attributes.old or {}
        if ((of.get("spec") or {}).get("nodeName")) != node:
            verb = (
                "create" if attributes.operation == CREATE else "delete" if attributes.operation == DELETE else "update"
            )
            raise refusal(attributes, f"can only {verb} ResourceSlice with the same NodeName as the requesting node")


_CHECKS: dict[tuple[str, str], _Check] = {
    ("", "pods"): NodeRestriction._pod,
    ("", "nodes"): NodeRestriction._node,
    ("", "persistentvolumeclaims"): NodeRestriction._claim,
    ("", "serviceaccounts"): NodeRestriction._account,
    ("coordination.k8s.io", "leases"): NodeRestriction._lease,
    ("storage.k8s.io", "csinodes"): NodeRestriction._csi_node,
    ("resource.k8s.io", "resourceslices"): NodeRestriction._slice,
}


def _node_of(attributes: Attributes, user: UserInfo) -> str:
    node = user.name.removeprefix(USER_PREFIX)
    if not node:
        raise refusal(attributes, f'could not determine node from user "{user.name}"')
    return node


def _check_pod_status(attributes: Attributes, node: str) -> None:
    new, old = attributes.obj or {}, attributes.old
    if attributes.operation != UPDATE or old is None:
        raise refusal(attributes, f'unexpected operation "{attributes.operation}"')
    if _bound_to(old) != node:
        raise refusal(attributes, f'node "{node}" can only update pod status for pods with spec.nodeName set to itself')
    if (new["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {}):
        raise refusal(attributes, f'node "{node}" cannot update labels through pod status')
    claims = [((each.get("status") or {}).get("resourceClaimStatuses") or []) for each in (new, old)]
    if claims[0] != claims[1]:
        raise refusal(attributes, f'node "{node}" cannot update resource claim statues')


def _check_own_name(attributes: Attributes, node: str, why: str) -> None:
    name = attributes.name or (attributes.obj or {"metadata": {}})["metadata"].get("name")
    if name != node:
        raise refusal(attributes, why)


def _bound_to(pod: Obj | None) -> str:
    return ((pod or {}).get("spec") or {}).get("nodeName") or ""


def _taints(node: Obj) -> list[Obj]:
    return (node.get("spec") or {}).get("taints") or []


def _without_status_of_nodes(claim: Obj | None) -> Obj:
    """A claim less what its node may write."""
    whole = dict(claim or {})
    own = whole.get("metadata") or {}
    whole["metadata"] = {name: value for name, value in own.items() if name not in ("resourceVersion", "managedFields")}
    left = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")
    whole["status"] = {name: value for name, value in (whole.get("status") or {}).items() if name not in left}
    return whole
