"""hyperpy controllers: the control loops as a process of their own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from hyperpy import flags
from hyperpy.commands import UserError

log = logging.getLogger(__name__)

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=flags.GoFlags)
def controllers(
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="How to reach the API server.")] = "",
    master: Annotated[str, typer.Option("--master", help="URL of the API server; overrides the kubeconfig's.")] = "",
    controllers: Annotated[
        str, typer.Option("--controllers", help="Names, comma separated; * is all, -NAME leaves one out.")
    ] = "*",
    cluster_cidr: Annotated[
        str, typer.Option("--cluster-cidr", help="The network that Pod networks are cut from; empty: none are given.")
    ] = "10.244.0.0/16",
    service_cidr: Annotated[
        str, typer.Option("--service-cluster-ip-range", help="The ClusterIP range, as the API server has it.")
    ] = "10.96.0.0/16",
    mask_size: Annotated[
        int, typer.Option("--node-cidr-mask-size", help="The prefix length of one node's Pod network.")
    ] = 24,
    root_ca_file: Annotated[
        Path | None,
        typer.Option("--root-ca-file", help="PEM authority published to Pods [default: the kubeconfig's, else ours]."),
    ] = None,
    grace_s: Annotated[
        str, typer.Option("--node-monitor-grace-period", help="Silence after which a node counts as lost.")
    ] = "40s",
    threshold: Annotated[
        int, typer.Option("--terminated-pod-gc-threshold", help="Finished Pods that are kept; 0 keeps all.")
    ] = 12500,
    leader_elect: Annotated[
        str, typer.Option("--leader-elect", metavar=flags.BOOL, help="Wait for the Lease before working.")
    ] = "true",
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Run the control loops."""
    from hyperpy.components import standalone
    from hyperpy.components.controllers.component import Controllers
    from hyperpy.components.controllers.options import Options

    access = standalone.access(kubeconfig_path=kubeconfig, server=master)
    options = Options(
        controllers=tuple(name.strip() for name in controllers.split(",") if name.strip()),
        cluster_cidr=cluster_cidr,
        service_cidr=service_cidr,
        node_cidr_mask_size=mask_size,
        root_ca_pem=_read(root_ca_file) if root_ca_file is not None else access.ca_pem or _own_ca(),
        node_monitor_grace_s=flags.seconds("--node-monitor-grace-period", grace_s),
        terminated_pod_threshold=threshold,
        leader_elect=flags.boolean("--leader-elect", leader_elect),
    )
    standalone.run(
        access,
        lambda client, informers: [Controllers(client, informers, options)],
        name="controllers",
        verbosity=verbosity,
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"--root-ca-file={file}: {error.strerror}") from error


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
