"""Webhooks and policies over custom kinds."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors

Obj = dict[str, Any]

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
BASE = "/apis/admissionregistration.k8s.io/v1"
RULE = {"apiGroups": ["example.com"], "apiVersions": ["v2"], "resources": ["widgets"], "operations": ["CREATE"]}


def version(name: str, *, storage: bool) -> Obj:
    spec = {
        "type": "object",
        "properties": {"size": {"type": "integer", "default": 1}, "color": {"type": "string"}},
    }
    schema = {"type": "object", "properties": {"spec": spec}}
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}}


@pytest.fixture
async def widgets(cluster: Any) -> None:
    """A custom kind in two versions, v1 and v2."""
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    spec = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": names,
        "versions": [version("v1", storage=True), version("v2", storage=False)],
    }
    await cluster.json("POST", CRDS, {"metadata": {"name": "widgets.example.com"}, "spec": spec})


def widget(name: str = "one", **spec: Any) -> Obj:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


async def test_custom_object_is_changed_pruned_and_defaulted(
    cluster: Any, widgets: None, configure: Any, make_hook: Any, webhook_server: Any, make_patch: Any
):
    await configure("mutating", make_hook(rules=[RULE]))
    webhook_server.answers["/a"] = lambda request: make_patch(
        {"op": "add", "path": "/spec/color", "value": "red"},
        {"op": "add", "path": "/spec/unknown", "value": 1},
        {"op": "remove", "path": "/spec/size"},
    )
    stored = await cluster.json("POST", WIDGETS, widget(size=7))
    assert stored["spec"] == {"color": "red", "size": 1}
    [(_, request)] = webhook_server.calls
    assert request["kind"] == {"group": "example.com", "version": "v2", "kind": "Widget"}
    assert request["requestKind"]["version"] == "v1"
    assert request["object"]["apiVersion"] == "example.com/v2"
    assert stored["apiVersion"] == "example.com/v1"


async def test_custom_object_must_still_fit_its_schema(
    cluster: Any, widgets: None, configure: Any, make_hook: Any, webhook_server: Any, make_patch: Any
):
    await configure("mutating", make_hook(rules=[RULE]))
    webhook_server.answers["/a"] = lambda request: make_patch({"op": "add", "path": "/spec/size", "value": "big"})
    with pytest.raises(errors.Invalid, match="spec.size: Invalid value"):
        await cluster.json("POST", WIDGETS, widget())


async def test_policy_with_custom_parameters_judges_custom_objects(cluster: Any, widgets: None):
    policy = {
        "paramKind": {"apiVersion": "example.com/v2", "kind": "Widget"},
        "matchConstraints": {"resourceRules": [{**RULE, "apiVersions": ["v1"]}]},
        "validations": [
            {
                "expression": "object.metadata.name == 'limit' || object.spec.size <= params.spec.size",
                "messageExpression": "'no larger than %d'.format([params.spec.size])",
            }
        ],
    }
    await cluster.json("POST", f"{BASE}/validatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": policy})
    bound = {
        "policyName": "p",
        "validationActions": ["Deny"],
        "paramRef": {"name": "limit", "parameterNotFoundAction": "Allow"},
    }
    where = f"{BASE}/validatingadmissionpolicybindings"
    await cluster.json("POST", where, {"metadata": {"name": "b"}, "spec": bound})
    await cluster.json("POST", WIDGETS, widget("limit", size=3))
    with pytest.raises(errors.Invalid, match="no larger than 3"):
        await cluster.json("POST", WIDGETS, widget("two", size=4))
    await cluster.json("POST", WIDGETS, widget("two", size=3))
