"""Validation of built-in kinds: everything that is wrong with a decoded, defaulted object, in Kubernetes' words.

Source: the functions `Validate*` of Kubernetes' API packages (v1.34): rules and message texts. One row a kind in
`_RULES`; kinds without a row have the rules of metadata, custom ones those of their definition too. What only some
clusters use is imported when it is first written: `_LATER` has the modules, whose `RULES` have the rows.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import (
    apps,
    classes,
    cluster,
    configuration,
    endpoints,
    jobs,
    metadata,
    persistentvolume,
    pod,
    policy,
    quotas,
    rbac,
    records,
    reviews,
    service,
    workload,
)
from hyperpy.api.validation.pod import on_ephemeral_containers_update as _ephemeral
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

__all__ = [
    "invalid",
    "on_approval_update",
    "on_create",
    "on_ephemeral_containers_update",
    "on_resize",
    "on_status_update",
    "on_update",
]


_RBAC = "rbac.authorization.k8s.io"
_AUTHORIZATION = "authorization.k8s.io"
_AUTHENTICATION = "authentication.k8s.io"
_RULES: dict[tuple[str, str], Rules] = {
    ("", "Pod"): Rules(pod.on_create, pod.on_update, pod.on_status_update, whole=False),
    **workload.RULES,
    **apps.RULES,
    **jobs.RULES,
    **policy.RULES,
    **persistentvolume.RULES,
    **quotas.RULES,
    **classes.RULES,
    ("", "Service"): Rules(service.on_create, service.on_update, service.on_status_update),
    ("", "Endpoints"): Rules(endpoints.endpoints),
    ("discovery.k8s.io", "EndpointSlice"): Rules(endpoints.endpoint_slice, endpoints.endpoint_slice_update),
    ("", "ConfigMap"): Rules(configuration.config_map, configuration.config_map_update),
    ("", "Secret"): Rules(configuration.secret, configuration.secret_update),
    ("", "Namespace"): Rules(cluster.namespace, status=cluster.namespace_status),
    ("", "Node"): Rules(cluster.node, cluster.node_update, cluster.node_status),
    ("", "Event"): Rules(records.event),
    ("events.k8s.io", "Event"): Rules(records.new_event, records.new_event_update, whole=False),
    ("coordination.k8s.io", "Lease"): Rules(records.lease),
    ("", "Binding"): Rules(records.binding, named=False),
    (_RBAC, "Role"): Rules(rbac.role),
    (_RBAC, "ClusterRole"): Rules(rbac.cluster_role),
    (_RBAC, "RoleBinding"): Rules(rbac.role_binding, rbac.binding_update),
    (_RBAC, "ClusterRoleBinding"): Rules(rbac.cluster_role_binding, rbac.binding_update),
    (_AUTHORIZATION, "SubjectAccessReview"): Rules(reviews.subject_access, named=False),
    (_AUTHORIZATION, "SelfSubjectAccessReview"): Rules(reviews.self_subject_access, named=False),
    (_AUTHORIZATION, "LocalSubjectAccessReview"): Rules(reviews.local_subject_access, named=False),
    (_AUTHORIZATION, "SelfSubjectRulesReview"): Rules(named=False),
    (_AUTHENTICATION, "TokenReview"): Rules(reviews.no_metadata, named=False),
    (_AUTHENTICATION, "SelfSubjectReview"): Rules(reviews.no_metadata, named=False),
}
_METADATA_ONLY = Rules()
#: Groups whose rules an idle cluster does without (definitions bring along CEL and OpenAPI), and their modules here.
_LATER = {
    "admissionregistration.k8s.io": ("admission_policies", "webhooks"),
    "apiextensions.k8s.io": ("extensions",),
    "apiregistration.k8s.io": ("apiservice",),
    "autoscaling": ("autoscaling",),
    "batch": ("cron_jobs",),
    "certificates.k8s.io": ("certificates",),
    "flowcontrol.apiserver.k8s.io": ("flowcontrol",),
    "networking.k8s.io": ("ingress", "network_policy"),
    "resource.k8s.io": ("devices",),
    "storage.k8s.io": ("storage",),
}


def on_create(kind: Kind, obj: Obj) -> list[Cause]:
    """What is wrong with a new object."""
    rules = _of(kind)
    causes = list(metadata.on_create(kind, obj["metadata"])) if rules.named else []
    causes += rules.create(obj) if kind.definition is None else kind.definition.causes(obj, None)
    return causes


def on_update(kind: Kind, new: Obj, old: Obj) -> list[Cause]:
    """What is wrong with a new version of an object, in itself or against the old one."""
    causes = list(metadata.on_update(kind, new["metadata"], old["metadata"]))
    if kind.definition is not None:
        return [*causes, *kind.definition.causes(new, old)]
    rules = _of(kind)
    causes += rules.change(new, old)
    if rules.whole:
        causes += rules.create(new)
    return causes


def on_status_update(kind: Kind, new: Obj, old: Obj) -> list[Cause]:
    """What is wrong with a status write; the spec is the old one's already."""
    causes = list(metadata.on_update(kind, new["metadata"], old["metadata"]))
    causes += _of(kind).status(new, old) if kind.definition is None else kind.definition.causes(new, old)
    return causes


def on_ephemeral_containers_update(kind: Kind, new: Obj, old: Obj) -> list[Cause]:
    """What is wrong with a write to a Pod's `ephemeralcontainers`; the rest is the old one's already."""
    return [*metadata.on_update(kind, new["metadata"], old["metadata"]), *_ephemeral(new, old)]


def on_resize(kind: Kind, new: Obj, old: Obj) -> list[Cause]:
    """What is wrong with a write to a Pod's `resize`; the rest is the old one's already."""
    return [*metadata.on_update(kind, new["metadata"], old["metadata"]), *pod.on_resize(new, old)]


def on_approval_update(kind: Kind, new: Obj, old: Obj) -> list[Cause]:
    """What is wrong with a write to a CertificateSigningRequest's `approval`."""
    from hyperpy.api.validation import certificates

    return [*metadata.on_update(kind, new["metadata"], old["metadata"]), *certificates.on_approval(new, old)]


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> errors.Invalid:
    """The 422 of an object: `Pod "x" is invalid: spec.containers: Required value`; several stand in brackets."""
    texts = _distinct(str(cause) for cause in causes)
    what = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {"name": name, "group": kind.group, "kind": kind.kind, "causes": [cause.detail() for cause in causes]}
    return errors.Invalid(f'{what} "{name}" is invalid: {joined}', details=details)


def _of(kind: Kind) -> Rules:
    if kind.group in _LATER:
        for module in _LATER[kind.group]:
            _RULES.update(importlib.import_module(f"{__name__}.{module}").RULES)
        del _LATER[kind.group]
    return _RULES.get((kind.group, kind.kind), _METADATA_ONLY)


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
