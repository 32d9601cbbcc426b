"""Discovery documents."""

import orjson
import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind, Registry
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.documents.discovery import Discovery

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
KUBECTL = f"{AGGREGATED.format('v2')},{AGGREGATED.format('v2beta1')},application/json"


@pytest.fixture
def discovery():
    return Discovery(kinds.built_in(), server_address="10.0.0.1:6443")


def ask(discovery, path, **headers):
    response = discovery.answer(Request("GET", path, headers=headers))
    return orjson.loads(response.body)


def test_the_core_group_has_one_version(discovery):
    found = ask(discovery, "/api")
    assert (found["kind"], found["versions"]) == ("APIVersions", ["v1"])


def test_groups_name_their_versions(discovery):
    groups = {group["name"]: group for group in ask(discovery, "/apis")["groups"]}
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert "" not in groups
    assert ask(discovery, "/apis/apps")["kind"] == "APIGroup"


def test_stored_resources_tell_their_storage_version(discovery):
    found = {resource["name"]: resource for resource in ask(discovery, "/api/v1")["resources"]}
    assert found["pods"]["storageVersionHash"] == "xPOwRZ+Yhw8="
    assert all("storageVersionHash" not in found[name] for name in ("pods/status", "bindings", "componentstatuses"))
    events = ask(discovery, "/apis/events.k8s.io/v1")["resources"]
    assert events[0]["storageVersionHash"] == found["events"]["storageVersionHash"]


def test_resources_are_listed_with_their_subresources(discovery):
    found = {resource["name"]: resource for resource in ask(discovery, "/api/v1")["resources"]}
    assert found["pods"]["shortNames"] == ["po"]
    assert found["pods"]["categories"] == ["all"]
    assert found["pods/exec"]["kind"] == "PodExecOptions"
    assert found["pods/eviction"] == {
        "name": "pods/eviction",
        "singularName": "",
        "namespaced": True,
        "group": "policy",
        "version": "v1",
        "kind": "Eviction",
        "verbs": ["create"],
    }
    assert found["replicationcontrollers/scale"]["group"] == "autoscaling"
    assert found["namespaces/finalize"]["verbs"] == ["update"]


@pytest.mark.parametrize(
    ("accept", "version"),
    [(KUBECTL, "v2"), (f"{AGGREGATED.format('v2beta1')},application/json", "v2beta1")],
    ids=["v2", "v2beta1"],
)
def test_aggregated_discovery_says_everything_at_once(discovery, accept, version):
    response = discovery.answer(Request("GET", "/apis", headers={"accept": accept}))
    assert response.content_type == AGGREGATED.format(version)
    found = orjson.loads(response.body)
    assert found["apiVersion"] == f"apidiscovery.k8s.io/{version}"
    groups = {group["metadata"]["name"]: group for group in found["items"]}
    (apps,) = groups["apps"]["versions"]
    deployments = next(r for r in apps["resources"] if r["resource"] == "deployments")
    assert deployments["scope"] == "Namespaced"
    assert deployments["responseKind"]["kind"] == "Deployment"
    scale = next(s for s in deployments["subresources"] if s["subresource"] == "scale")
    assert scale["responseKind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}


@pytest.mark.parametrize("accept", ["application/json", "*/*", f"application/json,{KUBECTL}", "text/html", ""])
def test_the_old_form_is_given_to_those_who_prefer_it(discovery, accept):
    assert ask(discovery, "/api", accept=accept)["kind"] == "APIVersions"


def test_an_unchanged_document_is_not_sent_again(discovery):
    first = discovery.answer(Request("GET", "/apis"))
    again = discovery.answer(Request("GET", "/apis", headers={"if-none-match": first.headers["ETag"]}))
    assert (again.status, again.body) == (304, b"")


def test_a_new_kind_is_discovered_at_once_and_in_the_order_of_versions():
    registry = Registry([kinds.POD])
    discovery = Discovery(registry, server_address="x")
    before = discovery.answer(Request("GET", "/apis")).headers["ETag"]
    for version in ("v1alpha1", "v1", "v2beta1", "v1beta2", "v2", "foo"):
        registry.add(Kind("acme.com", version, "Widget", "widgets"))
    assert discovery.answer(Request("GET", "/apis")).headers["ETag"] != before
    (group,) = ask(discovery, "/apis")["groups"]
    assert [v["version"] for v in group["versions"]] == ["v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]


@pytest.mark.parametrize("path", ["/apis/nope", "/apis/apps/v9", "/api/v2"])
def test_an_unknown_group_or_version_is_not_found(discovery, path):
    with pytest.raises(errors.NotFound, match="could not find the requested resource"):
        discovery.answer(Request("GET", path))


@pytest.mark.parametrize("path", ["/", "/version", "/api/v1/pods", "/apis/apps/v1/deployments"])
def test_other_paths_are_somebody_elses(discovery, path):
    assert discovery.answer(Request("GET", path)) is None


def test_discovery_is_only_read(discovery):
    with pytest.raises(errors.MethodNotAllowed):
        discovery.answer(Request("POST", "/api"))
