"""The class of an Ingress that names none."""

from __future__ import annotations

from hyperpy.api import kinds

BACKEND = {"service": {"name": "a", "port": {"number": 80}}}


async def make_class(cluster, name, *, default="true"):
    annotations = {"ingressclass.kubernetes.io/is-default-class": default}
    made = {"metadata": {"name": name, "annotations": annotations}, "spec": {"controller": "example.com/c"}}
    await cluster.client.create(kinds.INGRESS_CLASS, made)


async def made_class(cluster, name, annotations=None, **spec):
    metadata = {"name": name, "namespace": "default", "annotations": annotations or {}}
    ingress = {"metadata": metadata, "spec": {"defaultBackend": BACKEND, **spec}}
    return (await cluster.client.create(kinds.INGRESS, ingress))["spec"].get("ingressClassName")


async def test_an_ingress_gets_the_newest_default_class(cluster):
    assert await made_class(cluster, "a") is None
    await make_class(cluster, "other", default="false")
    await make_class(cluster, "old")
    await cluster.clock.advance(10)
    await make_class(cluster, "z")
    await make_class(cluster, "new")
    assert await made_class(cluster, "b") == "new"


async def test_an_ingress_that_names_a_class_keeps_it(cluster):
    await make_class(cluster, "default")
    assert await made_class(cluster, "a", ingressClassName="mine") == "mine"
    assert await made_class(cluster, "b", {"kubernetes.io/ingress.class": "old"}) is None
