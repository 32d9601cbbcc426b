"""Server-side apply as kubectl's users meet it: a real server, the real kubectl."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "i:1", ports: [{containerPort: 80}], env: [{name: A, value: "1"}]}
"""


def manifest(name: str, **changes: str) -> str:
    """The manifest with some texts exchanged."""
    text = MANIFEST.replace("NAME", name)
    for old, new in changes.values():
        text = text.replace(old, new)
    return text


async def managers(kubectl, name: str) -> dict[tuple[str, str], dict]:
    shown = json.loads(await kubectl("get", "deploy", name, "-o", "json", "--show-managed-fields"))
    return {(one["manager"], one["operation"]): one for one in shown["metadata"]["managedFields"]}


async def test_what_is_applied_is_made_changed_and_taken_out(kubectl):
    apply = ("apply", "--server-side", "-f", "-")
    assert await kubectl(*apply, stdin=manifest("life")) == "deployment.apps/life serverside-applied\n"
    assert await kubectl(*apply, stdin=manifest("life")) == "deployment.apps/life serverside-applied\n"
    less = manifest("life", env=(', env: [{name: A, value: "1"}]', ""), image=("i:1", "i:2"))
    await kubectl(*apply, stdin=less)
    shown = await kubectl("get", "deploy", "life", "-o", "jsonpath={..image} {..env} {.metadata.generation}")
    assert shown == "i:2  2"
    assert list(await managers(kubectl, "life")) == [("kubectl", "Apply")]
    assert "managedFields" not in await kubectl("get", "deploy", "life", "-o", "yaml")
    assert "f:replicas: {}" in await kubectl("get", "deploy", "life", "-o", "yaml", "--show-managed-fields")


async def test_a_conflict_is_explained_and_forced(kubectl):
    await kubectl("create", "-f", "-", stdin=manifest("fight"))
    changed = manifest("fight", replicas=("replicas: 2", "replicas: 3"))
    complaint = await kubectl("apply", "--server-side", "-f", "-", stdin=changed, fails=True)
    assert complaint.startswith(
        'error: Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1: .spec.replicas\n'
        "Please review the fields above--they currently have other managers."
    )
    await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=changed)
    assert await kubectl("get", "deploy", "fight", "-o", "jsonpath={.spec.replicas}") == "3"


async def test_client_side_apply_is_migrated(kubectl):
    await kubectl("apply", "-f", "-", stdin=manifest("move"))
    assert ("kubectl-client-side-apply", "Update") in await managers(kubectl, "move")
    assert json.loads(await kubectl("apply", "view-last-applied", "deploy/move", "-o", "json"))["spec"]["replicas"] == 2
    changed = manifest("move", replicas=("replicas: 2", "replicas: 4"), env=(', env: [{name: A, value: "1"}]', ""))
    await kubectl("apply", "--server-side", "-f", "-", stdin=changed)
    assert list(await managers(kubectl, "move")) == [("kubectl-last-applied", "Apply"), ("kubectl", "Apply")]
    assert await kubectl("get", "deploy", "move", "-o", "jsonpath={.spec.replicas} {..env}") == "4 "
    last = json.loads(await kubectl("apply", "view-last-applied", "deploy/move", "-o", "json"))
    assert last["spec"]["replicas"] == 4


async def test_two_teams_share_an_object(kubectl):
    await kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=manifest("shared"))
    label = '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"shared","labels":{"team":"two"}}}'
    await kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=label)
    await kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=manifest("shared"))
    assert await kubectl("get", "deploy", "shared", "-o", "jsonpath={.metadata.labels}") == '{"app":"web","team":"two"}'
    await kubectl("scale", "deploy/shared", "--replicas=7")
    complaint = await kubectl(
        "apply", "--server-side", "--field-manager=one", "-f", "-", stdin=manifest("shared"), fails=True
    )
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in complaint


async def test_a_dry_run_a_diff_and_a_misspelt_field(kubectl):
    apply = ("apply", "--server-side", "-f", "-")
    made = await kubectl(*apply, "--dry-run=server", stdin=manifest("never"))
    assert made == "deployment.apps/never serverside-applied (server dry run)\n"
    assert "NotFound" in await kubectl("get", "deploy", "never", fails=True)
    await kubectl(*apply, stdin=manifest("never"))
    changed = manifest("never", image=("i:1", "i:9"))
    assert "+        image: i:9" in await kubectl("diff", "--server-side", "-f", "-", stdin=changed, fails=True)
    wrong = manifest("never", replicas=("replicas: 2", "replica: 2"))
    complaint = await kubectl(*apply, stdin=wrong, fails=True)
    assert "failed to create typed patch object (default/never; apps/v1, Kind=Deployment): .spec.replica: " in complaint
    twice = manifest("never", ports=("{containerPort: 80}", "{containerPort: 80}, {containerPort: 80}"))
    assert 'duplicate entries for key [containerPort=80,protocol="TCP"]' in await kubectl(
        *apply, stdin=twice, fails=True
    )


async def test_the_status_is_applied_apart(kubectl):
    await kubectl("apply", "--server-side", "-f", "-", stdin=manifest("state"))
    status = manifest("state") + "status: {observedGeneration: 5}\n"
    await kubectl("apply", "--server-side", "--subresource=status", "--field-manager=us", "-f", "-", stdin=status)
    assert await kubectl("get", "deploy", "state", "-o", "jsonpath={.status.observedGeneration}") == "5"
    assert (await managers(kubectl, "state"))["us", "Apply"]["subresource"] == "status"


async def test_who_may_patch_but_not_create_applies_only_what_is_there(kubectl):
    await kubectl("create", "clusterrole", "patcher", "--verb=get,patch", "--resource=deployments.apps")
    await kubectl("create", "clusterrolebinding", "bob-patches", "--clusterrole=patcher", "--user=bob")
    apply = ("apply", "--server-side", "-f", "-")
    complaint = await kubectl(*apply, "--as=bob", stdin=manifest("barred"), fails=True)
    assert 'User "bob" cannot create resource "deployments" in API group "apps" in the namespace "default"' in complaint
    await kubectl(*apply, stdin=manifest("barred"))
    changed = manifest("barred", image=("i:1", "i:2"))
    assert "serverside-applied" in await kubectl(*apply, "--as=bob", stdin=changed)


CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, singular: widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, size: {type: integer}}}
"""
WIDGET = """
apiVersion: example.com/v1
kind: Widget
metadata: {name: one}
spec: {parts: [{name: NAME, size: 1}]}
"""


async def test_custom_objects_are_merged_by_their_schema(kubectl):
    apply = ("apply", "--server-side", "-f", "-")
    await kubectl(*apply, stdin=CRD)
    await kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=20s")
    await kubectl(*apply, "--field-manager=left", stdin=WIDGET.replace("NAME", "a"))
    await kubectl(*apply, "--field-manager=right", stdin=WIDGET.replace("NAME", "b"))
    assert await kubectl("get", "widgets", "one", "-o", "jsonpath={.spec.parts[*].name}") == "a b"
    resized = WIDGET.replace("NAME", "a").replace("size: 1", "size: 2")
    complaint = await kubectl(*apply, "--field-manager=right", stdin=resized, fails=True)
    assert 'conflict with "left": .spec.parts[name="a"].size' in complaint
    wrong = WIDGET.replace("NAME", "a").replace("size", "sizes")
    assert ".sizes: field not declared in schema" in await kubectl(
        *apply, "--field-manager=left", stdin=wrong, fails=True
    )
