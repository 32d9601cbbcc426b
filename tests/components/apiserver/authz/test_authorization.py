"""RBAC decisions over the stored objects, and the words of refusals."""

import asyncio

import pytest

from hyperpy.api import kinds
from hyperpy.api.wire import UserInfo
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver.authz import authorization
from hyperpy.components.apiserver.authz.authorization import AlwaysAllow, Decision, RbacAuthorizer
from hyperpy.components.apiserver.authz.rbac import Attributes

ANN = UserInfo("ann", ("dev", "system:authenticated"))
RBAC = "rbac.authorization.k8s.io"
GET_PODS = Attributes("get", "", "pods", namespace="default", name="web")


@pytest.fixture
async def authorizer(cluster):
    async with Informers(cluster.client) as informers:
        authorizer = RbacAuthorizer(informers)
        await authorizer.synced()
        yield authorizer


@pytest.fixture
def grant(cluster):
    """Make a role and a binding of it."""

    async def grant(rule, *, subject, namespace=None, cluster_role=False, name="r"):
        role = kinds.CLUSTER_ROLE if cluster_role or not namespace else kinds.ROLE
        meta = {"name": name, **({"namespace": namespace} if role is kinds.ROLE else {})}
        await cluster.client.create(role, {"metadata": meta, "rules": [rule]})
        binding = kinds.ROLE_BINDING if namespace else kinds.CLUSTER_ROLE_BINDING
        meta = {"name": name, **({"namespace": namespace} if namespace else {})}
        reference = {"apiGroup": RBAC, "kind": role.kind, "name": name}
        kind, _, who = subject.partition(":")
        subjects = [{"apiGroup": RBAC, "kind": kind, "name": who}]
        await cluster.client.create(binding, {"metadata": meta, "roleRef": reference, "subjects": subjects})

    return grant


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


READ = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}


async def test_nobody_may_do_anything_unless_it_is_granted(authorizer):
    assert authorizer.decide(ANN, GET_PODS) == Decision(False)


async def test_members_of_system_masters_may_do_everything(authorizer):
    assert authorizer.decide(UserInfo("root", ("system:masters",)), Attributes("x", path="/y")).allowed


async def test_a_cluster_role_binding_reaches_every_namespace(authorizer, grant):
    await grant(READ, subject="Group:dev")
    await until(lambda: authorizer.decide(ANN, GET_PODS).allowed)
    assert authorizer.decide(ANN, GET_PODS).reason == 'RBAC: allowed by ClusterRoleBinding "r" of ClusterRole "r"'
    assert authorizer.decide(ANN, Attributes("list", "", "pods", namespace="other")).allowed
    assert authorizer.decide(ANN, Attributes("list", "", "pods")).allowed
    assert not authorizer.decide(ANN, Attributes("delete", "", "pods", namespace="default")).allowed
    assert not authorizer.decide(UserInfo("bob"), GET_PODS).allowed


@pytest.mark.parametrize("cluster_role", [False, True], ids=["role", "cluster role"])
async def test_a_role_binding_stays_in_its_namespace(authorizer, grant, cluster_role):
    await grant(READ, subject="User:ann", namespace="default", cluster_role=cluster_role)
    await until(lambda: authorizer.decide(ANN, GET_PODS).allowed)
    assert not authorizer.decide(ANN, Attributes("get", "", "pods", namespace="other")).allowed
    assert not authorizer.decide(ANN, Attributes("list", "", "pods")).allowed


async def test_a_rule_may_name_its_objects(authorizer, grant):
    await grant({**READ, "resourceNames": ["web"]}, subject="User:ann", namespace="default")
    await until(lambda: authorizer.decide(ANN, GET_PODS).allowed)
    assert not authorizer.decide(ANN, Attributes("get", "", "pods", namespace="default", name="db")).allowed
    assert not authorizer.decide(ANN, Attributes("list", "", "pods", namespace="default")).allowed


async def test_a_rule_may_name_urls(authorizer, grant):
    await grant({"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, subject="User:ann")
    await until(lambda: authorizer.decide(ANN, Attributes("get", path="/metrics")).allowed)
    assert not authorizer.decide(ANN, Attributes("get", path="/logs")).allowed


async def test_a_decision_changes_with_the_objects(authorizer, grant, cluster):
    await grant(READ, subject="User:ann")
    await until(lambda: authorizer.decide(ANN, GET_PODS).allowed)
    await cluster.client.delete(kinds.CLUSTER_ROLE_BINDING, "r")
    await until(lambda: not authorizer.decide(ANN, GET_PODS).allowed)


async def test_a_binding_to_a_missing_role_is_told_in_the_refusal(authorizer, grant, cluster):
    await grant(READ, subject="User:ann")
    await cluster.client.delete(kinds.CLUSTER_ROLE, "r")
    wanted = 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found'
    await until(lambda: authorizer.decide(ANN, GET_PODS).reason == wanted)
    assert str(authorization.forbidden(ANN, GET_PODS, authorizer.decide(ANN, GET_PODS))).endswith(f": {wanted}")


async def test_default_roles_let_authenticated_users_discover_and_nodes_work(authorizer):
    assert authorizer.decide(ANN, Attributes("get", path="/api/v1")).allowed
    node = UserInfo("system:node:n1", ("system:nodes", "system:authenticated"))
    assert authorizer.decide(node, Attributes("patch", "", "nodes", "status", name="n1")).allowed
    assert not authorizer.decide(node, Attributes("delete", "apps", "deployments", namespace="default")).allowed


async def test_rules_lists_what_a_user_may(authorizer, grant):
    await grant(READ, subject="User:ann", namespace="default")
    await until(lambda: READ in authorizer.rules(ANN, "default"))
    assert READ not in authorizer.rules(ANN, "other")


def test_always_allow_allows():
    assert AlwaysAllow().decide(ANN, GET_PODS).allowed


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            Attributes("list", "", "pods", namespace="default"),
            'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"',
        ),
        (
            Attributes("get", "apps", "deployments", "scale", "default", "web"),
            'deployments.apps "web" is forbidden: User "ann" cannot get resource "deployments/scale" in API group '
            '"apps" in the namespace "default"',
        ),
        (
            Attributes("list", "", "nodes"),
            'nodes is forbidden: User "ann" cannot list resource "nodes" in API group "" at the cluster scope',
        ),
        (Attributes("get", path="/metrics"), 'forbidden: User "ann" cannot get path "/metrics"'),
    ],
)
def test_refusals_have_kubernetes_words(asked, text):
    assert str(authorization.forbidden(ANN, asked, Decision(False))) == text
