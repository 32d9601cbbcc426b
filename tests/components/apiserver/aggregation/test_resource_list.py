"""An APIResourceList as a version of aggregated discovery."""

from hyperpy.components.apiserver.aggregation import resource_list


def test_resources_and_their_subresources():
    listed = {
        "resources": [
            {
                "name": "pods/scale", "kind": "Scale", "group": "autoscaling", "version": "v1", "namespaced": True,
                "verbs": ["get"],
            },
            {
                "name": "pods", "singularName": "pod", "kind": "Pod", "namespaced": True, "verbs": ["list"],
                "shortNames": ["po"],
            },
            {"name": "orphans/status", "kind": "Orphan", "namespaced": False, "verbs": ["get"]},
            {"name": ""},
            "nonsense",
        ]
    }  # fmt: skip
    found = resource_list.convert("v1", listed)
    assert (found["version"], found["freshness"]) == ("v1", "Current")
    pods, orphans = found["resources"]
    assert pods == {
        "resource": "pods",
        "responseKind": {"group": "", "version": "", "kind": "Pod"},
        "scope": "Namespaced",
        "singularResource": "pod",
        "verbs": ["list"],
        "shortNames": ["po"],
        "subresources": [
            {
                "subresource": "scale",
                "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                "verbs": ["get"],
            }
        ],
    }
    assert (orphans["resource"], orphans["verbs"], orphans["scope"]) == ("orphans", [], "Cluster")


def test_an_empty_list():
    assert resource_list.convert("v1", {})["resources"] == []
