"""Options of the controllers component, named after kube-controller-manager's flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hyperpy.client.leader import LeaseTimes
from hyperpy.components.controllers.certificates.certificate_authority import Authority
from hyperpy.components.controllers.nodes.node_zones import DEFAULT_RATES, Rates


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """Settings of HorizontalPodAutoscalers; the flags begin with `--horizontal-pod-autoscaler-`.

    Args:
        sync_period_s: how often each is looked at.
        tolerance: how far from the target is near enough, as a share of it.
        downscale_stabilization_s: how long a higher recommendation holds a scale-down up.
        cpu_initialization_s: after a Pod's start its CPU counts only while it is ready.
        initial_readiness_delay_s: a Pod unready since this time after its start counts as never ready.
    """

    sync_period_s: float = 15.0
    tolerance: float = 0.1
    downscale_stabilization_s: float = 300.0
    cpu_initialization_s: float = 300.0
    initial_readiness_delay_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of the control loops.

    Args:
        controllers: names to run, as the flag takes them: `*` is all, `-name` leaves one out.
        cluster_cidr: the networks that node IPAM cuts Pod networks from, one of a family, separated by a comma; ""
            leaves `spec.podCIDR` alone.
        service_cidr: the networks of Services, kept out of the Pod networks.
        node_cidr_mask_size_ipv4, node_cidr_mask_size_ipv6: the prefix length of one node's Pod network.
        root_ca_pem: the certificates that Pods trust the API server by, published as `kube-root-ca.crt`.
        service_account_key_file: signs the tokens that Secrets are filled with; None: they are not.
        legacy_token_unused_s: how long a token in a Secret may be unused before it is marked, and then is deleted.
        authority: signs certificate requests; None: nobody does.
        certificate_lifetime_s: the longest that a certificate is valid, and as long as it is when nothing is asked for.
        node_monitor_grace_s: silence after which a node counts as lost.
        node_startup_grace_s: the same for a node that has not told its status yet.
        eviction_rates: how fast the Pods of failing nodes are sent away.
        terminated_pod_threshold: finished Pods kept before the oldest are deleted; 0 keeps all.
        autoscaling: of HorizontalPodAutoscalers.
        leader_elect: wait for the Lease before working.
        lease_times, lease_name, lease_namespace: of that Lease; None: client-go's times.
        workers: objects worked on at once, by the names of controllers; those that are not there have their own.
        identity: this process in the Lease.
    """

    controllers: tuple[str, ...] = ("*",)
    cluster_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    node_cidr_mask_size_ipv4: int = 24
    node_cidr_mask_size_ipv6: int = 64
    root_ca_pem: bytes = b""
    service_account_key_file: Path | None = None
    legacy_token_unused_s: float = 365 * 86_400.0
    authority: Authority | None = None
    certificate_lifetime_s: float = 365 * 86_400.0
    node_monitor_grace_s: float = 40.0
    node_startup_grace_s: float = 60.0
    eviction_rates: Rates = DEFAULT_RATES
    terminated_pod_threshold: int = 12500
    autoscaling: Autoscaling = Autoscaling()
    leader_elect: bool = False
    lease_times: LeaseTimes | None = None
    lease_name: str = "kube-controller-manager"
    lease_namespace: str = "kube-system"
    workers: Mapping[str, int] = field(default_factory=dict)
    identity: str = ""
