"""hyperpy all: a whole cluster in this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperpy import flags, shallow
from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError

if TYPE_CHECKING:
    from hyperpy.components.scheduler.options import Options as SchedulerOptions

RUNTIMES = ("auto", "docker", "remote", "embedded", "hollow")

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=QuickCommand)
def all_in_one(
    data_dir: Annotated[
        str, typer.Option("--data-dir", help="Where the cluster keeps everything [default: $HYPERPY_DATA_DIR].")
    ] = "",
    bind_address: Annotated[str, typer.Option("--bind-address", help="Where the API server listens.")] = "127.0.0.1",
    secure_port: Annotated[
        int, typer.Option("--secure-port", min=0, max=65535, help="Its port; 0 picks a free one.")
    ] = 6443,
    container_runtime: Annotated[
        str, typer.Option("--container-runtime", help="auto, docker, remote, embedded or hollow.")
    ] = "auto",
    container_runtime_endpoint: Annotated[
        str, typer.Option("--container-runtime-endpoint", help="The runtime's socket, such as unix:///run/x.sock.")
    ] = "",
    kubeconfig_out: Annotated[
        str, typer.Option("--kubeconfig-out", help="Write the admin's kubeconfig here too.")
    ] = "",
    apply: Annotated[
        str, typer.Option("--apply", help="A manifest file or folder to apply when the node is Ready.")
    ] = "",
    node_name: Annotated[
        str, typer.Option("--hostname-override", help="The name of the Node [default: the host's].")
    ] = "",
    service_cidr: Annotated[
        str, typer.Option("--service-cluster-ip-range", help="For ClusterIPs [default: a free one, kept].")
    ] = "",
    cluster_cidr: Annotated[str, typer.Option("--cluster-cidr", help="For pods [default: a free one, kept].")] = "",
    audit_policy_file: Annotated[
        str, typer.Option("--audit-policy-file", help="audit.k8s.io/v1 Policy: which requests are logged.")
    ] = "",
    audit_log_path: Annotated[
        str, typer.Option("--audit-log-path", help="Where the audit log goes; '-' is standard output.")
    ] = "",
    enable_admission_plugins: Annotated[
        str, typer.Option("--enable-admission-plugins", help="To ask beside the default ones, comma separated.")
    ] = "",
    disable_admission_plugins: Annotated[
        str, typer.Option("--disable-admission-plugins", help="To leave out, comma separated.")
    ] = "",
    admission_control_config_file: Annotated[
        str, typer.Option("--admission-control-config-file", help="Settings of admission plugins.")
    ] = "",
    scheduler_config: Annotated[
        str, typer.Option("--scheduler-config", help="KubeSchedulerConfiguration: profiles and plugins.")
    ] = "",
    datastore_endpoint: Annotated[
        str,
        typer.Option(
            "--datastore-endpoint",
            envvar="HYPERPY_DATASTORE_ENDPOINT",
            help="Keep objects in this database: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
        ),
    ] = "",
    etcd_servers: Annotated[
        str, typer.Option("--etcd-servers", help="Keep objects in this etcd: URLs, comma separated.")
    ] = "",
    etcd_cafile: Annotated[Path | None, typer.Option("--etcd-cafile", help="PEM authority of etcd's members.")] = None,
    etcd_certfile: Annotated[Path | None, typer.Option("--etcd-certfile", help="PEM certificate for etcd.")] = None,
    etcd_keyfile: Annotated[Path | None, typer.Option("--etcd-keyfile", help="Its PEM key.")] = None,
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Run a whole cluster: API server, scheduler, controllers, kubelet and proxy."""
    if container_runtime not in RUNTIMES:
        raise UserError(f"--container-runtime={container_runtime}: use one of {', '.join(RUNTIMES)}")
    if apply and not Path(apply).exists():
        raise UserError(f"--apply {apply}: there is no such file or folder")

    shallow.package("aiohttp")
    from hyperpy.client import kubeconfig
    from hyperpy.components import loop, supervisor
    from hyperpy.components.cluster import Cluster, Options, choose
    from hyperpy.components.datadir import DataDir

    options = Options(
        data_dir=Path(data_dir) if data_dir else kubeconfig.data_dir(),
        bind_address=bind_address,
        secure_port=secure_port,
        container_runtime=container_runtime,
        container_runtime_endpoint=container_runtime_endpoint,
        kubeconfig_out=Path(kubeconfig_out) if kubeconfig_out else None,
        apply=Path(apply) if apply else None,
        node_name=node_name,
        service_cidr=service_cidr,
        cluster_cidr=cluster_cidr,
        default_data_dir=not data_dir,
        datastore_endpoint=datastore_endpoint,
        scheduler=_scheduler(scheduler_config) if scheduler_config else None,
        etcd_servers=flags.words(etcd_servers),
        etcd_ca_file=etcd_cafile,
        etcd_cert_file=etcd_certfile,
        etcd_key_file=etcd_keyfile,
        audit_policy_file=Path(audit_policy_file) if audit_policy_file else None,
        audit_log_path=audit_log_path,
        enable_admission_plugins=flags.words(enable_admission_plugins),
        disable_admission_plugins=flags.words(disable_admission_plugins),
        admission_control_config_file=Path(admission_control_config_file) if admission_control_config_file else None,
    )

    async def main() -> None:
        with DataDir(options.data_dir) as data:
            chosen = choose(options, data)
            try:
                await supervisor.run(Cluster(options, data, chosen.record).components())
            finally:
                for claim in chosen.claims:
                    claim.release()

    loop.run(main(), verbosity=verbosity)


def _scheduler(file: str) -> SchedulerOptions:
    """The scheduler's options in a file, which must not name another cluster."""
    from hyperpy.components.scheduler import configuration_file

    try:
        found = configuration_file.read(Path(file), elects=False)
    except configuration_file.ConfigurationError as error:
        raise UserError(f"--scheduler-config {error}") from error
    if found.kubeconfig:
        raise UserError(f"--scheduler-config {file}: clientConnection.kubeconfig: the scheduler is in this process")
    return found.options
