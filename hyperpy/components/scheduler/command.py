"""hyperpy scheduler: the scheduler as a process of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperpy import flags
from hyperpy.commands import UserError

if TYPE_CHECKING:
    from hyperpy.components.scheduler.options import LeaderElection, Options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=flags.GoFlags)
def scheduler(
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="How to reach the API server.")] = "",
    master: Annotated[str, typer.Option("--master", help="URL of the API server; overrides the kubeconfig's.")] = "",
    config: Annotated[
        str, typer.Option("--config", help="kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration.")
    ] = "",
    scheduler_name: Annotated[
        str, typer.Option("--scheduler-name", help="Takes the Pods that name this scheduler [default-scheduler].")
    ] = "",
    leader_elect: Annotated[
        str, typer.Option("--leader-elect", metavar=flags.BOOL, help="Wait for the Lease before working [true].")
    ] = "",
    lease_name: Annotated[
        str, typer.Option("--leader-elect-resource-name", help="The Lease; one for each scheduler [kube-scheduler].")
    ] = "",
    lease_namespace: Annotated[
        str, typer.Option("--leader-elect-resource-namespace", help="Where it is [kube-system].")
    ] = "",
    lease_s: Annotated[
        str, typer.Option("--leader-elect-lease-duration", help="How long it holds without being renewed [15s].")
    ] = "",
    renew_s: Annotated[
        str, typer.Option("--leader-elect-renew-deadline", help="How long the leader tries to renew it [10s].")
    ] = "",
    retry_s: Annotated[str, typer.Option("--leader-elect-retry-period", help="The pause between tries [2s].")] = "",
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Bind pending Pods to nodes."""
    from hyperpy.components import standalone
    from hyperpy.components.scheduler.component import Scheduler

    if config and scheduler_name:
        raise UserError(f"--scheduler-name={scheduler_name}: the profiles in --config have their names; leave it out")
    options, file_kubeconfig = _settings(config, scheduler_name)
    election = _election(
        options.leader_election,
        wait=leader_elect,
        name=lease_name,
        namespace=lease_namespace,
        times={"lease-duration": lease_s, "renew-deadline": renew_s, "retry-period": retry_s},
    )
    options = replace(options, leader_election=election)
    standalone.run(
        standalone.access(kubeconfig_path=kubeconfig or file_kubeconfig, server=master),
        lambda client, informers: [Scheduler(client, informers, options)],
        name="scheduler",
        verbosity=verbosity,
    )


def _settings(config: str, scheduler_name: str) -> tuple[Options, str]:
    """The options of the file, or of a profile under a name; and the kubeconfig that the file names."""
    from hyperpy.components.scheduler.options import LeaderElection, Options
    from hyperpy.components.scheduler.pod_info import DEFAULT_SCHEDULER
    from hyperpy.components.scheduler.profiles import ProfileSpec

    if config:
        from hyperpy.components.scheduler import configuration_file

        try:
            found = configuration_file.read(Path(config))
        except configuration_file.ConfigurationError as error:
            raise UserError(f"--config {error}") from error
        return found.options, found.kubeconfig
    profile = ProfileSpec(scheduler_name or DEFAULT_SCHEDULER)
    return Options((profile,), leader_election=LeaderElection(wait=True)), ""


def _election(
    election: LeaderElection, *, wait: str, name: str, namespace: str, times: dict[str, str]
) -> LeaderElection:
    """The election of the file, or the usual one, with what flags say instead.

    Raises:
        UserError: the times do not fit together, or are none.
    """
    given = {flag: flags.seconds(f"--leader-elect-{flag}", text) for flag, text in times.items() if text}
    old = election.times
    new = replace(
        old,
        lease_s=given.get("lease-duration", old.lease_s),
        renew_s=given.get("renew-deadline", old.renew_s),
        retry_s=given.get("retry-period", old.retry_s),
    )
    if not 0 < new.retry_s < new.renew_s < new.lease_s:
        raise UserError(
            f"--leader-elect: retry period ({new.retry_s:g}s) < renew deadline ({new.renew_s:g}s) < "
            f"lease duration ({new.lease_s:g}s) must hold"
        )
    return replace(
        election,
        wait=flags.boolean("--leader-elect", wait) if wait else election.wait,
        name=name or election.name,
        namespace=namespace or election.namespace,
        times=new,
    )
