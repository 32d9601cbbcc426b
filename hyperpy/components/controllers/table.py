"""The controllers of the component: which there are, under which names, with how many workers each. Order is data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.autoscaling.horizontalpodautoscaler import HorizontalPodAutoscalerController
from hyperpy.components.controllers.batch.cronjob import CronJobController
from hyperpy.components.controllers.batch.job import JobController
from hyperpy.components.controllers.batch.ttlafterfinished import TTLAfterFinishedController
from hyperpy.components.controllers.certificates.bootstrapsigner import BootstrapSigner
from hyperpy.components.controllers.certificates.csrapproving import CSRApprovingController
from hyperpy.components.controllers.certificates.csrcleaner import CSRCleanerController
from hyperpy.components.controllers.certificates.csrsigning import CSRSigningController
from hyperpy.components.controllers.certificates.legacy_token_cleaner import LegacyTokenCleaner
from hyperpy.components.controllers.certificates.rootca import RootCAPublisher
from hyperpy.components.controllers.certificates.serviceaccount import ServiceAccountController
from hyperpy.components.controllers.certificates.serviceaccount_token import ServiceAccountTokenController
from hyperpy.components.controllers.certificates.tokencleaner import TokenCleaner
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.network.endpoints import EndpointsController
from hyperpy.components.controllers.network.endpointslice import EndpointSliceController
from hyperpy.components.controllers.network.endpointslicemirroring import EndpointSliceMirroringController
from hyperpy.components.controllers.nodes.nodeipam import NodeIpamController
from hyperpy.components.controllers.nodes.nodelifecycle import NodeLifecycleController
from hyperpy.components.controllers.nodes.podgc import PodGarbageCollector
from hyperpy.components.controllers.nodes.tainteviction import TaintEvictionController
from hyperpy.components.controllers.nodes.ttl import TTLController
from hyperpy.components.controllers.policy.clusterroleaggregation import ClusterRoleAggregation
from hyperpy.components.controllers.policy.disruption import DisruptionController
from hyperpy.components.controllers.policy.garbagecollector import GarbageCollector
from hyperpy.components.controllers.policy.namespace import NamespaceController
from hyperpy.components.controllers.policy.resourcequota import ResourceQuotaController
from hyperpy.components.controllers.policy.validatingadmissionpolicy import ValidatingAdmissionPolicyStatusController
from hyperpy.components.controllers.storage.attachdetach import AttachDetachController
from hyperpy.components.controllers.storage.ephemeralvolume import EphemeralVolumeController
from hyperpy.components.controllers.storage.persistentvolumebinder import PersistentVolumeBinder
from hyperpy.components.controllers.storage.persistentvolumeexpander import PersistentVolumeExpander
from hyperpy.components.controllers.storage.pvcprotection import PVCProtectionController
from hyperpy.components.controllers.storage.pvprotection import PVProtectionController
from hyperpy.components.controllers.workloads.daemonset import DaemonSetController
from hyperpy.components.controllers.workloads.deployment import DeploymentController
from hyperpy.components.controllers.workloads.replicaset import ReplicaSetController
from hyperpy.components.controllers.workloads.replicationcontroller import ReplicationControllerController
from hyperpy.components.controllers.workloads.statefulset import StatefulSetController


class UnknownController(ValueError):
    """A name in `--controllers` is none; the message lists those there are."""


class Controller(Protocol):
    """A control loop over keys. What it watches it names when it is made."""

    async def reconcile(self, key: str) -> float | None:
        """Bring one object in step; returns seconds until it wants the key again, or None."""


@dataclass(frozen=True, slots=True)
class Row:
    """One controller.

    Args:
        name: as in `--controllers`, from kube-controller-manager.
        alias: its older name, taken too.
        make: builds it; its watches feed the queue.
        workers: keys at once.
        by_default: `*` means it too.
    """

    name: str
    alias: str
    make: Callable[[Context, WorkQueue], Controller]
    workers: int = 4
    by_default: bool = True


CONTROLLERS = (
    Row("namespace-controller", "namespace", NamespaceController),
    Row("serviceaccount-controller", "serviceaccount", ServiceAccountController),
    Row("serviceaccount-token-controller", "serviceaccount-token", ServiceAccountTokenController),
    Row("legacy-serviceaccount-token-cleaner-controller", "legacy-serviceaccount-token-cleaner", LegacyTokenCleaner),
    Row("token-cleaner-controller", "tokencleaner", TokenCleaner, by_default=False),
    Row("bootstrap-signer-controller", "bootstrapsigner", BootstrapSigner, by_default=False),
    Row("root-ca-certificate-publisher-controller", "root-ca-cert-publisher", RootCAPublisher),
    Row("node-ipam-controller", "nodeipam", NodeIpamController),
    Row("node-lifecycle-controller", "nodelifecycle", NodeLifecycleController),
    Row("taint-eviction-controller", "taint-eviction", TaintEvictionController),
    Row("replicationcontroller-controller", "replicationcontroller", ReplicationControllerController),
    Row("replicaset-controller", "replicaset", ReplicaSetController),
    Row("deployment-controller", "deployment", DeploymentController),
    Row("daemonset-controller", "daemonset", DaemonSetController),
    Row("statefulset-controller", "statefulset", StatefulSetController),
    Row("job-controller", "job", JobController),
    Row("cronjob-controller", "cronjob", CronJobController),
    Row("ttl-after-finished-controller", "ttl-after-finished", TTLAfterFinishedController),
    Row("endpoints-controller", "endpoint", EndpointsController),
    Row("endpointslice-controller", "endpointslice", EndpointSliceController),
    Row("endpointslice-mirroring-controller", "endpointslicemirroring", EndpointSliceMirroringController),
    Row("disruption-controller", "disruption", DisruptionController),
    Row(
        "horizontal-pod-autoscaler-controller",
        "horizontal-pod-autoscaling",
        HorizontalPodAutoscalerController,
        workers=5,
    ),
    Row("resourcequota-controller", "resourcequota", ResourceQuotaController),
    Row("persistentvolume-binder-controller", "persistentvolume-binder", PersistentVolumeBinder, workers=1),
    Row("persistentvolume-attach-detach-controller", "attachdetach", AttachDetachController),
    Row("persistentvolume-expander-controller", "persistentvolume-expander", PersistentVolumeExpander, workers=1),
    Row("ephemeral-volume-controller", "ephemeral-volume", EphemeralVolumeController),
    Row("persistentvolumeclaim-protection-controller", "pvc-protection", PVCProtectionController),
    Row("persistentvolume-protection-controller", "pv-protection", PVProtectionController),
    Row("clusterrole-aggregation-controller", "clusterrole-aggregation", ClusterRoleAggregation),
    Row("certificatesigningrequest-approving-controller", "csrapproving", CSRApprovingController),
    Row("certificatesigningrequest-signing-controller", "csrsigning", CSRSigningController),
    Row("certificatesigningrequest-cleaner-controller", "csrcleaner", CSRCleanerController),
    Row("ttl-controller", "ttl", TTLController),
    Row("garbage-collector-controller", "garbagecollector", GarbageCollector, workers=16),
    Row("pod-garbage-collector-controller", "podgc", PodGarbageCollector),
    Row(
        "validatingadmissionpolicy-status-controller",
        "validatingadmissionpolicy-status",
        ValidatingAdmissionPolicyStatusController,
    ),
)


def chosen(names: Sequence[str]) -> list[Row]:
    """The rows that `--controllers` names: `*` is all that run by default, `NAME` this one, `-NAME` not this one.

    Raises:
        UnknownController: a name that no row has.
    """
    known = {name for row in CONTROLLERS for name in (row.name, row.alias)}
    for name in names:
        if name != "*" and name.removeprefix("-") not in known:
            listed = ", ".join(row.name for row in CONTROLLERS)
            raise UnknownController(
                f'--controllers: there is no controller "{name.removeprefix("-")}"; there are {listed}'
            )
    return [row for row in CONTROLLERS if _is_chosen(row, names)]


def _is_chosen(row: Row, names: Sequence[str]) -> bool:
    own = (row.name, row.alias)
    if any(f"-{name}" in names for name in own):
        return False
    return (row.by_default and "*" in names) or any(name in names for name in own)
