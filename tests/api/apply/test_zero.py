"""Zero objects: which parts of a new object are always there."""

from __future__ import annotations

from hyperpy.api import kinds
from hyperpy.api.apply import zero
from hyperpy.api.schema import definitions


def test_structs_of_go_are_there_and_pointers_are_not():
    deployment = zero.built_in("io.k8s.api.apps.v1.Deployment")
    assert deployment["spec"]["template"]["spec"] == {"containers": None}
    assert deployment["spec"]["strategy"] == {}
    assert "replicas" not in deployment["spec"]
    controller = zero.built_in("io.k8s.api.core.v1.ReplicationController")
    assert controller["spec"] == {}, "its template is a pointer"


def test_every_kind_has_one_with_metadata():
    for kind in kinds.BUILT_IN:
        name = definitions.name_of(kind.group, kind.version, kind.kind)
        assert "metadata" in zero.built_in(name), kind
