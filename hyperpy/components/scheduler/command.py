"""hyperpy scheduler: the scheduler as a process of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from hyperpy import flags

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=flags.GoFlags)
def scheduler(
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="How to reach the API server.")] = "",
    master: Annotated[str, typer.Option("--master", help="URL of the API server; overrides the kubeconfig's.")] = "",
    scheduler_name: Annotated[
        str, typer.Option("--scheduler-name", help="Takes the Pods that name this scheduler.")
    ] = "default-scheduler",
    leader_elect: Annotated[
        str, typer.Option("--leader-elect", metavar=flags.BOOL, help="Wait for the Lease before working.")
    ] = "true",
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Bind pending Pods to nodes."""
    from hyperpy.components import standalone
    from hyperpy.components.scheduler.component import Scheduler
    from hyperpy.components.scheduler.options import Options

    options = Options(scheduler_name=scheduler_name, leader_elect=flags.boolean("--leader-elect", leader_elect))
    standalone.run(
        standalone.access(kubeconfig_path=kubeconfig, server=master),
        lambda client, informers: [Scheduler(client, informers, options)],
        name="scheduler",
        verbosity=verbosity,
    )
