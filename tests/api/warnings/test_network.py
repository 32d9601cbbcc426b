"""Warnings about Services and Ingresses."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds, warnings


@pytest.mark.parametrize(
    ("spec", "texts"),
    [
        pytest.param(
            {"clusterIP": "10.0.0.1", "externalIPs": ["1.2.3.4"], "sessionAffinity": "ClientIP"}, [], id="plain"
        ),
        pytest.param(
            {
                "clusterIP": "None",
                "externalIPs": ["1.2.3.4"],
                "loadBalancerIP": "1.2.3.4",
                "sessionAffinity": "ClientIP",
            },
            [
                "spec.loadBalancerIP is ignored for headless services",
                "spec.externalIPs is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services",
            ],
            id="headless",
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "a.b", "externalIPs": ["1.2.3.4"]},
            ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
            id="external name",
        ),
        pytest.param(
            {"type": "ClusterIP", "externalName": "a.b"},
            ['spec.externalName is ignored when spec.type is not "ExternalName"'],
            id="name of another type",
        ),
    ],
)
def test_what_a_service_says_in_vain(spec: dict[str, Any], texts: list[str]) -> None:
    service = {"metadata": {"name": "a"}, "spec": spec}
    assert warnings.on_create(kinds.SERVICE, service) == texts
    assert warnings.on_update(kinds.SERVICE, service, {**service}) == texts


def test_the_old_annotation_of_a_new_ingress_is_told() -> None:
    ingress = {"metadata": {"name": "a", "annotations": {"kubernetes.io/ingress.class": "b"}}}
    assert warnings.on_create(kinds.INGRESS, ingress) == [
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
    ]
    assert warnings.on_update(kinds.INGRESS, ingress, {**ingress}) == []
