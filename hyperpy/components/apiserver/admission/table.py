"""The admission plugins: which there are, under Kubernetes' names, in the order they are asked. Order is data.

Source: "Admission Control in Kubernetes", and the order that kube-apiserver v1.34 gives its plugins. Those named in
`NOT_SUPPORTED` are off by default in Kubernetes too, or about kinds that are not stable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hyperpy.components.apiserver.admission.always_pull_images import AlwaysPullImages
from hyperpy.components.apiserver.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
)
from hyperpy.components.apiserver.admission.chain import Plugin
from hyperpy.components.apiserver.admission.default_ingress_class import DefaultIngressClass
from hyperpy.components.apiserver.admission.default_storage_class import DefaultStorageClass
from hyperpy.components.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from hyperpy.components.apiserver.admission.deny_service_external_ips import DenyServiceExternalIPs
from hyperpy.components.apiserver.admission.dynamic.mutating import MutatingAdmissionWebhook
from hyperpy.components.apiserver.admission.dynamic.policies import ValidatingAdmissionPolicy
from hyperpy.components.apiserver.admission.dynamic.validating import ValidatingAdmissionWebhook
from hyperpy.components.apiserver.admission.extended_resource_toleration import ExtendedResourceToleration
from hyperpy.components.apiserver.admission.limit_pod_hard_anti_affinity_topology import (
    LimitPodHardAntiAffinityTopology,
)
from hyperpy.components.apiserver.admission.limit_ranger import LimitRanger
from hyperpy.components.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from hyperpy.components.apiserver.admission.node_restriction import NodeRestriction
from hyperpy.components.apiserver.admission.persistent_volume_claim_resize import PersistentVolumeClaimResize
from hyperpy.components.apiserver.admission.pod_node_selector import PodNodeSelector
from hyperpy.components.apiserver.admission.pod_security import PodSecurity
from hyperpy.components.apiserver.admission.priority import Priority
from hyperpy.components.apiserver.admission.rbac_escalation import RbacEscalation
from hyperpy.components.apiserver.admission.resource_quota import ResourceQuota
from hyperpy.components.apiserver.admission.runtime_class import RuntimeClass
from hyperpy.components.apiserver.admission.service_account import ServiceAccount
from hyperpy.components.apiserver.admission.service_addresses import ServiceAddresses
from hyperpy.components.apiserver.admission.storage_object_in_use_protection import StorageObjectInUseProtection
from hyperpy.components.apiserver.admission.taint_nodes_by_condition import TaintNodesByCondition
from hyperpy.components.apiserver.admission.world import Settings, World


class UnknownPlugin(ValueError):
    """A name that no plugin has; the message says which flag, and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One plugin: its name, what makes it, and whether it is asked unless a flag says otherwise."""

    name: str
    make: Callable[[World], Plugin]
    on: bool = True


def _resource_quota(world: World) -> Plugin:
    return ResourceQuota(world.objects, world.clock, world.settings.limited_resources)


PLUGINS = (
    Row("NamespaceLifecycle", lambda world: NamespaceLifecycle(world.objects)),
    Row("LimitPodHardAntiAffinityTopology", lambda world: LimitPodHardAntiAffinityTopology(), on=False),
    Row("LimitRanger", lambda world: LimitRanger(world.objects)),
    Row("ServiceAccount", lambda world: ServiceAccount(world.objects, world.feeds, world.rng)),
    Row("NodeRestriction", lambda world: NodeRestriction(world.objects)),
    Row("TaintNodesByCondition", lambda world: TaintNodesByCondition()),
    Row("AlwaysPullImages", lambda world: AlwaysPullImages(), on=False),
    Row("PodSecurity", lambda world: PodSecurity(world.objects, world.settings.pod_security)),
    Row("PodNodeSelector", lambda world: PodNodeSelector(world.objects), on=False),
    Row("Priority", lambda world: Priority(world.objects)),
    Row("DefaultTolerationSeconds", lambda world: DefaultTolerationSeconds()),
    Row("ExtendedResourceToleration", lambda world: ExtendedResourceToleration(), on=False),
    Row("DefaultStorageClass", lambda world: DefaultStorageClass(world.objects)),
    Row("StorageObjectInUseProtection", lambda world: StorageObjectInUseProtection()),
    Row("PersistentVolumeClaimResize", lambda world: PersistentVolumeClaimResize(world.objects)),
    Row("RuntimeClass", lambda world: RuntimeClass(world.objects)),
    Row("CertificateApproval", lambda world: CertificateApproval(world.authorizer)),
    Row("CertificateSigning", lambda world: CertificateSigning(world.authorizer)),
    Row("CertificateSubjectRestriction", lambda world: CertificateSubjectRestriction()),
    Row("DefaultIngressClass", lambda world: DefaultIngressClass(world.objects)),
    Row("DenyServiceExternalIPs", lambda world: DenyServiceExternalIPs(), on=False),
    Row("MutatingAdmissionWebhook", MutatingAdmissionWebhook),
    Row("ValidatingAdmissionPolicy", ValidatingAdmissionPolicy),
    Row("ValidatingAdmissionWebhook", ValidatingAdmissionWebhook),
    Row("ResourceQuota", _resource_quota),
)

#: Judges that are no plugins in Kubernetes, but a part of its storage: no flag switches them off.
ALWAYS: tuple[Callable[[World], Plugin], ...] = (
    lambda world: RbacEscalation(world.objects, world.authorizer),
    lambda world: ServiceAddresses(world.objects),
)

NOT_SUPPORTED = frozenset((
    "AlwaysAdmit", "AlwaysDeny", "ClusterTrustBundleAttest", "EventRateLimit", "ImagePolicyWebhook",
    "MutatingAdmissionPolicy", "NamespaceAutoProvision", "NamespaceExists", "OwnerReferencesPermissionEnforcement",
    "PodTolerationRestriction", "PodTopologyLabels",
))  # fmt: skip


def check(settings: Settings) -> None:
    """Raises UnknownPlugin for the first name in the settings that cannot be used."""
    known = {row.name for row in PLUGINS}
    for flag, names in (("enable", settings.enable), ("disable", settings.disable)):
        for name in names:
            if name in known or (name in NOT_SUPPORTED and flag == "disable"):
                continue
            why = "is not supported by this server" if name in NOT_SUPPORTED else "is unknown"
            raise UnknownPlugin(
                f'--{flag}-admission-plugins: plugin "{name}" {why}; there are {", ".join(sorted(known))}'
            )
    both = [name for name in settings.enable if name in settings.disable]
    if both:
        raise UnknownPlugin(f"{both[0]} in enable-admission-plugins and disable-admission-plugins overlapped")


def plugins(world: World) -> list[Plugin]:
    """The plugins to ask, in order."""
    settings = world.settings
    wanted = [row for row in PLUGINS if row.name not in settings.disable and (row.on or row.name in settings.enable)]
    return [*(row.make(world) for row in wanted), *(make(world) for make in ALWAYS)]
