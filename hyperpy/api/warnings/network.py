"""Warnings about Services and Ingresses: fields that a Service of its type ignores, and an old annotation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Obj = dict[str, Any]

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def service(obj: Obj) -> Iterator[str]:
    """What a Service says and nobody heeds."""
    spec = obj.get("spec") or {}
    if spec.get("clusterIP") == "None":
        for field in ("loadBalancerIP", "externalIPs"):
            if spec.get(field):
                yield f"spec.{field} is ignored for headless services"
        if spec.get("sessionAffinity") not in (None, "None"):
            yield "spec.SessionAffinity is ignored for headless services"
    if spec.get("type") == "ExternalName":
        if spec.get("externalIPs"):
            yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    elif spec.get("externalName"):
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'


def new_ingress(obj: Obj) -> Iterator[str]:
    """The annotation that the field replaced."""
    if _CLASS_ANNOTATION in (obj["metadata"].get("annotations") or {}):
        yield f"annotation \"{_CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"


ALWAYS = {("", "Service"): service}
ON_CREATE = {("networking.k8s.io", "Ingress"): new_ingress}
