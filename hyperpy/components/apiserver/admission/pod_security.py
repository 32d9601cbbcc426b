"""PodSecurity: the Pod Security Standards, as the labels of a namespace ask for them.

Pods that violate the `enforce` level are refused, those that violate the `warn` level are warned of, and so are
workloads whose template does; a namespace that becomes stricter is told which of its Pods are in the way.
Source: "Pod Security Admission"; message texts of Kubernetes v1.34.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hyperpy.api import validation
from hyperpy.api.kinds import NAMESPACE, POD, Kind
from hyperpy.api.podsecurity import LevelVersion, Policy, evaluate, policy_of
from hyperpy.api.podsecurity.levels import PREFIX, PRIVILEGED
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, Obj, refusal
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

#: Pods of a namespace that are looked at when its level rises.
MAX_PODS = 3000

_TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "podtemplates"): ("template",),
    ("", "replicationcontrollers"): ("spec", "template"),
    ("apps", "daemonsets"): ("spec", "template"),
    ("apps", "deployments"): ("spec", "template"),
    ("apps", "replicasets"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"),
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "jobs"): ("spec", "template"),
}
_JUDGED_SUBRESOURCES = ("", "ephemeralcontainers", "resize")
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class PodSecuritySettings:
    """The PodSecurityConfiguration: what holds where a namespace says nothing, and who is not judged.

    Args:
        defaults: the policy of namespaces without labels.
        usernames, namespaces, runtime_classes: are exempt.
    """

    defaults: Policy = field(default_factory=Policy)
    usernames: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    runtime_classes: frozenset[str] = frozenset()


class PodSecurity:
    def __init__(self, objects: Objects, settings: PodSecuritySettings) -> None:
        self._objects = objects
        self._settings = settings

    def concerns(self, kind: Kind) -> bool:
        """Pods, what makes Pods, and namespaces."""
        return (kind.group, kind.plural) in _TEMPLATES or (not kind.group and kind.plural in ("pods", "namespaces"))

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation not in (CREATE, UPDATE) or attributes.obj is None:
            return
        plural = attributes.kind.plural
        if plural == "namespaces":
            if not attributes.subresource:
                await self._judge_namespace(attributes)
        elif plural == "pods":
            if attributes.subresource in _JUDGED_SUBRESOURCES:
                await self._judge_pod(attributes, attributes.obj)
        elif not attributes.subresource:
            await self._judge_template(attributes)

    async def _judge_pod(self, attributes: Attributes, pod: Obj) -> None:
        policy = await self._policy(attributes)
        remarks.add(f"{PREFIX}enforce-policy", str(policy.enforce))
        if policy.allows_all or (attributes.old is not None and not _is_significant(pod, attributes.old)):
            return
        self._judge(attributes, policy, pod["metadata"], pod["spec"], enforce=True)

    async def _judge_template(self, attributes: Attributes) -> None:
        policy = await self._policy(attributes)
        if policy.warn.level == policy.audit.level == PRIVILEGED:
            return
        template: Obj | None = attributes.obj
        for name in _TEMPLATES[attributes.kind.group, attributes.kind.plural]:
            template = (template or {}).get(name)
        if template and template.get("spec"):
            self._judge(attributes, policy, template.get("metadata") or {}, template["spec"], enforce=False)

    def _judge(self, attributes: Attributes, policy: Policy, metadata: Obj, spec: Obj, *, enforce: bool) -> None:
        if spec.get("runtimeClassName") in self._settings.runtime_classes:
            return
        if enforce:
            verdict = evaluate(policy.enforce, metadata, spec)
            if not verdict.allowed:
                raise refusal(attributes, f'violates PodSecurity "{policy.enforce}": {verdict.detail}')
        verdict = evaluate(policy.audit, metadata, spec)
        if not verdict.allowed:
            remarks.add(f"{PREFIX}audit-violations", f'would violate PodSecurity "{policy.audit}": {verdict.detail}')
        verdict = evaluate(policy.warn, metadata, spec)
        if not verdict.allowed:
            attributes.warnings.append(f'would violate PodSecurity "{policy.warn}": {verdict.detail}')

    async def _policy(self, attributes: Attributes) -> Policy:
        """What to judge by; a policy that allows all for those who are exempt."""
        settings, name = self._settings, attributes.namespace or ""
        if name in settings.namespaces or (attributes.user is not None and attributes.user.name in settings.usernames):
            return _NONE
        kv = await self._objects.find(NAMESPACE, None, name)
        if kv is None or PREFIX.encode() not in kv.value:
            return settings.defaults
        return policy_of(form.decoded(kv)["metadata"].get("labels"), settings.defaults)[0]

    async def _judge_namespace(self, attributes: Attributes) -> None:
        assert attributes.obj is not None
        settings, labels = self._settings, attributes.obj["metadata"].get("labels")
        policy, causes = policy_of(labels, settings.defaults)
        before, old_causes = Policy(), list(causes)
        if attributes.old is not None:
            before, old_causes = policy_of(attributes.old["metadata"].get("labels"), settings.defaults)
        if causes and (attributes.old is None or causes != old_causes):
            raise validation.invalid(NAMESPACE, attributes.name, causes)
        if attributes.name in settings.namespaces:
            if not policy.allows_all and policy not in (settings.defaults, before):
                attributes.warnings.append(
                    f'namespace "{attributes.name}" is exempt from Pod Security, and the policy '
                    f"({policy.compact()}) will be ignored"
                )
        elif attributes.old is not None and _is_stricter(policy.enforce, before.enforce):
            attributes.warnings.extend(await self._in_the_way(attributes.name, policy.enforce))

    async def _in_the_way(self, namespace: str, enforce: LevelVersion) -> list[str]:
        """Warnings about the Pods there are, one for each set of reasons."""
        found = (await self._objects.everything(POD, namespace)).kvs
        pods_by_reason: dict[str, list[str]] = {}
        for pod in map(form.decoded, found[:MAX_PODS]):
            verdict = evaluate(enforce, pod["metadata"], pod["spec"])
            if not verdict.allowed and pod["spec"].get("runtimeClassName") not in self._settings.runtime_classes:
                pods_by_reason.setdefault(verdict.reason, []).append(pod["metadata"]["name"])
        warnings = []
        if len(found) > MAX_PODS:
            warnings.append(
                f"new PodSecurity enforce level only checked against the first {MAX_PODS} of {len(found)} existing pods"
            )
        if pods_by_reason:
            warnings.append(
                f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{enforce}"'
            )
        return [*warnings, *sorted(_told(names, reason) for reason, names in pods_by_reason.items())]


_NONE = Policy()


def _told(names: list[str], reason: str) -> str:
    others = len(names) - 1
    more = "" if not others else f" (and {others} other pod{'s' if others > 1 else ''})"
    return f"{min(names)}{more}: {reason}"


def _is_stricter(new: LevelVersion, old: LevelVersion) -> bool:
    """Whether Pods that were fine before may not be any more."""
    if new == old or new.level == PRIVILEGED:
        return False
    return new.version != old.version or new.strictness > old.strictness


def _is_significant(new: Obj, old: Obj) -> bool:
    """Whether a changed Pod has to be judged again: another image, another profile, another container."""
    return list(_judged(new)) != list(_judged(old))


def _judged(pod: Obj) -> Iterator[object]:
    annotations, spec = pod["metadata"].get("annotations") or {}, pod["spec"]
    yield annotations.get(_SECCOMP)
    for name in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(name) or ():
            own = container.get("name")
            yield name, own, container.get("image"), annotations.get(f"{_SECCOMP_CONTAINER}{own}")
