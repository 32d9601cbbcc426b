"""hyperpy controllers: the control loops as a process of their own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperpy import flags
from hyperpy.commands import UserError
from hyperpy.components.controllers import syncs

if TYPE_CHECKING:
    from hyperpy.client.leader import LeaseTimes
    from hyperpy.components.controllers.certificates.certificate_authority import Authority

log = logging.getLogger(__name__)

_AUTOSCALER = "--horizontal-pod-autoscaler"

_DAY_S = 24 * 3600

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=syncs.Command)
def controllers(
    ctx: typer.Context,
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="How to reach the API server.")] = "",
    master: Annotated[str, typer.Option("--master", help="URL of the API server; overrides the kubeconfig's.")] = "",
    controllers: Annotated[
        str, typer.Option("--controllers", help="Names, comma separated; * is all, -NAME leaves one out.")
    ] = "*",
    cluster_cidr: Annotated[
        str,
        typer.Option(
            "--cluster-cidr",
            help="The networks that Pod networks are cut from: one, or one of each family; empty: none are given.",
        ),
    ] = "10.244.0.0/16",
    service_cidr: Annotated[
        str, typer.Option("--service-cluster-ip-range", help="The ClusterIP ranges, as the API server has them.")
    ] = "10.96.0.0/16",
    mask_size: Annotated[
        int,
        typer.Option(
            "--node-cidr-mask-size",
            help="The prefix length of one node's Pod network; not with two families [default: 24, for IPv6 64].",
            show_default=False,
        ),
    ] = 0,
    mask_size_ipv4: Annotated[
        int, typer.Option("--node-cidr-mask-size-ipv4", help="The same for IPv4.", show_default=False)
    ] = 0,
    mask_size_ipv6: Annotated[
        int, typer.Option("--node-cidr-mask-size-ipv6", help="The same for IPv6.", show_default=False)
    ] = 0,
    root_ca_file: Annotated[
        Path | None,
        typer.Option("--root-ca-file", help="PEM authority published to Pods [default: the kubeconfig's, else ours]."),
    ] = None,
    account_key_file: Annotated[
        Path | None,
        typer.Option(
            "--service-account-private-key-file",
            help="PEM key that signs tokens in Secrets [default: ours, when the authority is].",
        ),
    ] = None,
    unused: Annotated[
        str,
        typer.Option(
            "--legacy-service-account-token-clean-up-period",
            help="How long a token in a Secret may be unused, and is then kept invalid.",
        ),
    ] = "8760h",
    signing_cert_file: Annotated[
        Path | None,
        typer.Option(
            "--cluster-signing-cert-file",
            help="PEM authority that signs certificate requests [default: ours, when it is the API server's].",
        ),
    ] = None,
    signing_key_file: Annotated[
        Path | None, typer.Option("--cluster-signing-key-file", help="The authority's private key in PEM.")
    ] = None,
    signing_duration: Annotated[
        str, typer.Option("--cluster-signing-duration", help="The longest that a signed certificate is valid.")
    ] = "8760h",
    grace_s: Annotated[
        str, typer.Option("--node-monitor-grace-period", help="Silence after which a node counts as lost.")
    ] = "40s",
    startup_grace: Annotated[
        str, typer.Option("--node-startup-grace-period", help="The same for a node that has not told its status yet.")
    ] = "1m",
    eviction_rate: Annotated[
        str, typer.Option("--node-eviction-rate", help="Failing nodes that are emptied a second, in each zone.")
    ] = "0.1",
    secondary_rate: Annotated[
        str, typer.Option("--secondary-node-eviction-rate", help="The same in a large zone that is partly down.")
    ] = "0.01",
    large_cluster: Annotated[
        int,
        typer.Option(
            "--large-cluster-size-threshold",
            help="A zone of so many nodes, or fewer, is not emptied while it is partly down.",
        ),
    ] = 50,
    unhealthy_share: Annotated[
        str,
        typer.Option(
            "--unhealthy-zone-threshold", help="The share of nodes not ready from which a zone is partly down."
        ),
    ] = "0.55",
    threshold: Annotated[
        int, typer.Option("--terminated-pod-gc-threshold", help="Finished Pods that are kept; 0 keeps all.")
    ] = 12500,
    sync_s: Annotated[
        str, typer.Option("--horizontal-pod-autoscaler-sync-period", help="How often an autoscaler is looked at.")
    ] = "15s",
    tolerance: Annotated[
        str,
        typer.Option(
            "--horizontal-pod-autoscaler-tolerance", help="How far from its target is near enough: 0.1 is 10%."
        ),
    ] = "0.1",
    downscale_s: Annotated[
        str,
        typer.Option(
            "--horizontal-pod-autoscaler-downscale-stabilization",
            help="How long higher recommendations hold a scale-down up.",
        ),
    ] = "5m",
    cpu_s: Annotated[
        str,
        typer.Option(
            "--horizontal-pod-autoscaler-cpu-initialization-period",
            help="After a Pod's start its CPU counts only while it is ready.",
        ),
    ] = "5m",
    readiness_s: Annotated[
        str,
        typer.Option(
            "--horizontal-pod-autoscaler-initial-readiness-delay",
            help="A Pod unready since this time after its start counts as never ready.",
        ),
    ] = "30s",
    leader_elect: Annotated[
        str, typer.Option("--leader-elect", metavar=flags.BOOL, help="Wait for the Lease before working.")
    ] = "true",
    lease_duration: Annotated[
        str, typer.Option("--leader-elect-lease-duration", help="How long a Lease that is not renewed holds.")
    ] = "15s",
    renew_deadline: Annotated[
        str, typer.Option("--leader-elect-renew-deadline", help="How long the leader tries to renew it.")
    ] = "10s",
    retry_period: Annotated[
        str, typer.Option("--leader-elect-retry-period", help="The pause between tries to take or renew it.")
    ] = "2s",
    resource_lock: Annotated[
        str, typer.Option("--leader-elect-resource-lock", help="What the lock is: leases.")
    ] = "leases",
    resource_name: Annotated[
        str, typer.Option("--leader-elect-resource-name", help="The Lease's name.")
    ] = "kube-controller-manager",
    resource_namespace: Annotated[
        str, typer.Option("--leader-elect-resource-namespace", help="The Lease's namespace.")
    ] = "kube-system",
    account_credentials: Annotated[
        str,
        typer.Option(
            "--use-service-account-credentials",
            metavar=flags.BOOL,
            help="Only false: every loop works as system:kube-controller-manager.",
        ),
    ] = "false",
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Run the control loops.

    --concurrent-deployment-syncs and its like say how many objects of a kind are worked on at once.
    """
    from hyperpy.components import standalone
    from hyperpy.components.controllers.component import Controllers
    from hyperpy.components.controllers.nodes.node_zones import Rates
    from hyperpy.components.controllers.options import Autoscaling, Options

    if flags.boolean("--use-service-account-credentials", account_credentials):
        raise UserError(
            "--use-service-account-credentials: every loop works as system:kube-controller-manager; leave it out"
        )
    if resource_lock != "leases":
        raise UserError(f"--leader-elect-resource-lock={resource_lock}: there is no other lock than leases")
    _check_masks(cluster_cidr, both=mask_size, ipv4=mask_size_ipv4, ipv6=mask_size_ipv6)
    access = standalone.access(kubeconfig_path=kubeconfig, server=master)
    options = Options(
        controllers=tuple(name.strip() for name in controllers.split(",") if name.strip()),
        cluster_cidr=cluster_cidr,
        service_cidr=service_cidr,
        node_cidr_mask_size_ipv4=mask_size_ipv4 or mask_size or 24,
        node_cidr_mask_size_ipv6=mask_size_ipv6 or mask_size or 64,
        root_ca_pem=_read(root_ca_file) if root_ca_file is not None else access.ca_pem or _own_ca(),
        service_account_key_file=account_key_file or _own_account_key(access.ca_pem),
        legacy_token_unused_s=_unused(unused),
        authority=_authority(signing_cert_file, signing_key_file, access.ca_pem),
        certificate_lifetime_s=flags.seconds("--cluster-signing-duration", signing_duration),
        node_monitor_grace_s=flags.seconds("--node-monitor-grace-period", grace_s),
        node_startup_grace_s=flags.seconds("--node-startup-grace-period", startup_grace),
        eviction_rates=Rates(
            normal=flags.share("--node-eviction-rate", eviction_rate),
            secondary=flags.share("--secondary-node-eviction-rate", secondary_rate),
            large_zone=large_cluster,
            unhealthy_share=flags.share("--unhealthy-zone-threshold", unhealthy_share),
        ),
        terminated_pod_threshold=threshold,
        autoscaling=Autoscaling(
            sync_period_s=_period(f"{_AUTOSCALER}-sync-period", sync_s),
            tolerance=flags.share(f"{_AUTOSCALER}-tolerance", tolerance),
            downscale_stabilization_s=flags.seconds(f"{_AUTOSCALER}-downscale-stabilization", downscale_s),
            cpu_initialization_s=flags.seconds(f"{_AUTOSCALER}-cpu-initialization-period", cpu_s),
            initial_readiness_delay_s=flags.seconds(f"{_AUTOSCALER}-initial-readiness-delay", readiness_s),
        ),
        leader_elect=flags.boolean("--leader-elect", leader_elect),
        lease_times=_lease_times(lease_duration, renew_deadline, retry_period),
        lease_name=resource_name,
        lease_namespace=resource_namespace,
        workers=syncs.of(ctx),
    )
    standalone.run(
        access,
        lambda client, informers: [Controllers(client, informers, options)],
        name="controllers",
        verbosity=verbosity,
    )


def _period(flag: str, text: str) -> float:
    """A duration that something is repeated after. Raises UserError."""
    period_s = flags.seconds(flag, text)
    if period_s <= 0:
        raise UserError(f"{flag}={text} has to be longer than nothing")
    return period_s


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"--root-ca-file={file}: {error.strerror}") from error


def _lease_times(lease: str, renew: str, retry: str) -> LeaseTimes:
    """The times of leader election. Raises UserError when they do not fit together."""
    from hyperpy.client.leader import BadTimes, LeaseTimes

    times = LeaseTimes(
        lease_s=flags.seconds("--leader-elect-lease-duration", lease),
        renew_s=flags.seconds("--leader-elect-renew-deadline", renew),
        retry_s=flags.seconds("--leader-elect-retry-period", retry),
    )
    try:
        times.check()
    except BadTimes as error:
        raise UserError(str(error)) from error
    return times


def _check_masks(cluster_cidr: str, *, both: int, ipv4: int, ipv6: int) -> None:
    """Refuse a prefix length that no network of the cluster has a use for. Raises UserError."""
    networks = flags.words(cluster_cidr)
    has_ipv6 = any(":" in network for network in networks)
    has_ipv4 = any(":" not in network for network in networks)
    if both and (ipv4 or ipv6 or len(networks) > 1):
        raise UserError(
            "--node-cidr-mask-size is for one network; give --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6"
        )
    for size, has, family in ((ipv4, has_ipv4, "ipv4"), (ipv6, has_ipv6, "ipv6")):
        if size and not has:
            raise UserError(f"--node-cidr-mask-size-{family}={size}: --cluster-cidr={cluster_cidr} has no such network")


def _authority(cert_file: Path | None, key_file: Path | None, ca_pem: bytes) -> Authority | None:
    """What signs certificate requests: what the flags name, else the authority of the API server on this machine.

    Raises:
        UserError: a flag without the other one, or files that cannot be used.
    """
    from hyperpy.client.kubeconfig import data_dir
    from hyperpy.components.controllers.certificates.certificate_authority import Authority, CannotSign

    if cert_file is None and key_file is None:
        own = data_dir() / "pki"
        if not _is_ours(ca_pem) or not (own / "ca.key").exists():
            log.info("certificate requests are not signed: no --cluster-signing-cert-file was given")
            return None
        return Authority(own / "ca.crt", own / "ca.key")
    if cert_file is None or key_file is None:
        raise UserError("--cluster-signing-cert-file and --cluster-signing-key-file go together; give both")
    authority = Authority(cert_file, key_file)
    try:
        authority.check()
    except CannotSign as error:
        raise UserError(f"--cluster-signing-cert-file, --cluster-signing-key-file: {error}") from error
    return authority


def _own_account_key(ca_pem: bytes) -> Path | None:
    """The key of the API server on this machine, when that is the one we work for."""
    from hyperpy.client.kubeconfig import data_dir

    key_file = data_dir() / "pki" / "sa.key"
    return key_file if _is_ours(ca_pem) and key_file.exists() else None


def _is_ours(ca_pem: bytes) -> bool:
    """Whether an authority is that of the API server on this machine with the default data directory."""
    from hyperpy.client.kubeconfig import data_dir

    try:
        return (data_dir() / "pki" / "ca.crt").read_bytes() == ca_pem
    except OSError:
        return False


def _unused(text: str) -> float:
    flag = "--legacy-service-account-token-clean-up-period"
    found_s = flags.seconds(flag, text)
    if found_s < _DAY_S:
        raise UserError(f"{flag}={text} is less than 24h, and uses are noted by the day")
    return found_s


def _own_ca() -> bytes:
    """The authority of an API server on this machine with the default data directory; empty when there is none.

    Without any, `kube-root-ca.crt` is not published, and Pods that mount it wait.
    """
    from hyperpy.client.kubeconfig import data_dir

    try:
        return (data_dir() / "pki" / "ca.crt").read_bytes()
    except OSError:
        log.warning("no authority to publish to Pods: give --root-ca-file, or their volumes wait for kube-root-ca.crt")
        return b""
