"""Warnings about Pods and about pod templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.validation import formats
from hyperpy.api.warnings import amounts, container, node_labels, paths, persistentvolume

Obj = dict[str, Any]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NO_POD = "a null labelSelector results in matching no pod"
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_TEXT = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_APPARMOR_TEXT = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_FIELDS = ("initContainers", "containers", "ephemeralContainers")


def on_create(pod: Obj) -> Iterator[str]:
    """A new Pod."""
    problems = formats.dns_label(pod["metadata"].get("name") or "")
    if problems:
        yield (
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label "
            f"is recommended: [{' '.join(problems)}]"
        )
    yield from of_template(pod, "")


def of_template(template: Obj | None, path: str) -> Iterator[str]:
    """Metadata and spec of a Pod or template at `path` ("" for a Pod)."""
    spec, meta = (template or {}).get("spec") or {}, (template or {}).get("metadata") or {}
    place, prefix = f"{path}.spec".lstrip("."), f"{path}.metadata".lstrip(".")
    yield from _scheduling(spec, place)
    annotations = meta.get("annotations") or {}
    for name, text in _ANNOTATIONS.items():
        if name in annotations:
            yield f"{prefix}.annotations[{name}]: {text}"
    for i, volume in enumerate(spec.get("volumes") or ()):
        yield from _volume(volume, f"{place}.volumes[{i}]")
    yield from paths.overlapping(spec.get("volumes") or ())
    yield from _repeated(spec, place)
    yield from amounts.fractions(spec.get("overhead"), f"{place}.overhead")
    if annotations:
        yield from _profiles(spec, annotations, f"{prefix}.annotations")
    containers = [(one, f"{place}.{field}[{i}]") for field in _FIELDS for i, one in enumerate(spec.get(field) or ())]
    for one, where in containers:
        yield from container.check(one, where)
    yield from container.ports(containers)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{place}.terminationGracePeriodSeconds: {text}"
    for field in ("podAffinity", "podAntiAffinity"):
        yield from _pod_terms((spec.get("affinity") or {}).get(field) or {}, f"{place}.affinity.{field}")


def _scheduling(spec: Obj, path: str) -> Iterator[str]:
    yield from node_labels.of_selector(spec.get("nodeSelector"), f"{path}.nodeSelector")
    affinity, place = (spec.get("affinity") or {}).get("nodeAffinity") or {}, f"{path}.affinity.nodeAffinity"
    for i, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        yield from node_labels.of_term(term, f"{place}.{_REQUIRED}.nodeSelectorTerms[{i}]")
    for i, term in enumerate(affinity.get(_PREFERRED) or ()):
        yield from node_labels.of_term(term.get("preference") or {}, f"{place}.{_PREFERRED}[{i}].preference")
    for i, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{i}]", constraint.get("topologyKey") or ""
        text = node_labels.deprecation(key)
        if text is not None:
            yield f"{where}.topologyKey: {key} is {text}"
        if constraint.get("labelSelector") is None:
            yield f"{where}.labelSelector: {_NO_POD}"


def _pod_terms(affinity: Obj, path: str) -> Iterator[str]:
    for i, term in enumerate(affinity.get(_REQUIRED) or ()):
        if term.get("labelSelector") is None:
            yield f"{path}.{_REQUIRED}[{i}].labelSelector: {_NO_POD}"
    for i, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
            yield f"{path}.{_PREFERRED}[{i}].podAffinityTerm.labelSelector: {_NO_POD}"


def _volume(volume: Obj, path: str) -> Iterator[str]:
    for name, text in _VOLUMES.items():
        if volume.get(name) is not None:
            yield f"{path}.{name}: {text}"
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if template is not None:
        yield from persistentvolume.claim_spec(template.get("spec") or {}, f"{path}.ephemeral.volumeClaimTemplate.spec")


def _repeated(spec: Obj, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        if alias.get("ip") in seen:
            yield f'{path}.hostAliases[{i}].ip: duplicate ip "{alias.get("ip")}"'
        seen.add(alias.get("ip"))
    secrets = spec.get("imagePullSecrets") or ()
    seen = set()
    for i, secret in enumerate(secrets):
        name = secret.get("name") or ""
        if name in seen:
            yield f'{path}.imagePullSecrets[{i}].name: duplicate name "{name}"'
        seen.add(name)
    for i, secret in enumerate(secrets):
        if not secret.get("name"):
            yield f'{path}.imagePullSecrets[{i}].name: invalid empty name ""'


def _profiles(spec: Obj, annotations: Obj, path: str) -> Iterator[str]:
    """Annotations that fields of security contexts have replaced, where the field is not there."""
    context = spec.get("securityContext") or {}
    if _SECCOMP_POD in annotations and context.get("seccompProfile") is None:
        yield f"{path}[{_SECCOMP_POD}]: {_SECCOMP_TEXT}"
    for field in _FIELDS:
        for one in spec.get(field) or ():
            own = one.get("securityContext") or {}
            seccomp, apparmor = f"{_SECCOMP_CONTAINER}{one.get('name')}", f"{_APPARMOR}{one.get('name')}"
            if seccomp in annotations and own.get("seccompProfile") is None:
                yield f"{path}[{seccomp}]: {_SECCOMP_TEXT}"
            if apparmor in annotations and (own.get("appArmorProfile") or context.get("appArmorProfile")) is None:
                yield f"{path}[{apparmor}]: {_APPARMOR_TEXT}"
